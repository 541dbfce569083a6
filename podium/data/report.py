"""What was found in the rows of a data set, and what was assumed about them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from podium.data.numbers import of_rows

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

#: Rows of the page in HTML at most: it shows values, distributions and associations.
MOST_ROWS = 10_000
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

    @property
    def shape(self) -> str:
        """The number of rows, features and classes, in words."""
        return f"{self.rows} rows, {len(self._features)} features, {len(self.classes)} classes"

    @property
    def kinds(self) -> str:
        """How many features there are of each kind, and how many have missing values, in words."""
        kinds = [column.kind for column in self._features]
        words = [f"{kinds.count(kind)} {kind}" for kind in ("number", "category", "text", "date") if kind in kinds]
        gaps = sum(column.missing > 0 for column in self._features)
        return ", ".join(words) + (f"; {gaps} with missing values" if gaps else "")

    @property
    def dropping(self) -> list[str]:
        """What was left out, one sentence each."""
        rows = [f"{of_rows(count)} left out: {why}" for why, count in self.dropped]
        columns = [f"column {one.name!r} is left out: {one.why}" for one in self.columns if one.kind == "drop"]
        return [*rows, *columns]

    @property
    def _features(self) -> list[ColumnReport]:
        return [column for column in self.columns if column.kind in ("number", "category", "text", "date")]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {**asdict(self), "classes": dict(self.classes), "dropped": dict(self.dropped)}

    def write(self, folder: Path) -> None:
        """Write the report into a folder, as JSON."""
        (folder / JSON_FILE).write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False), encoding="utf-8")


def page(report: DataReport, rows: pd.DataFrame) -> str:
    """Return a page in HTML with the values, distributions and associations of rows; it needs no network.

    Parameters
    ----------
    report : DataReport
        The report of the rows.
    rows : pandas.DataFrame
        Features and target; of more than :data:`MOST_ROWS`, some are shown.
    """
    from skrub import TableReport

    shown = rows.iloc[:: -(-len(rows) // MOST_ROWS)] if len(rows) > MOST_ROWS else rows
    some = f", {len(shown)} of them shown" if len(shown) < len(rows) else ""
    title = f"{report.name}: {report.shape}{some}"
    return str(TableReport(shown, title=title, verbose=0).html())
