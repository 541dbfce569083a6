"""A pipeline's versions, best first, as JSON rows and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from podium.promotion import review
from podium.registry import client, tag_names

if TYPE_CHECKING:
    from podium.promotion.rules import Rule
    from podium.registry.client import Registry
    from podium.registry.versions import Version


# Metrics shown after the deciding one, as many as fit.
SHOWN_METRICS = ("accuracy", "f1_macro", "roc_auc", "log_loss", "balanced_accuracy")
WIDTH_WITHOUT_METRICS, WIDTH_OF_METRIC = 76, 12


def leaderboard(models: Registry, rule: Rule) -> list[dict[str, Any]]:
    """Return every version, best first by the rule's metric.

    Returns
    -------
    list of dict
        ``version``, ``config``, ``estimator``, ``metrics`` (on the held-out rows), ``stage``, ``aliases`` and
        ``validation`` (``passed``, ``failed`` or an empty string before the first check).
    """
    versions = {version.number: version for version in models.versions()}
    ranked = rule.ranked([review.candidate(version) for version in versions.values()])
    return [_row(versions[candidate.version]) for candidate in ranked]


def _row(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "config": version.config,
        "estimator": version.tags.get(tag_names.ESTIMATOR, ""),
        "metrics": version.metrics,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "validation": version.tags.get(tag_names.VALIDATION, ""),
    }


def table(rows: list[dict[str, Any]], title: str, rule: Rule, width: int) -> Table:
    """Return a leaderboard as a table: the deciding metric first, then as many others as fit the width."""
    others = [name for name in SHOWN_METRICS if name != rule.metric]
    metrics = [rule.metric, *others][: max(1, (width - WIDTH_WITHOUT_METRICS) // WIDTH_OF_METRIC)]
    shown = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("config", overflow="fold")
    shown.add_column("estimator", overflow="fold")
    for name in metrics:
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("version", justify="right", no_wrap=True)
    shown.add_column("stage", no_wrap=True)
    for row in rows:
        scores = [f"{row['metrics'][name]:.4f}" if name in row["metrics"] else "" for name in metrics]
        champion = client.PRODUCTION_ALIAS in row["aliases"]
        stage = "" if row["stage"] == "None" else row["stage"]
        style = "bold green" if champion else None
        shown.add_row(row["config"], row["estimator"], *scores, str(row["version"]), stage, style=style)
    return shown
