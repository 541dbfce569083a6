"""The rows of a data set with their kinds, labels and weights, before they are split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podium.data import suspicion
from podium.data.columns import Column, column, decoded
from podium.data.labels import Labels, positive_label, read_labels
from podium.data.numbers import of_rows, quoted
from podium.data.reading import Rows, read_rows
from podium.data.report import ColumnReport, DataReport
from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from podium.data.columns import Kind
    from podium.data.refs import DatasetRef

    Array = np.ndarray[Any, Any]


#: What R, pandas and Spark call the names or numbers of rows, in lower case.
_OF_AN_INDEX = ("rownames", "row.names", "row_names", "rowname", "index", "level_0", "...1", "_c0")
#: The types of labels, by NumPy's kind.
_TYPES = {"i": "integers", "b": "booleans", "f": "numbers"}


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a data set that have a label; all parts have the same index, 0, 1, 2, ….

    Parameters
    ----------
    features : pandas.DataFrame
        Numbers are float64, everything else is str or None; see :data:`podium.data.columns.Kind`.
    labels : pandas.Series
        Class labels as the file has them.
    kinds : mapping of str to Kind
        The kind of each feature.
    weights : pandas.Series or None
        Weight of each row, if the spec names a column.
    ids : pandas.Series or None
        What identifies each row, if the spec names a column.
    raw : pandas.DataFrame
        The columns in `keep` of :func:`read_table`, typed as features are.
    positive : label or None
        The positive label, as it is in `labels`.
    report : DataReport
        What was found.
    """

    features: pd.DataFrame
    labels: pd.Series[Any]
    kinds: Mapping[str, Kind]
    weights: pd.Series[Any] | None
    ids: pd.Series[Any] | None
    raw: pd.DataFrame
    positive: Any
    report: DataReport


def read_table(ref: DatasetRef, keep: tuple[str, ...] = ()) -> Table:
    """Read the rows of a data set that have a label.

    Parameters
    ----------
    ref : DatasetRef
        The data set.
    keep : tuple of str
        Columns to return in ``raw``, whether they are features or not, such as those that a split names. They may give
        the label away.

    Raises
    ------
    PodiumError
        If the file cannot be read, or its columns or labels cannot be used, in one line.
    """
    rows = _rows(ref, keep)
    labels = read_labels(ref, rows.columns[ref.target], is_text=rows.is_text)
    left = dict(_left_out(ref, rows, keep))
    typed = {
        name: column(name, array, _role(ref, name), ref.read, is_text=rows.is_text)
        for name, array in rows.columns.items()
        if name != ref.target and (name not in left or name in keep)
    }
    return _Found(ref, rows, labels, left, typed, keep).table()


def _rows(ref: DatasetRef, keep: Iterable[str]) -> Rows:
    """Return the rows of a file with all columns that the spec names."""
    named = [ref.target, *(name for name, _ in ref.columns), *filter(None, [ref.weight]), *keep]
    rows = read_rows(ref, named)
    for name in named:
        if name not in rows.columns:
            raise PodiumError(f"data set {ref.name} has no column {name!r}{did_you_mean(name, rows.columns)}")
    if ref.weight == ref.target:
        raise PodiumError(f"weight: {ref.weight!r} is the target")
    return rows


def _role(ref: DatasetRef, name: str) -> str | None:
    return "number" if name == ref.weight else ref.role(name)


