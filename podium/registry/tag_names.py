"""The names of Podium's tags on MLflow runs and model versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


# Tags of runs and versions.
IDENTITY = "podium.identity"
CONFIG = "podium.config"
ESTIMATOR = "podium.estimator"
CONFIG_DIGEST = "podium.config_digest"
DATA = "podium.data"
DATA_DIGEST = "podium.data_digest"
# Key facts of the data report on a training's run.
DATA_ROWS, DATA_COLUMNS, DATA_NOTES = "podium.data_rows", "podium.data_columns", "podium.data_notes"
SPLIT_DIGEST = "podium.split_digest"
COMMIT = "podium.git_commit"
DAG_ID, DAG_RUN = "podium.dag_id", "podium.dag_run_id"
TRY = "podium.try_number"
AIRFLOW_TASK = "podium.airflow_task"
DEPLOYED = "podium.deployed"
ERROR = "podium.error"
OWN_FAULT = "podium.own_fault"
ROLLED_BACK = "podium.rolled_back"
VALIDATION, VALIDATION_REASON = "podium.validation", "podium.validation_reason"
# The gates that the validation applied, as JSON.
VALIDATION_GATES = "podium.validation_gates"
# Scores on the held-out rows as JSON, and which rows these were.
SCORES, SCORED_ON = "podium.scores", "podium.scored_on"
# The rows that the last validation used; it may have given no scores.
CHECKED_ON = "podium.checked_on"
# The warnings of a training, as JSON; an empty list if there were none.
WARNINGS = "podium.warnings"
# What a shadow has measured, as JSON, and the version in Production that it was beside.
SHADOW, SHADOW_AGAINST = "podium.shadow", "podium.shadow_against"
# Key of the XCom in which a training that fails leaves the id of its run; one that succeeds returns it.
FAILED_RUN = "podium_failed_run"

# Tags of the records of data: what the keys of the rows are made of, and notes about the split.
KEY_SCHEME, NOTES = "podium.key_scheme", "podium.notes"

# Tags of decisions.
VERDICT, REASON, BY = "podium.verdict", "podium.reason", "podium.by"
# Why the previous version must not be promoted again, after a rollback.
AGAINST = "podium.against"
FROM_VERSION, TO_VERSION = "podium.from_version", "podium.to_version"
# The version that a decision proposed for Production, whether it was promoted or not.
PROPOSED = "podium.proposed_version"
APPROVAL, APPROVER = "podium.approval", "podium.approver"
# Set if another process than the one that made a decision has carried it out.
CARRIED_OUT = "podium.carried_out"
MODE = "podium.mode"
# Set if the spec undoes what somebody moves by hand.
PROTECT = "podium.protect"
SPEC_DIGEST = "podium.spec_digest"


def note(text: str, tags: Mapping[str, str]) -> str:
    """Return a run's description as Markdown, with a link to its Airflow task."""
    task = tags.get(AIRFLOW_TASK)
    return "\n\n".join(filter(None, (text, f"[The task in Airflow]({task})" if task else "")))
