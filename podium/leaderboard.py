"""A pipeline's versions, best first, as rows for a program and as a table for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from podium import decisions, registry

if TYPE_CHECKING:
    from podium.promotion import Rule

SHOWN_METRICS = ("balanced_accuracy", "accuracy", "f1_macro", "log_loss", "roc_auc")


def leaderboard(models: registry.Registry, rule: Rule) -> list[dict[str, Any]]:
    """Return every version, best first by the rule's metric.

    Returns
    -------
    list of dict
        ``version``, ``config``, ``estimator``, ``metrics`` (on the held-out rows), ``stage``, ``aliases`` and
        ``validation`` (``passed``, ``failed`` or an empty string before the first check).
    """
    versions = {version.number: version for version in models.versions()}
    ranked = rule.ranked([decisions.candidate(version) for version in versions.values()])
    return [_row(versions[candidate.version]) for candidate in ranked]


def _row(version: registry.Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "config": version.config,
        "estimator": version.tags.get(registry.ESTIMATOR, ""),
        "metrics": version.metrics,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "validation": version.tags.get(registry.VALIDATION, ""),
    }


def table(rows: list[dict[str, Any]], title: str, rule: Rule) -> Table:
    """Return a leaderboard as a table; the deciding metric comes first."""
    metrics = (rule.metric, *(name for name in SHOWN_METRICS if name != rule.metric))
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    shown.add_column("config")
    shown.add_column("estimator")
    for name in metrics:
        shown.add_column(name.replace("_", " "), justify="right")
    shown.add_column("version", justify="right")
    shown.add_column("stage")
    for row in rows:
        scores = [f"{row['metrics'][name]:.4f}" if name in row["metrics"] else "" for name in metrics]
        champion = registry.PRODUCTION_ALIAS in row["aliases"]
        stage = "" if row["stage"] == "None" else row["stage"]
        style = "bold green" if champion else None
        shown.add_row(row["config"], row["estimator"], *scores, str(row["version"]), stage, style=style)
    return shown
