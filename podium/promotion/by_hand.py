"""What somebody has moved by hand in MLflow: noticed, recorded, and undone where a spec protects Production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.promotion.records import BY_HAND, UNDONE, close_record, open_record
from podium.registry import tag_names

if TYPE_CHECKING:
    from podium.registry.client import Registry
    from podium.registry.production import Standing


def settle(models: Registry, *, protect: bool = False) -> str:
    """Record what somebody has moved by hand, and make alias and stage agree; return the reason, empty if nothing was.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    protect : bool
        Restore the version that the last decision has left in Production.
    """
    found = models.standing()
    if not found.by_hand:
        return ""
    if protect and found.recorded and not found.is_gone:
        return _undo(models, found, found.recorded)
    return _accept(models, found)


def _accept(models: Registry, found: Standing) -> str:
    after = _named(models, found.number)
    reason = f"{after} is in Production: the {found.moved} was moved by hand in MLflow"
    against = f"replaced by hand by {after}"
    # A version that is gone cannot be marked.
    tags = {tag_names.BY: "MLflow"} | ({tag_names.AGAINST: against} if found.recorded and not found.is_gone else {})
    _carry_out(models, BY_HAND, reason, found.recorded, found.number, tags)
    return reason


def _undo(models: Registry, found: Standing, recorded: int) -> str:
    back = _named(models, recorded)
    reason = f"{back} is back in Production, which the spec protects: the {found.moved} was moved by hand in MLflow"
    models.set_production(recorded, recorded)
    _carry_out(models, UNDONE, reason, recorded, recorded, {tag_names.BY: "podium"})
    return reason


def _carry_out(
    models: Registry, verdict: str, reason: str, before: int | None, after: int | None, tags: dict[str, str]
) -> None:
    record = open_record(models, verdict, reason, before, after, tags)
    close_record(models, models.client.get_run(record))


def _named(models: Registry, number: int | None) -> str:
    return f"version {number} ({models.version(number).config})" if number else "nothing"
