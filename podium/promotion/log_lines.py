"""A decision as plain lines for the log of its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.promotion.report import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.promotion.rules import Decision, Rule


def lines(decision: Decision, rule: Rule, verdict: str, failed: Sequence[str] = ()) -> list[str]:
    """Return the compared versions, the gates, the failed configs and, last, the decision.

    Parameters
    ----------
    decision : Decision
        The decision.
    rule : Rule
        The rule that decided.
    verdict : str
        What came of it.
    failed : sequence of str
        Configs that were not trained.
    """
    found = _aligned(decision, rule, verdict)
    if rule.gates:
        found.append(f"gates: {'; '.join(map(str, rule.gates))}")
    if failed:
        found.append(f"{len(failed)} failed: {', '.join(failed)}")
    return [*found, f"{verdict}: {decision.reason}"]


def _aligned(decision: Decision, rule: Rule, verdict: str) -> list[str]:
    """Return the compared versions as a table with numbers on the right; empty if there are none."""
    head = ("version", "config", "estimator", rule.metric, *(("p",) if rule.confidence else ()), "result")
    table = [head, *rows(decision, rule, verdict)]
    if len(table) == 1:
        return []
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    words = ("config", "estimator", "result")
    return [
        "  ".join(
            cell.ljust(width) if name in words else cell.rjust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ).rstrip()
        for row in table
    ]
