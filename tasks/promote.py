"""Gather every task's report and put the best version into Production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import Asset, AssetAlias, get_current_context

from podium import decisions, recording, registry
from podium.plan import Job
from podium.project import find_project
from podium.promotion import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def promote_best(
    pipeline: str,
    dataset: str | Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    metric: str = Rule.metric,
    min_improvement: float = 0.0,
    candidates: Literal["results", "registry"] = "results",
    configs: Iterable[dict[str, Any]] | None = None,
    results: Sequence[dict[str, Any]] | None = None,
    on_promotion: Any = None,  # noqa: ARG001 - podium.messages takes the three out when the DAG is built
    on_rejection: Any = None,  # noqa: ARG001
    on_failure: Any = None,  # noqa: ARG001
) -> dict[str, Any]:
    """Compare candidates with the champion and make the best Production; ties go to the champion, then the earlier.

    Parameters
    ----------
    pipeline, dataset, split
        As in :func:`tasks.detect.detect_configs`.
    metric : str
        What decides, on the held-out rows: one of :data:`podium.metrics.GREATER_IS_BETTER`.
    min_improvement : float
        By how much a challenger must be better, in the metric's units.
    candidates : {"results", "registry"}
        Compare the versions of `results`, or every version that passed validation.
    configs : iterable of dict, optional
        What was handed to the mapped tasks; those that are not in `results` have failed.
    results : sequence of dict, optional
        What the mapped tasks returned.
    on_promotion : notifier or list, optional
        Airflow notifiers that are told when something new is in Production; their templates know the ``decision``.
    on_rejection : notifier or list, optional
        Told when there were candidates and none of them was promoted.
    on_failure : notifier or list, optional
        Told when the step failed, or anything that reports to it.

    Returns
    -------
    dict
        ``verdict``, ``reason``, ``version`` now in Production and ``previous``, how many ``candidates`` there were,
        and the names that ``failed``.
    """
    job = Job.from_spec(find_project(), pipeline, dataset, split)
    rule = Rule(metric, min_improvement)
    # Airflow fetches what the mapped tasks returned one by one, except for a slice, which is one request.
    reports = list(results[:]) if results else []
    tags = recording.task_tags()
    if registry.DAG_RUN in tags:
        registry.Registry(pipeline).close_unfinished(
            f"tags.`{registry.DAG_RUN}` = '{tags[registry.DAG_RUN]}'", "its task ended without finishing it"
        )
    numbers = {report["version"] for report in reports} if candidates == "results" else None
    decision = decisions.promote(job, rule, numbers, {**tags, decisions.BY: tags.get(registry.DAG_ID, "podium")})
    names = {report["name"] for report in reports}
    failed = [entry["name"] for entry in configs or [] if entry["name"] not in names]
    print(decisions.markdown(decision, rule))
    if numbers and tags:
        _announce(pipeline)
    if failed:
        print(f"{len(failed)} failed: {', '.join(failed)}")
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "version": decision.champion.version if decision.champion else None,
        "previous": decision.previous.version if decision.previous else None,
        "candidates": len(decision.ranking) - (decision.previous is not None),
        "failed": failed,
        "run_id": next(registry.Registry(pipeline).runs(suffix=decisions.EXPERIMENT_SUFFIX)).info.run_id,
    }


def _announce(pipeline: str) -> None:
    """Tell what waits for new models, through the asset aliases that the spec gives the task as outlets.

    An outlet that is an asset would be announced by every run, those that registered nothing too.
    """
    context = get_current_context()
    for outlet in context["task"].outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(Asset(f"{pipeline}_models"))
