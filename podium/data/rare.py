"""Classes with too few rows: refuse the data, drop their rows, or join them into one class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from podium.data.labels import listed
from podium.data.numbers import of_rows, quoted
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.data.refs import DatasetRef
    from podium.data.table import Table

#: The class that rare classes are joined into.
OTHER = "other"


def too_rare(table: Table, minimum: int) -> list[Any]:
    """Return the classes with fewer rows than `minimum`, the rarest first."""
    counts = table.labels.value_counts(ascending=True)
    return list(counts[counts < minimum].index.tolist())


def without(ref: DatasetRef, table: Table, classes: Sequence[Any], why: str) -> Table:
    """Return a table without rare classes, as the spec says.

    Parameters
    ----------
    ref : DatasetRef
        The data set, whose ``rare_classes`` decides.
    table : Table
        The rows.
    classes : sequence of labels
        The rare classes.
    why : str
        Why they are too rare, in a sentence.

    Raises
    ------
    PodiumError
        If the spec refuses them, or they cannot be dropped or joined.
    """
    if not classes:
        return table
    if ref.rare_classes == "refuse":
        raise PodiumError(f"{why}; {_REMEDY}")
    if table.positive in classes:
        raise PodiumError(f"the positive class {table.positive!r} is too rare; {why}")
    joined = _joined(ref, table, classes) if ref.rare_classes == OTHER else _dropped(table, classes)
    if joined.labels.nunique() < 2:  # noqa: PLR2004
        raise PodiumError(f"without rare classes, fewer than 2 are left; {why}")
    return joined


_REMEDY = "`rare_classes: drop` leaves their rows out, `rare_classes: other` joins them into one class"


def _joined(ref: DatasetRef, table: Table, classes: Sequence[Any]) -> Table:
    if table.labels.dtype != object:
        words = f"rare_classes: other needs labels that are text; {ref.target!r} has {table.labels.dtype}"
        raise PodiumError(f"{words}: use drop, or `columns: {{{quoted(ref.target)}: category}}`")
    rows = table.labels.isin(classes)
    if list(classes) == [OTHER]:
        raise PodiumError(f"the class {OTHER!r} of all rare classes has {of_rows(int(rows.sum()))}")
    labels = table.labels.where(~rows, OTHER)
    note = f"{len(classes)} rare classes are joined into {OTHER!r}: {listed(list(classes), 5)}"
    return replace(table, labels=labels, report=_reported(table, labels, assumptions=(note,)))


def _dropped(table: Table, classes: Sequence[Any]) -> Table:
    """Return the rows of the other classes, with an index of their own."""
    keep = ~table.labels.isin(classes)
    counts = table.labels.value_counts()
    dropped = tuple((f"the rare class {label!r}", int(counts[label])) for label in classes)

    def kept(rows: Any) -> Any:
        return None if rows is None else rows[keep].reset_index(drop=True)

    labels = kept(table.labels)
    return replace(
        table,
        features=kept(table.features),
        labels=labels,
        weights=kept(table.weights),
        ids=kept(table.ids),
        raw=kept(table.raw),
        report=_reported(table, labels, dropped=dropped),
    )


def _reported(table: Table, labels: Any, *, assumptions: tuple[str, ...] = (), dropped: tuple[Any, ...] = ()) -> Any:
    report = table.report
    return replace(
        report,
        rows=len(labels),
        classes=tuple((str(label), int(count)) for label, count in labels.value_counts().items()),
        assumptions=(*report.assumptions, *assumptions),
        dropped=(*report.dropped, *dropped),
    )