def _left_out(ref: DatasetRef, rows: Rows, keep: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the columns that are not read as features, and why."""
    for name, array in rows.columns.items():
        role = ref.role(name)
        if role in ("id", "drop"):
            yield name, role
        elif name in (ref.target, ref.weight) or role is not None or name in keep:
            continue
        elif array.null_count == len(array):
            yield name, "it has no values"
        elif (name.startswith("Unnamed: ") or name.lower() in _OF_AN_INDEX) and _is_index(array):
            yield name, "it names or numbers the rows"


def _is_index(array: pa.ChunkedArray) -> bool:
    """Return whether a column has another whole number, or another name, in each row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.null_count or len(pc.unique(array)) < len(array):
        return False
    has_fractions = pc.match_substring_regex(pc.cast(array, pa.string()), r"^[-+]?[0-9]*\.[0-9]*[1-9]")
    return not pc.any(has_fractions).as_py()


@dataclass(frozen=True)
class _Found:
    """The columns of a data set, typed, with all rows."""

    ref: DatasetRef
    rows: Rows
    labels: Labels
    left: Mapping[str, str]
    typed: Mapping[str, Column]
    keep: tuple[str, ...]

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each feature."""
        apart = {*self.left, self.ref.weight}
        return {name: found.kind for name, found in self.typed.items() if name not in apart}

    @cached_property
    def features(self) -> pd.DataFrame:
        import pandas as pd

        if not self.kinds:
            raise PodiumError(f"data set {self.ref.name} has no column to learn from besides {self.ref.target!r}")
        return pd.DataFrame({name: self.series(name) for name in self.kinds})

    @cached_property
    def distinct(self) -> dict[str, int]:
        """The number of different values of each feature."""
        return {name: int(self.features[name].nunique()) for name in self.kinds}

    @cached_property
    def classes(self) -> pd.Series[Any]:
        """The label of each row."""
        import pandas as pd

        return pd.Series(self.labels.labels, name=self.ref.target, dtype=self.labels.labels.dtype)

    def series(self, name: str) -> pd.Series[Any]:
        """Return a column of the rows with a label."""
        import pandas as pd

        # Without a type, pandas would make strings of its own of the objects.
        values = self.given(self.typed[name].data)
        return pd.Series(values, name=name, dtype=values.dtype)

    def given(self, values: Array) -> Array:
        """Return the values of the rows with a label."""
        return values if self.labels.given.all() else values[self.labels.given]

    def table(self) -> Table:
        import pandas as pd

        accepted = {*self.keep, *(name for name, role in self.ref.columns if role not in ("id", "drop"))}
        if leaks := list(suspicion.leaks(self.features, self.classes, accepted)):
            raise PodiumError(f"data set {self.ref.name}: {'; '.join(leaks)}")
        raw = {name: self.series(name) for name in self.keep if name in self.typed}
        return Table(
            features=self.features,
            labels=self.classes,
            kinds=self.kinds,
            weights=self._weights(),
            ids=self._ids(),
            raw=pd.DataFrame(raw, index=self.features.index),
            positive=positive_label(self.ref, sorted(self.classes.unique().tolist())),
            report=self._report(),
        )

    def _weights(self) -> pd.Series[Any] | None:
        if self.ref.weight is None:
            return None
        weights = self.series(self.ref.weight)
        if missing := int(weights.isna().sum()):
            raise PodiumError(f"weight: column {self.ref.weight!r} has no value in {of_rows(missing)}")
        if (weights < 0).any() or not weights.any():
            words = "has a negative value" if weights.any() else "is 0 in every row"
            raise PodiumError(f"weight: column {self.ref.weight!r} {words}")
        return weights

    def _ids(self) -> pd.Series[Any] | None:
        import pandas as pd

        name = next((name for name, role in self.ref.columns if role == "id"), None)
        if name is None:
            return None
        array = decoded(name, self.rows.columns[name])
        ids = pd.Series(self.given(array.to_pandas().astype(object).to_numpy()), name=name, dtype=object)
        if missing := int(ids.isna().sum()):
            words = f"column {name!r} is the id, and {of_rows(missing)} have none"
            raise PodiumError(f"{words}: `columns: {{{quoted(name)}: drop}}` leaves it out")
        return ids

    def _report(self) -> DataReport:
        ref, without = self.ref, int((~self.labels.given).sum())
        again, differing, copies = suspicion.repeated(self.features, self.classes)
        found = suspicion.suspicious(self.features, self.classes, self.kinds, self.distinct)
        notes = [f"column {name!r}: {note}" for name, found in self.typed.items() for note in found.notes]
        odd = [f"column {name!r} {words}" for name, found in self.typed.items() for words in found.suspicious]
        if again:
            also = f", {differing} of them with another label" if differing else ""
            odd.append(f"{of_rows(again)} with the same features as an earlier row{also}")
        return DataReport(
            name=ref.name,
            source=ref.source,
            digest=ref.digest(),
            target=ref.target,
            rows=len(self.classes),
            columns=tuple(map(self._column, self.rows.columns)),
            classes=tuple((str(label), int(count)) for label, count in self.classes.value_counts().items()),
            dropped=(("no label", without),) if without else (),
            duplicate_rows=again,
            suspicious=(*self.labels.suspicious, *odd, *found, *copies),
            assumptions=(*self.rows.notes, *self.labels.notes, *notes),
        )

    def _column(self, name: str) -> ColumnReport:
        if name == self.ref.target:
            values, kind, why = self.classes, "target", _TYPES.get(self.classes.dtype.kind, "text")
            missing = int((~self.labels.given).sum())
            return ColumnReport(name, kind, why, missing, int(values.nunique()))
        if name in self.kinds:
            values = self.features[name]
            found = self.typed[name]
            return ColumnReport(name, found.kind, found.why, int(values.isna().sum()), self.distinct[name])
        said = self.left.get(name, "weight")
        kind, why = (said, "the spec says so") if said in ("id", "drop", "weight") else ("drop", said)
        return ColumnReport(name, kind, why, int(self.rows.columns[name].null_count), None)
