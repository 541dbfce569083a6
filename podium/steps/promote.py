"""Collect the results of the mapped tasks and promote the best version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import Asset, AssetAlias, get_current_context

from podium.airflow import environment
from podium.airflow.failures import fails_at_once
from podium.airflow.task_log import say
from podium.data import datasets
from podium.evaluation.gates import from_spec as gates_from_spec
from podium.promotion import decisions, log_lines
from podium.promotion.rules import Rule
from podium.registry import data_records, provenance, tag_names
from podium.specs import files
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podium.project import Project
    from podium.registry.client import Registry


@fails_at_once
def promote_best(
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    metric: str = Rule.metric,
    min_improvement: float = 0.0,
    gates: Mapping[str, Any] | None = None,
    confidence: float | None = None,
    min_comparison_rows: int | None = None,
    mode: Literal["enabled", "dry_run", "disabled"] = "enabled",
    approval: Literal["required"] | None = None,
    candidates: Literal["results", "registry"] = "results",
    configs: Iterable[dict[str, Any]] | None = None,
    results: Sequence[dict[str, Any]] | None = None,
    protect: bool = False,
) -> Mapping[str, Any]:  # for a dict, Airflow would also store each value separately
    """Compare candidates with the champion and promote the best; ties go to the champion, then to the earlier version.

    Parameters
    ----------
    pipeline, dataset, split
        As in :func:`podium.steps.detect.detect_configs`.
    metric : str
        The deciding metric, on the held-out rows: one of :data:`podium.evaluation.metrics.GREATER_IS_BETTER`.
    min_improvement : float
        By how much a challenger must be better, in the metric's units.
    gates : mapping, optional
        Requirements on every version: by metric, ``threshold``, ``min_absolute_change`` and ``min_relative_change``, as
        in MLflow's ``MetricThreshold``; see :class:`podium.evaluation.gates.Gate`.
    confidence : float, optional
        Confidence, such as 0.95, at which a challenger's lead over the champion must be statistically significant.
        Default: the metric alone decides.
    min_comparison_rows : int, optional
        If the champion was trained on some of the held-out rows, it is compared on the others if they are at least this
        many. Otherwise its config is trained again for the comparison. Default: the rows that the test needs to find a
        gain of 0.1 with a power of 80 %; 122 with a confidence of 0.95.
    mode : {"enabled", "dry_run", "disabled"}
        ``dry_run`` validates, decides and records, but does not change Production. ``disabled`` records the decision
        that the logged scores alone would give, without loading challengers, and does not change Production either.
    approval : {"required"}, optional
        Production changes only after a person has approved. The spec needs a
        :class:`podium.airflow.approval.PromotionApproval` task after this one.
    candidates : {"results", "registry"}
        Compare the versions of `results`, or every version that passed validation.
    configs : iterable of dict, optional
        The arguments of the mapped tasks; those without a result have failed.
    results : sequence of dict, optional
        The results of the mapped tasks.
    protect : bool
        Undo what somebody has moved by hand in MLflow: the stage ``Production`` or the alias ``production``. Otherwise
        that counts as a decision of its own. Either is recorded.

    Returns
    -------
    dict
        ``verdict``, ``reason``, the chosen ``version`` and the ``previous`` one, the number of ``candidates``, the
        names of the configs that ``failed``, and the ``run_id`` of the record in MLflow.
    """
    project = environment.project()
    job = Job.from_spec(project, pipeline, dataset, split)
    rule = Rule(metric, min_improvement, gates_from_spec(gates), confidence, min_comparison_rows)
    # Airflow fetches the results of mapped tasks one by one, except for a slice, which is one request.
    trained = list(results[:]) if results else []
    numbers = {one["version"] for one in trained} if candidates == "results" else None
    models = environment.registry(pipeline)
    task = provenance.task_tags()
    _close_interrupted_runs(models, task)
    tags = {**job.tags, **_provenance(project, task), **({tag_names.PROTECT: "true"} if protect else {})}
    outcome = decisions.promote(models, job, rule, numbers, tags, mode, approval=approval == "required")
    if numbers and task:
        _announce(pipeline)
    if job.dataset.path and numbers:
        data_records.add_page(models, job.tags, datasets.load(job.dataset, job.split))
    failed = _failed(configs or [], trained)
    say("\n".join(log_lines.lines(outcome.decision, rule, outcome.verdict, failed)))
    return _result(outcome, failed)


def _close_interrupted_runs(models: Registry, task: Mapping[str, str]) -> None:
    """Close the open MLflow runs of this DAG run: its trainings have ended, so these were killed."""
    if tag_names.DAG_RUN in task:
        of_this_run = f"tags.`{tag_names.DAG_RUN}` = '{task[tag_names.DAG_RUN]}'"
        models.close_unfinished(of_this_run, "its task ended without finishing it")


def _provenance(project: Project, task: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a decision's run that say who decides, at which commit and by which spec."""
    dag_id = task.get(tag_names.DAG_ID, "")
    return {
        **task,
        tag_names.BY: dag_id or "podium",
        tag_names.COMMIT: provenance.git_commit(project.root),
        tag_names.SPEC_DIGEST: files.digest(project, dag_id),
    }


def _failed(configs: Iterable[Mapping[str, Any]], trained: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the configs whose mapped tasks returned nothing."""
    names = {one["name"] for one in trained}
    return [entry["name"] for entry in configs if entry["name"] not in names]


def _result(outcome: decisions.Outcome, failed: list[str]) -> Mapping[str, Any]:
    decision = outcome.decision
    return {
        "verdict": outcome.verdict,
        "reason": decision.reason,
        "version": decision.champion.version if decision.champion else None,
        "previous": decision.previous.version if decision.previous else None,
        "candidates": len(decision.ranking) - (decision.previous is not None),
        "failed": failed,
        "run_id": outcome.run_id,
    }


def _announce(pipeline: str) -> None:
    """Emit an asset event for new models through the asset aliases in the task's outlets.

    An outlet that is an asset would get an event from every run, even if it registered nothing.
    """
    context = get_current_context()
    for outlet in context["task"].outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(Asset(f"{pipeline}_models"))
