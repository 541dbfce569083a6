"""Which part of a data set each row is in, and the folds of its training part, for each kind of split."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data import keys as row_keys
from podium.errors import PodiumError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from podium.data.keys import Keys
    from podium.data.splits import Split

    Array = np.ndarray[Any, Any]
    Fold = tuple[Array, Array]

#: In the column of kind ``given``: held-out rows, and rows that every fold is fitted on.
TEST, TRAIN = "test", "train"


@dataclass(frozen=True, eq=False)
class Parts:
    """The part of each row, before its folds.

    Parameters
    ----------
    keys : numpy.ndarray of uint64, (n_rows,)
        What is compared to recognise rows that a model was trained on: the key of the row, its id, or its group.
    order : numpy.ndarray, (n_rows,)
        By what the rows of a part are sorted.
    in_test, in_training : numpy.ndarray of bool, (n_rows,)
        The parts; with a gap, some rows are in neither.
    """

    keys: Keys
    order: Array
    in_test: Array
    in_training: Array


def parts_of(own: Keys, column: pd.Series[Any] | None, split: Split, *, has_ids: bool) -> Parts:
    """Return the part of each row.

    Parameters
    ----------
    own : numpy.ndarray of uint64, (n_rows,)
        The keys of the rows.
    column : pandas.Series or None, (n_rows,)
        The column that the split names, complete; None for kind ``random``.
    split : Split
        How rows are divided.
    has_ids : bool
        Whether the keys are those of an id.

    Raises
    ------
    PodiumError
        If a time cannot be read.
    """
    drawn = row_keys.positions_in_unit(own, split.seed)
    if column is None:
        in_test = drawn < split.test_size
        return Parts(own, drawn, in_test, ~in_test)
    named = row_keys.label_keys(column)
    if split.kind == "group":
        in_test = row_keys.positions_in_unit(named, split.seed) < split.test_size
        return Parts(named, drawn, in_test, ~in_test)
    if split.kind == "given":
        in_test = (written(column) == TEST).to_numpy()
        return Parts(own, drawn, in_test, ~in_test)
    times = times_of(column)
    in_test, in_training = _by_time(times, split)
    return Parts(own if has_ids else row_keys.combined(own, named), times, in_test, in_training)


def folds_of(keys: Keys, labels: pd.Series[Any], column: pd.Series[Any] | None, split: Split) -> list[Fold]:
    """Return the folds of the training part as pairs of positions: fitted, scored.

    Parameters
    ----------
    keys : numpy.ndarray of uint64, (n_rows,)
        The keys of the rows of the training part, of equal rows the same.
    labels, column : pandas.Series, (n_rows,)
        Their labels, and the column that the split names.
    split : Split
        How rows are divided.

    Raises
    ------
    PodiumError
        If there are too few rows, groups or times.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if split.kind == "time" and column is not None:
        return _folds_by_time(times_of(column), split)
    if split.kind == "group":
        _need_units(len(set(keys.tolist())), split.folds, "groups")
        _need_rows(labels, split)
        folds = StratifiedGroupKFold(split.folds, shuffle=True, random_state=split.seed)
        return _quietly(folds.split(labels, labels, groups=keys))
    if split.kind == "given" and column is not None:
        named = written(column)
        if names := sorted(set(named) - {TRAIN}):
            return [
                ((named != name).to_numpy().nonzero()[0], (named == name).to_numpy().nonzero()[0]) for name in names
            ]
    return _stratified(keys, labels, split)


def times_of(column: pd.Series[Any]) -> Array:
    """Return times as numbers that sort like them, (n_rows,).

    Raises
    ------
    PodiumError
        If a value is neither a number nor an ISO 8601 date.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.astype("int64").to_numpy()
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all():
        return numbers.to_numpy()
    dates = pd.to_datetime(column.astype(str), errors="coerce", format="ISO8601", utc=True)
    if dates.notna().all():
        return dates.dt.as_unit("ns").astype("int64").to_numpy()
    wrong = column[dates.isna()].iloc[0]
    raise PodiumError(
        f"column {column.name!r} is no time: {str(wrong)!r} is neither a number nor an ISO 8601 date such as 2026-01-31"
    )


def shown(label: Any) -> str:
    """Return a class label as messages show it."""
    return repr(label) if isinstance(label, str) else str(label)


def written(column: pd.Series[Any]) -> pd.Series[str]:
    """Return the values of a column as strings: whole numbers without a decimal point."""
    return column.map(row_keys.written)


def _by_time(times: Array, split: Split) -> tuple[Array, Array]:
    """Hold out the newest distinct times; those of the gap before them are in neither part."""
    import numpy as np

    distinct, counts = np.unique(times, return_counts=True)
    newer = counts[::-1].cumsum()[::-1]  # rows of this time or a later one
    first = int(np.abs(newer - split.test_size * len(times)).argmin())
    last = first - split.gap - 1
    in_training = times <= distinct[last] if last >= 0 else np.zeros(len(times), dtype=bool)
    return times >= distinct[first], in_training


def _folds_by_time(times: Array, split: Split) -> list[Fold]:
    """Return folds that are fitted on earlier times than they are scored on; rows of one time stay together."""
    import numpy as np
    from sklearn.model_selection import TimeSeriesSplit

    distinct, place = np.unique(times, return_inverse=True)
    _need_units(len(distinct), split.folds + 1 + split.gap, "distinct times", f"{split.folds} folds")
    try:
        folds = list(TimeSeriesSplit(split.folds, gap=split.gap).split(distinct))
    except ValueError:
        raise PodiumError(
            f"{len(distinct)} distinct times in the training part are too few for {split.folds} folds with a gap of "
            f"{split.gap}"
        ) from None
    return [(np.flatnonzero(np.isin(place, fit)), np.flatnonzero(np.isin(place, score))) for fit, score in folds]


def _stratified(keys: Keys, labels: pd.Series[Any], split: Split) -> list[Fold]:
    """Return stratified folds; equal rows are in the same fold."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    order = np.sort(first)
    rank = np.searchsorted(order, first)[place]  # the place of a row's first occurrence among the distinct rows
    of_first = labels.iloc[order]
    _need_rows(of_first, split)
    codes, _ = of_first.factorize(sort=True)  # numbers are sorted faster than strings
    folds = _quietly(StratifiedKFold(split.folds, shuffle=True, random_state=split.seed).split(order, codes))
    if len(order) == len(keys):
        return folds
    return [(np.flatnonzero(np.isin(rank, fit)), np.flatnonzero(np.isin(rank, score))) for fit, score in folds]


def _quietly(folds: Any) -> list[Fold]:
    """Return folds without scikit-learn's warning about rare classes: the division checks what they really have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(folds)


def _need_rows(labels: pd.Series[Any], split: Split) -> None:
    counts = labels.value_counts()
    _need_units(int(counts.iloc[0]), split.folds, f"distinct rows of class {shown(counts.index[0])}, the largest,")


def _need_units(found: int, needed: int, what: str, why: str = "") -> None:
    if found < needed:
        raise PodiumError(f"{found} {what} in the training part; {why or f'{needed} folds'} need at least {needed}")
