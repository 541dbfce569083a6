"""Divide the rows of a data set into a training part with folds and a test part.

A row's part depends on the row, or on its id or group, and not on the other rows, so it does not change when rows come,
go or are relabelled. Only for kind ``time`` does the boundary move, with the newest rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.data import keys as row_keys
from podium.data.parts import TEST, folds_of, parts_of, shown
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd

    from podium.data.keys import Keys
    from podium.data.parts import Fold, Parts
    from podium.data.splits import Split
    from podium.data.table import Table

    Array = np.ndarray[Any, Any]

# At most this many classes are named in a message.
MOST_NAMED = 3


class RareClassError(PodiumError):
    """A part of the rows lacks classes.

    Parameters
    ----------
    message : str
        Which, and what helps.
    classes : list of labels
        The classes.
    """

    def __init__(self, message: str, classes: list[Any]) -> None:
        super().__init__(message)
        self.classes = classes


@dataclass(frozen=True, eq=False)
class Division:
    """The parts of a data set.

    Parameters
    ----------
    train, test : numpy.ndarray of int
        Positions of the rows of each part, in an order that follows from their keys; for kind ``time``, oldest first.
    keys : numpy.ndarray of uint64, (n_rows,)
        What is compared to recognise rows that a model was trained on: the key of the row, its id, or its group.
    folds : list of (numpy.ndarray of int, numpy.ndarray of int)
        For each fold of the cross-validation, the positions in `train` that are fitted and that are scored.
    notes : tuple of str
        What the user should know about the parts, one sentence each.
    """

    train: Array
    test: Array
    keys: Keys
    folds: list[Fold]
    notes: tuple[str, ...]


def divide(table: Table, split: Split) -> Division:
    """Divide rows.

    Parameters
    ----------
    table : Table
        The rows; its ``raw`` has the column that the split names.
    split : Split
        How to divide them.

    Raises
    ------
    PodiumError
        If a value in the column that the split names is missing or cannot be read, or a class is missing in the test
        part or in the training part of a fold.
    """
    import numpy as np

    own = row_keys.row_keys(table.features) if table.ids is None else row_keys.label_keys(_complete(table.ids))
    column = _column(table, split)
    parts = parts_of(own, column, split, has_ids=table.ids is not None)
    # Where a column assigns the parts, or an id occurs twice.
    repeated = parts.in_test & np.isin(parts.keys, parts.keys[parts.in_training])
    parts = replace(parts, in_test=parts.in_test & ~repeated)
    # Equal rows stay in the order of the file.
    by_key = np.lexsort((own, parts.order))
    train, test = by_key[parts.in_training[by_key]], by_key[parts.in_test[by_key]]
    left_out = int(repeated.sum())
    _check_classes(table.labels, parts, split, left_out)
    keys = own[train] if split.kind != "group" else parts.keys[train]
    folds = folds_of(keys, table.labels.iloc[train], None if column is None else column.iloc[train], split)
    _check_folds(table.labels.iloc[train], folds)
    return Division(train, test, parts.keys, folds, tuple(_notes(own, parts, split, left_out)))


def _column(table: Table, split: Split) -> pd.Series[Any] | None:
    if split.column is None:
        return None
    if split.column not in table.raw:
        raise PodiumError(f"split names the target column, {split.column!r}")
    return _complete(table.raw[split.column])


def _complete(column: pd.Series[Any]) -> pd.Series[Any]:
    if missing := int(column.isna().sum()):
        raise PodiumError(f"column {column.name!r} is empty in {missing} rows; the split needs a value in each")
    return column


def _check_classes(labels: pd.Series[Any], parts: Parts, split: Split, left_out: int) -> None:
    """Check that every class occurs in both parts."""
    import numpy as np

    if split.kind == "given" and not parts.in_test.any():
        raise PodiumError(f"column {split.fold!r} has no row with the value {TEST!r}, which marks the test part")
    codes, names = labels.factorize()
    training, test = (np.bincount(codes[part], minlength=len(names)) for part in (parts.in_training, parts.in_test))
    if lacking := np.flatnonzero((training == 0) | (test == 0)).tolist():
        words = [f"{shown(names[one])} has {training[one]} training and {test[one]} test" for one in lacking]
        classes = [names[one] for one in lacking]
        remedy = f"{_repetition(left_out)}: remove the repetitions" if left_out else _remedy(split)
        raise RareClassError(f"class {_some(words)} rows: each class needs both; {remedy}", classes)


def _check_folds(labels: pd.Series[Any], folds: Sequence[Fold]) -> None:
    """Check that every class occurs in the training part of every fold."""
    import numpy as np

    codes, names = labels.factorize()
    counts = np.bincount(codes)
    for number, (fitted, scored) in enumerate(folds, 1):
        if lacking := np.flatnonzero(np.bincount(codes[fitted], minlength=len(names)) == 0).tolist():
            words = [f"{shown(names[one])} ({counts[one]} training rows)" for one in lacking]
            message = f"fold {number} would be fitted without class {_some(words)}: add rows of it, or use fewer folds"
            raise RareClassError(message, [names[one] for one in lacking])
        if not len(scored):
            raise PodiumError(f"fold {number} has no rows to score: use fewer folds")


def _remedy(split: Split) -> str:
    ways = {
        "random": "add rows of it, or use another test_size or seed of split",
        "group": "add groups with it, or use another test_size or seed of split",
        "time": "use another test_size or gap of split",
        "given": f"change column {split.fold!r}",
    }
    return ways[split.kind]


def _notes(own: Keys, parts: Parts, split: Split, left_out: int) -> Iterator[str]:
    import numpy as np

    if split.kind == "random":
        return  # equal rows have equal keys, and so are in the same part
    between = np.isin(own[parts.in_test], own[parts.in_training])
    if between.any():
        yield (
            f"{between.sum()} of {len(between)} test rows ({between.mean():.1%}) equal a training row: scores on them "
            "show what a model remembers"
        )
    if left_out:
        yield _repetition(left_out)
    if in_gap := len(own) - left_out - int(parts.in_training.sum()) - int(parts.in_test.sum()):
        yield f"{in_gap} rows of the gap are in neither part"


def _repetition(left_out: int) -> str:
    return f"{left_out} test rows are left out, because the training part has the same rows or ids"


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - MOST_NAMED} more classes" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
