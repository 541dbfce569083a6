"""MLflow as Podium uses it: runs, model versions, the one in Production, and the record of why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


# Tags of runs and versions.
IDENTITY = "podium.training.fingerprint"
CONFIG = "podium.config"
ESTIMATOR = "podium.estimator"
CONFIG_DIGEST = "podium.config_digest"
DATA = "podium.data.datasets"
DATA_DIGEST = "podium.data_digest"
SPLIT_DIGEST = "podium.split_digest"
COMMIT = "podium.git_commit"
DAG_ID, DAG_RUN = "podium.dag_id", "podium.dag_run_id"
TRY = "podium.try_number"
AIRFLOW_TASK = "podium.airflow_task"
DEPLOYED = "podium.deployed"
ERROR = "podium.error"
OWN_FAULT = "podium.own_fault"
ROLLED_BACK = "podium.rolled_back"
VALIDATION, VALIDATION_REASON = "podium.promotion.validation", "podium.validation_reason"
# Scores on the held-out rows as JSON, and which rows these were.
SCORES, SCORED_ON = "podium.scores", "podium.scored_on"
# What a shadow has measured, as JSON, and the version in Production that it was beside.
SHADOW, SHADOW_AGAINST = "podium.shadow", "podium.shadow_against"
# Key of the XCom in which a training that fails leaves the id of its run; one that succeeds returns it.
FAILED_RUN = "podium_failed_run"

# Tags of decisions.
VERDICT, REASON, BY = "podium.verdict", "podium.reason", "podium.by"
# Why the version before must not win again, where a person has rolled back from it.
AGAINST = "podium.against"
FROM_VERSION, TO_VERSION = "podium.from_version", "podium.to_version"
# The version that a decision wanted in Production, also where it did not come to that.
PROPOSED = "podium.proposed_version"
APPROVAL, APPROVER = "podium.airflow.approval", "podium.approver"
MODE = "podium.mode"
SPEC_DIGEST = "podium.spec_digest"


def note(text: str, tags: Mapping[str, str]) -> str:
    """Return the description of a run as Markdown, with a link to the Airflow task that its tags name."""
    task = tags.get(AIRFLOW_TASK)
    return "\n\n".join(filter(None, (text, f"[The task in Airflow]({task})" if task else "")))
