"""Validate the models in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.airflow import environment
from podium.airflow.failures import fails_at_once
from podium.airflow.processes import keep_process
from podium.airflow.run_arguments import as_bool, check_configuration
from podium.airflow.task_log import say
from podium.evaluation.gates import from_spec
from podium.promotion import validation
from podium.registry import tag_names
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Mapping


@fails_at_once
def list_versions(
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    again: bool | str = True,
) -> list[dict[str, Any]]:
    """List the versions to validate: one entry, and so one mapped task, each.

    Parameters
    ----------
    pipeline, dataset, split
        As in :func:`podium.steps.detect.detect_configs`.
    again : bool or str
        Also list versions that have already been validated on these rows. A templated ``"True"`` counts as true.

    Returns
    -------
    list of dict
        ``name`` and ``version``, oldest first.

    Raises
    ------
    AirflowFailException
        If the run was started with a param that the DAG does not have, or `again` is neither true nor false.
    """
    check_configuration()
    every = as_bool("again", again)
    job = Job.from_spec(environment.project(), pipeline, dataset, split)
    digest = job.held_out_digest()
    return [
        {"name": f"v{version.number} {version.config}", "version": version.number}
        for version in environment.registry(pipeline).versions()
        if every or version.checked_on != digest or tag_names.VALIDATION not in version.tags
    ]


@fails_at_once
def validate_version(
    model: dict[str, Any],
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    gates: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:  # for a dict, Airflow would also store each value separately
    """Load a version from the registry, score it on the held-out rows, and tag it with the verdict.

    A model that does not pass is not a failed task: promotion skips it and records why.

    Parameters
    ----------
    model : dict
        An entry of :func:`list_versions`.
    pipeline, dataset, split
        As in :func:`podium.steps.detect.detect_configs`.
    gates : mapping, optional
        As in :func:`podium.steps.promote.promote_best`; parts that need a champion are ignored here.

    Returns
    -------
    dict
        ``name``, ``version`` and ``metrics``.
    """
    job = Job.from_spec(environment.project(), pipeline, dataset, split)
    models = environment.registry(pipeline)
    version = models.version(model["version"])
    outcome = validation.check(models, version, job, from_spec(gates))
    unscored = f", not scored: {outcome.unscored}" if outcome.unscored else ""
    say(f"version {version.number} ({version.config}) {'; '.join(outcome.failures) or 'passed'}{unscored}")
    keep_process()
    return {"name": model["name"], "version": version.number, "metrics": outcome.scores}
