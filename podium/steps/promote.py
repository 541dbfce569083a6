"""Gather every task's report and put the best version into Production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import Asset, AssetAlias, get_current_context

from podium.airflow import environment
from podium.evaluation.gates import from_spec as gates_from_spec
from podium.promotion import decisions, report
from podium.promotion.rules import Rule
from podium.registry import provenance, tag_names
from podium.specs import files
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def promote_best(
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    metric: str = Rule.metric,
    min_improvement: float = 0.0,
    gates: Mapping[str, Any] | None = None,
    confidence: float | None = None,
    mode: Literal["enabled", "dry_run", "disabled"] = "enabled",
    approval: Literal["required"] | None = None,
    candidates: Literal["results", "registry"] = "results",
    configs: Iterable[dict[str, Any]] | None = None,
    results: Sequence[dict[str, Any]] | None = None,
) -> Mapping[str, Any]:  # of a dict, Airflow would store each value apart as well
    """Compare candidates with the champion and make the best Production; ties go to the champion, then the earlier.

    Parameters
    ----------
    pipeline, dataset, split
        As in :func:`podium.steps.detect.detect_configs`.
    metric : str
        What decides, on the held-out rows: one of :data:`podium.evaluation.metrics.GREATER_IS_BETTER`.
    min_improvement : float
        By how much a challenger must be better, in the metric's units.
    gates : mapping, optional
        What a version must pass: by metric, ``threshold``, ``min_absolute_change`` and ``min_relative_change``, with
        the meaning that MLflow's ``MetricThreshold`` gives them; see :class:`podium.evaluation.gates.Gate`.
    confidence : float, optional
        How sure it has to be that a challenger's lead over the champion is not luck, such as 0.95; the metric alone
        decides when left out.
    mode : {"enabled", "dry_run", "disabled"}
        With ``dry_run`` all is checked and recorded and Production stays as it is; with ``disabled`` it stays too, and
        what the logged scores alone would have decided is recorded, without asking a model.
    approval : {"required"}, optional
        Production changes when a person has approved: the spec needs a task of
        :class:`podium.airflow.approval.PromotionApproval` after this one.
    candidates : {"results", "registry"}
        Compare the versions of `results`, or every version that passed validation.
    configs : iterable of dict, optional
        What was handed to the mapped tasks; those that are not in `results` have failed.
    results : sequence of dict, optional
        What the mapped tasks returned.

    Returns
    -------
    dict
        ``verdict``, ``reason``, the ``version`` that was decided on and ``previous``, how many ``candidates`` there
        were, the names that ``failed``, and ``run_id`` of the record in MLflow.
    """
    project = environment.project()
    job = Job.from_spec(project, pipeline, dataset, split)
    rule = Rule(metric, min_improvement, gates_from_spec(gates), confidence)
    # Airflow fetches what the mapped tasks returned one by one, except for a slice, which is one request.
    trained = list(results[:]) if results else []
    task = provenance.task_tags()
    if tag_names.DAG_RUN in task:
        environment.registry(pipeline).close_unfinished(
            f"tags.`{tag_names.DAG_RUN}` = '{task[tag_names.DAG_RUN]}'", "its task ended without finishing it"
        )
    numbers = {one["version"] for one in trained} if candidates == "results" else None
    tags = {
        **task,
        **job.tags,
        tag_names.BY: task.get(tag_names.DAG_ID, "podium"),
        tag_names.COMMIT: provenance.git_commit(project.root),
        tag_names.SPEC_DIGEST: files.digest(project, task.get(tag_names.DAG_ID, "")),
    }
    outcome = decisions.promote(
        environment.registry(pipeline), job, rule, numbers, tags, mode, approval=approval == "required"
    )
    decision = outcome.decision
    names = {one["name"] for one in trained}
    failed = [entry["name"] for entry in configs or [] if entry["name"] not in names]
    print(report.markdown(decision, rule, outcome.verdict))
    if numbers and task:
        _announce(pipeline)
    if failed:
        print(f"{len(failed)} failed: {', '.join(failed)}")
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
    """Tell what waits for new models, through the asset aliases that the spec gives the task as outlets.

    An outlet that is an asset would be announced by every run, those that registered nothing too.
    """
    context = get_current_context()
    for outlet in context["task"].outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(Asset(f"{pipeline}_models"))
