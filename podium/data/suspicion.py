"""Columns that a person should look at: those that give the label away, identifiers, constants and copies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from podium.data.numbers import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy as np
    import pandas as pd

    from podium.data.columns import Kind

    Array = np.ndarray[Any, Any]

#: Rows from which a column that gives the class is no coincidence: one with the labels themselves, one with another
#: value for each class, and one with thresholds between the classes, of which each then has this many rows.
_COPY, _RENAMED, _THRESHOLD, _OF_A_CLASS = 20, 100, 200, 20
#: Rows that each value of a column has on average if it is no coincidence that each value has one class.
_ROWS_OF_A_VALUE = 5
#: Rows from which whole numbers, or strings, that are all different identify the rows.
_IDENTIFIER = 50
#: A name such as ID, patient_id or PassengerId, and the share of different values from which it is believed.
_NAME_OF_IDENTIFIER, _OFTEN_DIFFERENT = re.compile(r"(.*[\W_])?(?i:id)|.*[a-z]I[dD]"), 0.5
#: The share of different strings from which a column is nearly an identifier.
_NEAR_UNIQUE = 0.95
#: Columns are first looked at in about this many rows.
_SAMPLE = 2000


def leaks(features: pd.DataFrame, labels: pd.Series[Any], accepted: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each column that gives the class of every row.

    Parameters
    ----------
    features : pandas.DataFrame
        The features, as models get them.
    labels : pandas.Series
        The labels.
    accepted : collection of str
        Columns that the spec accepts.
    """
    import numpy as np
    import pandas as pd

    classes, names = pd.factorize(labels)
    fewest = int(np.bincount(classes).min()) if len(classes) else 0
    for name in features.columns:
        if name not in accepted and (how := _leak(features[name], labels, classes, len(names), fewest)):
            role = "number" if features[name].dtype == "float64" else "category"
            yield (
                f"column {name!r} gives the label away: {how}; `columns: {{{quoted(str(name))}: drop}}` leaves it out, "
                f"`columns: {{{quoted(str(name))}: {role}}}` accepts it"
            )


def suspicious(
    features: pd.DataFrame, labels: pd.Series[Any], kinds: Mapping[str, Kind], distinct: Mapping[str, int]
) -> Iterator[str]:
    """Yield a sentence for each column that is constant, an identifier, or determines the class.

    Parameters
    ----------
    features, labels
        As in :func:`leaks`.
    kinds : mapping of str to Kind
        The kind of each column.
    distinct : mapping of str to int
        The number of different values of each column.
    """
    import pandas as pd

    classes, _ = pd.factorize(labels)
    for name, count in distinct.items():
        values = features[name]
        if count == 1 and not values.isna().any():
            value = values.iloc[0]
            shown = repr(value) if isinstance(value, str) else f"{value + 0:g}"
            yield f"column {name!r} is constant: {shown} in every row"
        elif _is_identifier(str(name), values, count, kinds[name]):
            yield (
                f"column {name!r} looks like an identifier, {count} different values in {len(values)} rows: "
                f"`columns: {{{quoted(name)}: id}}`, or `drop`"
            )
        elif len(values) >= _RENAMED and count * _ROWS_OF_A_VALUE <= len(values):
            codes, _ = pd.factorize(values, use_na_sentinel=False)
            if _is_function(codes, classes):
                yield f"column {name!r} gives the class: each of its {codes.max() + 1} values has one"


def repeated(features: pd.DataFrame, labels: pd.Series[Any]) -> tuple[int, int, list[str]]:
    """Return what occurs more than once.

    Returns
    -------
    int
        Rows that equal an earlier one in all features.
    int
        Those of them that have another label than it.
    list of str
        A sentence for each column that equals an earlier one.
    """
    import numpy as np
    import pandas as pd

    rows: Any = np.zeros(len(features), dtype=np.uint64)
    seen: dict[int, str] = {}
    words = []
    for name in features.columns:
        digests = pd.util.hash_pandas_object(features[name], index=False).to_numpy()
        rows = rows * np.uint64(1_000_003) ^ digests
        key = hash(digests.tobytes())
        if key in seen:
            words.append(f"column {name!r} has the same values as {seen[key]!r}")
        seen.setdefault(key, name)
    again = pd.Series(rows).duplicated().to_numpy()
    if not again.any():
        return 0, 0, words
    first = pd.Series(labels.to_numpy(), index=rows).groupby(level=0).first()
    differs = labels.to_numpy()[again] != first.loc[rows[again]].to_numpy()
    return int(again.sum()), int(differs.sum()), words


def _leak(values: pd.Series[Any], labels: pd.Series[Any], classes: Array, count: int, fewest: int) -> str | None:
    """Return how a column gives the class of every row, or None if it does not."""
    import pandas as pd

    rows, step = len(values), max(len(values) // _SAMPLE, 1)
    if rows < _COPY or not _may_leak(values[::step], classes[::step], count):
        return None
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    if not _is_function(codes, classes):
        return None
    if len(distinct) == count and (rows >= _RENAMED or _same_text(values, labels)):
        return "it has one value for each class"
    wanted = _RENAMED if len(distinct) == rows and _is_whole(values) else _THRESHOLD
    if rows >= wanted and fewest >= _OF_A_CLASS and _changes(values, classes) < count:
        return "thresholds of its values separate the classes"
    return None


def _may_leak(values: pd.Series[Any], classes: Array, count: int) -> bool:
    """Return whether a column may give the class, from some of the rows."""
    import pandas as pd

    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    return _is_function(codes, classes) and (len(distinct) <= count or _changes(values, classes) < count)


def _is_function(codes: Array, classes: Array) -> bool:
    """Return whether all rows with the same value have the same class."""
    import pandas as pd

    pairs = pd.unique(codes.astype("int64") * (classes.max() + 1) + classes)
    return len(pairs) == len(pd.unique(codes))


def _changes(values: pd.Series[Any], classes: Array) -> float:
    """Return how often the class changes when the rows are sorted by a number that all of them have."""
    if values.dtype != "float64" or values.isna().any():
        return float("inf")
    ordered = classes[values.to_numpy().argsort(kind="stable")]
    return int((ordered[1:] != ordered[:-1]).sum())


def _same_text(values: pd.Series[Any], labels: pd.Series[Any]) -> bool:
    if values.dtype == "float64" and labels.dtype.kind in "ifb":
        return bool((values.to_numpy() == labels.to_numpy().astype("float64")).all())
    return bool((values.astype(str).to_numpy() == labels.astype(str).to_numpy()).all())


def _is_whole(values: pd.Series[Any]) -> bool:
    return values.dtype == "float64" and bool((values == values.round()).all())


def _is_identifier(name: str, values: pd.Series[Any], distinct: int, kind: Kind) -> bool:
    rows = len(values)
    if rows < _IDENTIFIER:
        return False
    if _NAME_OF_IDENTIFIER.fullmatch(name) and distinct >= _OFTEN_DIFFERENT * rows:
        return kind == "category" or (kind == "number" and _is_whole(values))
    if kind == "number":
        # Whole numbers without gaps or in the order of the rows: a counter.
        if distinct < rows or not _is_whole(values):
            return False
        return bool(values.max() - values.min() < 2 * rows or values.is_monotonic_increasing)
    return kind == "category" and distinct >= _NEAR_UNIQUE * rows
