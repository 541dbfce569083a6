"""What was found in the rows of a data set, and what was assumed about them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: Name of the report among the files that :meth:`DataReport.write` writes.
JSON_FILE = "report.json"


@dataclass(frozen=True)
class ColumnReport:
    """One column.

    Parameters
    ----------
    name : str
        The column.
    kind : str
        A kind of :data:`podium.data.columns.Kind`, or ``target``, ``weight``, ``id`` or ``drop``.
    why : str
        What the kind follows from.
    missing : int
        Rows without a value.
    distinct : int or None
        Number of different values; None if they are not features.
    """

    name: str
    kind: str
    why: str
    missing: int
    distinct: int | None


@dataclass(frozen=True)
class DataReport:
    """What was found in the rows of a data set, and what was assumed about them.

    Parameters
    ----------
    name, source, digest, target : str
        As in :class:`podium.data.datasets.Dataset`.
    rows : int
        Rows with a label that are used.
    columns : tuple of ColumnReport
        Every column of the file, the target included.
    classes : tuple of (str, int)
        The classes with their rows, the largest first.
    dropped : tuple of (str, int)
        Why rows were dropped, and how many.
    duplicate_rows : int
        Rows that equal an earlier row in all features and the label.
    suspicious : tuple of str
        Sentences about columns that a person should look at.
    assumptions : tuple of str
        Sentences about what was inferred.
    """

    name: str
    source: str
    digest: str
    target: str
    rows: int
    columns: tuple[ColumnReport, ...]
    classes: tuple[tuple[str, int], ...]
    dropped: tuple[tuple[str, int], ...] = ()
    duplicate_rows: int = 0
    suspicious: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {**asdict(self), "classes": dict(self.classes), "dropped": dict(self.dropped)}

    def write(self, folder: Path) -> None:
        """Write the report into a folder, as JSON."""
        (folder / JSON_FILE).write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False), encoding="utf-8")
