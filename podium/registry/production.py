"""Which version is in Production, also where somebody has moved the stage or the alias by hand.

MLflow has two marks of Production, and everybody can move either. Podium moves both, and records the decision first. So
the mark that differs from the last decision is the one that was moved.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.registry import tag_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlflow.entities import Run

    from podium.registry.versions import Version

PRODUCTION, PRODUCTION_ALIAS = "Production", "production"
# The value of the tag of the approval while a decision awaits it.
AWAITING = "awaiting approval"
# Only the newest records, up to this number, are searched.
RECENT = 100
# Two decisions at once may each have set one of the marks; they compare their versions within this time.
CONCURRENT_SECONDS = 600
_NUMBER = re.compile(r"[0-9]{0,9}")


@dataclass(frozen=True)
class Standing:
    """The two marks of Production, and what the last decision has left.

    Parameters
    ----------
    alias : int or None
        The version that the alias points to.
    staged : frozenset of int
        The versions in the stage.
    recorded : int or None
        The version that the last decision left in Production.
    is_recorded : bool
        Whether there was a decision.
    is_moving : bool
        Whether a decision is being carried out, or two at once have to be compared.
    is_gone : bool
        Whether the recorded version has been deleted.
    """

    alias: int | None
    staged: frozenset[int]
    recorded: int | None = None
    is_recorded: bool = False
    is_moving: bool = False
    is_gone: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both marks are on the same version, or on none."""
        return self.staged == ({self.alias} if self.alias else set())

    @property
    def by_hand(self) -> bool:
        """Whether somebody has moved a mark."""
        if self.is_moving:
            return False
        return self.number != self.recorded if self.is_recorded and self.agrees else not self.agrees

    @property
    def number(self) -> int | None:
        """The version in Production; None if there is none."""
        if self.agrees or self.is_moving:
            return self.alias
        others = self.staged - {self.recorded}
        if self.alias != self.recorded and (self.alias or not others):
            return self.alias
        return max(others, default=None)

    def chosen(self, *, protect: bool) -> int | None:
        """Return the version that belongs in Production: the recorded one if what was moved by hand must be undone."""
        restores = protect and self.by_hand and self.recorded and not self.is_gone
        return self.recorded if restores else self.number

    @property
    def moved(self) -> str:
        """Which mark was moved, in words."""
        if self.agrees:
            return "alias and stage"
        return "alias" if self.alias == self.number and self.alias != self.recorded else "stage"


def standing(versions: Iterable[Version], records: Iterable[Run]) -> Standing:
    """Return both marks of Production and what the last decision has left there.

    Parameters
    ----------
    versions : iterable of Version
        All versions, with their aliases.
    records : iterable of mlflow.entities.Run
        The records of the last decisions, newest first.
    """
    alias, staged, known = None, set(), set()
    for version in versions:
        known.add(version.number)
        if PRODUCTION_ALIAS in version.aliases:
            alias = version.number
        if version.stage == PRODUCTION:
            staged.add(version.number)
    changes = [record for record in records if changes_production(record)]
    if not changes:
        return Standing(alias, frozenset(staged))
    left = _number(changes[0].data.tags.get(tag_names.TO_VERSION))
    is_open = any(record.info.status == "RUNNING" for record in changes)
    contested = ({alias, *staged} - {left}) & _at_once(changes)
    return Standing(
        alias,
        frozenset(staged),
        left,
        is_recorded=True,
        is_moving=is_open or bool(contested),
        is_gone=left is not None and left not in known,
    )


def is_record(run: Run) -> bool:
    """Return whether a run records a decision as Podium does; anyone who reaches MLflow can write others."""
    tags = run.data.tags
    numbers = (tags.get(tag_names.FROM_VERSION), tags.get(tag_names.TO_VERSION), tags.get(tag_names.PROPOSED, ""))
    return {tag_names.VERDICT, tag_names.REASON} <= tags.keys() and all(
        number is not None and _NUMBER.fullmatch(number) for number in numbers
    )


def changes_production(record: Run) -> bool:
    """Return whether a record of a decision has changed, or will change, the version in Production."""
    tags = record.data.tags
    same = tags.get(tag_names.FROM_VERSION) == tags.get(tag_names.TO_VERSION)
    return tags.get(tag_names.APPROVAL) != AWAITING and not same


def _at_once(changes: Sequence[Run]) -> set[int]:
    """Return the versions that decisions at the same time as the last one have set, or still may."""
    last, *others = changes
    since = (time.time() - CONCURRENT_SECONDS) * 1000
    return {
        int(run.data.tags.get(tag_names.TO_VERSION) or 0)
        for run in others
        if last.info.start_time > since
        and ((run.info.end_time or 0) >= last.info.start_time or tag_names.CARRIED_OUT in run.data.tags)
    }


def _number(text: str | None) -> int | None:
    return int(text) if text else None
