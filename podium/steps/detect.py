"""Find the classifier configs that have to be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.airflow import environment
from podium.registry import provenance, tag_names
from podium.training import plan
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Mapping


def detect_configs(
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    folder: str | None = None,
    retry_failed: bool | str = False,
) -> list[dict[str, Any]]:
    """List what has to train: one entry, and so one mapped task, per candidate.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline.
    dataset : str or mapping
        scikit-learn's data set by name, or ``{path, target}``.
    split : mapping, optional
        ``test_size``, ``folds`` and ``seed``.
    folder : str, optional
        Where the configs lie; ``config/<pipeline>`` when left out.
    retry_failed : bool or str
        Train again what failed by its own fault; a templated ``"True"`` counts.

    Returns
    -------
    list of dict
        ``name`` and either ``config`` and ``identity``, or ``error`` for a file that cannot be trained.
    """
    job = Job.from_spec(environment.project(), pipeline, dataset, split, folder)
    _close_what_died(pipeline)
    items = plan.plan(environment.registry(pipeline), job, retry_failed=str(retry_failed).lower() == "true")
    for item in items:
        print(item.line())
    new = [item for item in items if item.action != "skip"]
    if not new:
        print(f"nothing new in {job.shown_folder}")
        return []
    commit, experiment = provenance.git_commit(job.project.root), environment.registry(pipeline).experiment_id()
    return [item.entry(job.project, commit, experiment) for item in new]


def _close_what_died(pipeline: str) -> None:
    """Close the MLflow runs of this DAG's earlier runs: there is one run at a time, so whatever is open was killed."""
    tags = provenance.task_tags()
    if tags:
        of_this_dag = f"tags.`{tag_names.DAG_ID}` = '{tags[tag_names.DAG_ID]}'"
        earlier = f"{of_this_dag} and tags.`{tag_names.DAG_RUN}` != '{tags[tag_names.DAG_RUN]}'"
        environment.registry(pipeline).close_unfinished(earlier, "its process was killed")
