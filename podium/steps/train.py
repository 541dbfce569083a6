"""Train one classifier config and register its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from podium.airflow import environment
from podium.airflow.failures import fails_at_once
from podium.airflow.processes import keep_process
from podium.data import datasets
from podium.errors import PodiumError
from podium.registry import data_records
from podium.training import cores, recording
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Mapping


@fails_at_once
def train_classifier(
    config: dict[str, Any],
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:  # for a dict, Airflow would also store each value separately, a request each
    """Cross-validate, fit, score, log and register one candidate.

    Parameters
    ----------
    config : dict
        An entry that ``detect`` returned.
    pipeline, dataset, split
        As in :func:`podium.steps.detect.detect_configs`.

    Returns
    -------
    dict
        ``name``, ``version``, ``run_id`` and ``metrics``.

    Raises
    ------
    AirflowFailException
        If the config cannot be trained; Airflow does not retry it.
    """
    if "error" in config:
        raise AirflowFailException(config["error"])
    from podium.training.fit import train

    job = Job.from_spec(environment.project(), pipeline, dataset, split)
    attempt = recording.Attempt.from_entry(environment.registry(pipeline), job, config)
    finished = attempt.finished_before() if _may_be_finished() else None
    if finished is not None:
        return finished
    try:
        rows = datasets.load(job.dataset, job.split)
        if job.identity(attempt.config) != attempt.entry.identity:  # the data has changed since `detect` recorded it
            data_records.ensure(attempt.models, job.tags, lambda: rows)
        with attempt.run() as record, cores.shared(job.project.home, rows.x_train.size):
            with record.own_fault():
                training = train(attempt.config, rows, job.split, attempt.entry.metrics)
            report = record.register(training, rows)
    except PodiumError as error:
        raise AirflowFailException(str(error)) from error
    keep_process()
    return report


def _may_be_finished() -> bool:
    """Return whether an earlier try, or a concurrent DAG run, may have trained the config since ``detect``."""
    try:
        context: Any = get_current_context()
    except RuntimeError:
        return True
    return bool(context["ti"].try_number > 1 or context["dag"].max_active_runs != 1)
