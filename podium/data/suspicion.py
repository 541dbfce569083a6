"""Columns that a person should look at: those that give the label away, identifiers, constants and copies."""

from __future__ import annotations

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
#: The most values that count as few.
_MOST_VALUES = 20
#: Rows from which whole numbers, or strings, that are all different identify the rows.
_IDENTIFIER = 50
#: The share of different strings from which a column is nearly an identifier.
_NEAR_UNIQUE = 0.95
#: A threshold is first looked for in this many rows.
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


def suspicious(features: pd.DataFrame, labels: pd.Series[Any], kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Yield a sentence for each column that is constant, an identifier, a copy of another, or nearly the label."""
    import pandas as pd

    seen: dict[int, str] = {}
    classes, _ = pd.factorize(labels)
    for name in features.columns:
        values = features[name]
        distinct = values.nunique()
        if distinct == 1 and not values.isna().any():
            yield f"column {name!r} is constant: {values.iloc[0]!r} in every row"
            continue
        if _is_identifier(values, distinct, kinds[name]):
            yield (
                f"column {name!r} looks like an identifier, {distinct} different values in {len(values)} rows: "
                f"`columns: {{{quoted(str(name))}: id}}`, or `drop`"
            )
        if distinct <= _MOST_VALUES and len(values) >= _RENAMED:
            codes, _ = pd.factorize(values, use_na_sentinel=False)
            if _is_function(codes, classes):
                yield f"column {name!r} gives the class: each of its {codes.max() + 1} values has one"
        digest = hash(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
        if digest in seen:
            yield f"column {name!r} has the same values as {seen[digest]!r}"
        seen.setdefault(digest, str(name))


def repeated(features: pd.DataFrame, labels: pd.Series[Any]) -> tuple[int, int]:
    """Return how many rows equal an earlier one, and how many of these have another label than it."""
    import pandas as pd

    rows = pd.util.hash_pandas_object(features, index=False)
    again = rows.duplicated()
    first = pd.Series(labels.to_numpy(), index=rows).groupby(level=0).first() if again.any() else None
    if first is None:
        return 0, 0
    differs = labels.to_numpy()[again] != first.loc[rows[again]].to_numpy()
    return int(again.sum()), int(differs.sum())


def _leak(values: pd.Series[Any], labels: pd.Series[Any], classes: Array, count: int, fewest: int) -> str | None:
    """Return how a column gives the class of every row, or None if it does not."""
    import pandas as pd

    rows = len(values)
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    if rows < _COPY or not (_is_function(codes[:_SAMPLE], classes[:_SAMPLE]) and _is_function(codes, classes)):
        return None
    if len(distinct) == count and (rows >= _RENAMED or _same_text(values, labels)):
        return "it has one value for each class"
    wanted = _RENAMED if len(distinct) == rows and _is_whole(values) else _THRESHOLD
    is_number = values.dtype == "float64" and not values.isna().any()
    if rows >= wanted and fewest >= _OF_A_CLASS and is_number and _changes(values, classes) == count - 1:
        return "thresholds of its values separate the classes"
    return None


def _is_function(codes: Array, classes: Array) -> bool:
    """Return whether all rows with the same value have the same class."""
    import pandas as pd

    pairs = pd.unique(codes.astype("int64") * (classes.max() + 1) + classes)
    return len(pairs) == len(pd.unique(codes))


def _changes(values: pd.Series[Any], classes: Array) -> int:
    """Return how often the class changes when the rows are sorted by their value."""
    ordered = classes[values.to_numpy().argsort(kind="stable")]
    return int((ordered[1:] != ordered[:-1]).sum())


def _same_text(values: pd.Series[Any], labels: pd.Series[Any]) -> bool:
    if values.dtype == "float64" and labels.dtype.kind in "ifb":
        return bool((values.to_numpy() == labels.to_numpy().astype("float64")).all())
    return bool((values.astype(str).to_numpy() == labels.astype(str).to_numpy()).all())


def _is_whole(values: pd.Series[Any]) -> bool:
    return values.dtype == "float64" and bool((values == values.round()).all())


def _is_identifier(values: pd.Series[Any], distinct: int, kind: Kind) -> bool:
    rows = len(values)
    if rows < _IDENTIFIER:
        return False
    if kind == "number":
        # Whole numbers without gaps or in the order of the rows: a counter.
        if distinct < rows or not _is_whole(values):
            return False
        return bool(values.max() - values.min() < 2 * rows or values.is_monotonic_increasing)
    return kind == "category" and distinct >= _NEAR_UNIQUE * rows
