"""A pipeline's versions, best first, as JSON rows and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from podium.promotion import review
from podium.registry import client, tag_names

if TYPE_CHECKING:
    from podium.promotion.rules import Rule
    from podium.registry.client import Registry
    from podium.registry.versions import Version


# Metrics shown after the deciding one, as many as fit.
SHOWN_METRICS = ("accuracy", "f1_macro", "roc_auc", "log_loss", "balanced_accuracy")
MOST_WARNINGS, MOST_CONFIGS = 10, 5
WIDTH_WITHOUT_METRICS, WIDTH_OF_METRIC = 76, 12


def leaderboard(models: Registry, rule: Rule, held_out: str | None = None) -> list[dict[str, Any]]:
    """Return every version, best first by the rule's metric.

    Only scores on today's held-out rows can be compared. Versions with scores on other rows follow, newest first.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    rule : Rule
        The rule that ranks.
    held_out : str or None
        Digest of today's held-out rows: see :meth:`podium.training.job.Job.held_out_digest`. None if the data is not
        at hand: then the rows of the newest version count.

    Returns
    -------
    list of dict
        ``version``, ``config``, ``estimator``, ``metrics`` (on held-out rows), ``of_other_rows`` (whether these are not
        today's), ``stage``, ``aliases``, ``validation`` (``passed``, ``failed`` or an empty string before the first
        check) and ``warnings`` (of its training: ``category``, ``message`` and ``count`` of each).
    """
    versions = {version.number: version for version in models.versions()}
    if held_out is None and versions:
        held_out = versions[max(versions)].scored_on
    of_today = [v for v in versions.values() if not v.scored_on or v.scored_on == held_out]
    ranked = [versions[candidate.version] for candidate in rule.ranked([review.candidate(v) for v in of_today])]
    others = [versions[number] for number in sorted(versions.keys() - {v.number for v in ranked}, reverse=True)]
    return [_row(version, of_other_rows=version in others) for version in (*ranked, *others)]


def _row(version: Version, *, of_other_rows: bool) -> dict[str, Any]:
    return {
        "version": version.number,
        "config": version.config,
        "estimator": version.tags.get(tag_names.ESTIMATOR, ""),
        "metrics": version.metrics,
        "of_other_rows": of_other_rows,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "validation": version.tags.get(tag_names.VALIDATION, ""),
        "warnings": version.warnings or [],
    }


def table(rows: list[dict[str, Any]], title: str, rule: Rule, width: int) -> Table:
    """Return a leaderboard as a table: the deciding metric first, then as many others as fit the width.

    Below it is each warning of the trainings, with the configs that gave it.
    """
    others = [name for name in SHOWN_METRICS if name != rule.metric]
    metrics = [rule.metric, *others][: max(1, (width - WIDTH_WITHOUT_METRICS) // WIDTH_OF_METRIC)]
    shown = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("config", overflow="fold")
    shown.add_column("estimator", overflow="fold")
    for name in metrics:
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("version", justify="right", no_wrap=True)
    shown.add_column("stage", no_wrap=True)
    is_mixed = any(row["of_other_rows"] for row in rows)
    if is_mixed:
        shown.add_column("scores", no_wrap=True)
    for row in rows:
        scores = [f"{row['metrics'][name]:.4f}" if name in row["metrics"] else "" for name in metrics]
        champion = client.PRODUCTION_ALIAS in row["aliases"]
        stage = "" if row["stage"] == "None" else row["stage"]
        style = "bold green" if champion else "dim" if row["of_other_rows"] else None
        notes = ["of other rows" if row["of_other_rows"] else ""] if is_mixed else []
        shown.add_row(row["config"], row["estimator"], *scores, str(row["version"]), stage, *notes, style=style)
    if found := _warnings(rows):
        shown.caption, shown.caption_justify, shown.caption_style = Text("\n".join(found)), "left", "yellow"
    return shown


def _warnings(rows: list[dict[str, Any]]) -> list[str]:
    """Return each warning in a line, and the configs whose training gave it."""
    configs: dict[str, list[str]] = {}
    for row in rows:
        for one in row["warnings"]:
            named = configs.setdefault(f"{one['category']}: {one['message']}", [])
            if row["config"] not in named:
                named.append(row["config"])
    lines = [f"{', '.join(_first(named, MOST_CONFIGS))}: {words}" for words, named in configs.items()]
    return _first(lines, MOST_WARNINGS)


def _first(words: list[str], most: int) -> list[str]:
    return words if len(words) <= most else [*words[:most], f"and {len(words) - most} more"]
