"""Find the classifier configs to train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from podium.airflow import environment
from podium.airflow.failures import fails_at_once
from podium.airflow.run_arguments import as_bool, check_configuration
from podium.airflow.task_log import say
from podium.data import datasets
from podium.errors import PodiumError
from podium.pipeline.spec import metrics_of
from podium.registry import data_records, provenance, tag_names
from podium.training import plan
from podium.training.job import Job
from podium.training.metric_check import MetricCheck

if TYPE_CHECKING:
    from collections.abc import Mapping


@fails_at_once
def detect_configs(
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    folder: str | None = None,
    retry_failed: bool | str = False,
) -> list[dict[str, Any]]:
    """List the candidates to train: one entry, and so one mapped task, each.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline.
    dataset : str or mapping
        scikit-learn's data set by name, or ``{path, target}``.
    split : mapping, optional
        ``kind``, its column, ``test_size``, ``folds`` and ``seed``: see :class:`podium.data.splits.Split`.
    folder : str, optional
        Folder of the configs. Default: ``config/<pipeline>``.
    retry_failed : bool or str
        Retrain configs that failed because of their own content. A templated ``"True"`` counts as true.

    Returns
    -------
    list of dict
        The arguments of the mapped tasks: see :mod:`podium.training.entry`.

    Raises
    ------
    AirflowFailException
        If the rows cannot be read or divided, or their labels do not define a metric that the spec decides by, the run
        was started with a param that the DAG does not have, or `retry_failed` is neither true nor false; Airflow does
        not retry it.
    """
    check_configuration()
    again = as_bool("retry_failed", retry_failed)
    job = Job.from_spec(environment.project(), pipeline, dataset, split, folder)
    _close_interrupted_runs(pipeline)
    dag_id = provenance.task_tags().get(tag_names.DAG_ID)
    check = MetricCheck(job, metrics_of(job.project, pipeline, dag_id))
    _check_data(check)
    items = plan.plan(environment.registry(pipeline), job, retry_failed=again, check=check)
    for item in items:
        say(item.line())
    new = [item for item in items if item.action != "skip"]
    if not new:
        say(f"nothing new in {job.shown_folder}")
        return []
    if any(item.action == "train" for item in new):
        _record_rows(pipeline, job)
    commit, experiment = provenance.git_commit(job.project.root), environment.registry(pipeline).experiment_id()
    return [item.entry(job.project, commit, experiment, check.scorers) for item in new]


def _check_data(check: MetricCheck) -> None:
    try:
        check.check_data()
    except PodiumError as error:  # a retry would not help
        raise AirflowFailException(str(error)) from error


def _record_rows(pipeline: str, job: Job) -> None:
    """Record which rows are trained on, so that they are recognised later; show what is special about the split."""
    try:
        record = data_records.ensure(
            environment.registry(pipeline), job.tags, lambda: datasets.load(job.dataset, job.split)
        )
    except PodiumError as error:  # no training could use the rows, and a retry would not help
        raise AirflowFailException(str(error)) from error
    for note in record.data.tags.get(tag_names.DATA_NOTES, "").splitlines():
        say(f"data: {note}")
    for note in record.data.tags.get(tag_names.NOTES, "").splitlines():
        say(f"warning: {note}")


def _close_interrupted_runs(pipeline: str) -> None:
    """Close open MLflow runs of this DAG's earlier runs: DAG runs do not overlap, so these were killed."""
    tags = provenance.task_tags()
    if tags:
        of_this_dag = f"tags.`{tag_names.DAG_ID}` = '{tags[tag_names.DAG_ID]}'"
        earlier = f"{of_this_dag} and tags.`{tag_names.DAG_RUN}` != '{tags[tag_names.DAG_RUN]}'"
        environment.registry(pipeline).close_unfinished(earlier, "its process was killed")
