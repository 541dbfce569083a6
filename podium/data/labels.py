"""Labels as they are written: which values are classes, and of which type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data.columns import decoded, is_string, missing_text
from podium.data.numbers import of_rows, quoted
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import pyarrow as pa

    from podium.data.refs import DatasetRef

    Array = np.ndarray[Any, Any]

#: The largest share of rows without a label that is dropped without ``allow_missing_target``.
MOST_MISSING = 0.01
#: Fractions with more values than this, or fewer rows per value than that, are a number to predict.
_MOST_FRACTIONS, _FEWEST_ROWS = 20, 5
#: Whole numbers with more values than this are one too, if at least half of the values are rarer than that.
_MOST_INTEGERS = 20

# Without leading zeros and plus signs: 001 and +1 are text as written.
_INTEGER = re.compile(r"-?[1-9]\d*|0")
_FLOAT = re.compile(r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_LARGEST = 2**63
#: What YAML 1.1 reads as a boolean, by its value.
_YAML = {True: ("yes", "y", "on", "true"), False: ("no", "n", "off", "false")}


@dataclass(frozen=True)
class Labels:
    """The labels of a data set.

    Parameters
    ----------
    labels : numpy.ndarray
        The labels of the rows that have one.
    given : numpy.ndarray
        Which rows have a label.
    notes : tuple of str
        What was assumed.
    suspicious : tuple of str
        What a person should look at.
    """

    labels: Array
    given: Array
    notes: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()


def read_labels(ref: DatasetRef, array: pa.ChunkedArray, *, is_text: bool) -> Labels:
    """Return the labels of a data set.

    Parameters
    ----------
    ref : DatasetRef
        The data set.
    array : pyarrow.ChunkedArray
        The target column.
    is_text : bool
        Whether the file is text, so that numbers and booleans are text too.

    Raises
    ------
    PodiumError
        If they are no classes, or more than 1 % are missing and the spec does not allow that.
    """
    import pyarrow as pa

    name, role = ref.target, ref.role(ref.target)
    if role in ("number", "date"):
        raise PodiumError(f"columns: {name!r} is the target, so it must be a category, not a {role}")
    array = decoded(name, array)
    if is_string(array.type):
        array = missing_text(array, ref.read)
    elif pa.types.is_floating(array.type):
        array = _without_nan(array)
    _check_missing(ref, array)
    given = array.drop_null()
    is_category = role is not None or (is_string(array.type) and not is_text)
    values, notes = _typed(name, given, is_category=is_category, has_gaps=len(given) < len(array))
    if not is_category:
        _check_classes(name, values)
    if len(classes := set(values.tolist())) < 2:  # noqa: PLR2004
        raise PodiumError(f"data set {ref.name}: column {name!r} needs at least 2 classes, not {len(classes)}")
    return Labels(values, array.is_valid().to_numpy(zero_copy_only=False), notes, tuple(_look_alike(values)))


def positive_label(ref: DatasetRef, classes: Iterable[Any]) -> Any:
    """Return the positive label as the data has it, or None if the spec names none.

    Raises
    ------
    PodiumError
        If no class is written as the spec says.
    """
    if ref.positive is None:
        return None
    known, wanted = list(classes), ref.positive
    for label in known:
        if label == wanted and isinstance(label, bool) == isinstance(wanted, bool):
            return label
    same = [label for label in known if str(label) == str(wanted)]
    if not same and isinstance(wanted, bool):
        same = [label for label in known if str(label).casefold() in _YAML[wanted]]
    if len(same) == 1:
        return same[0]
    raise PodiumError(f"positive: {ref.target!r} has no class {wanted!r}; its classes are {listed(known)}")


def listed(labels: list[Any], most: int = 12) -> str:
    """Return labels for a message."""
    words = ", ".join(repr(label) for label in labels[:most])
    return words if len(labels) <= most else f"{words} and {len(labels) - most} more"


def _without_nan(array: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)


def _check_missing(ref: DatasetRef, array: pa.ChunkedArray) -> None:
    missing, rows = array.null_count, len(array)
    if missing > MOST_MISSING * rows and not ref.allow_missing_target:
        share = f"{missing} of {rows} rows ({missing / rows:.1%})"
        raise PodiumError(
            f"data set {ref.name}: {share} have no label in {ref.target!r}: `allow_missing_target: true` drops them"
        )


def _typed(name: str, given: pa.ChunkedArray, *, is_category: bool, has_gaps: bool) -> tuple[Array, tuple[str, ...]]:
    """Return the labels of the rows that have one, and what was assumed."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = given.type
    if is_category or is_string(kind) or pa.types.is_temporal(kind):
        text = pc.cast(given, pa.string())
        if is_category or not is_string(kind):
            return _strings(text), ()
        return _of_text(name, text, has_gaps=has_gaps)
    if pa.types.is_boolean(kind):
        return given.to_numpy(zero_copy_only=False).astype(np.bool_), ()
    if pa.types.is_integer(kind):
        return given.to_numpy(zero_copy_only=False).astype(np.int64), ()
    if pa.types.is_decimal(kind):
        given, has_gaps = pc.cast(given, pa.float64()), True
    return _of_floats(name, given.to_numpy(zero_copy_only=False).astype(np.float64), has_gaps=has_gaps)


def _strings(text: pa.ChunkedArray) -> Array:
    import numpy as np

    encoded = text.combine_chunks().dictionary_encode()
    values: Array = np.array(encoded.dictionary.to_pylist(), dtype=object)
    placed: Array = values[encoded.indices.to_numpy(zero_copy_only=False)]
    return placed


def _of_text(name: str, text: pa.ChunkedArray, *, has_gaps: bool) -> tuple[Array, tuple[str, ...]]:
    """Return labels that are text: integers, booleans or numbers if all are written so."""
    import numpy as np

    labels = _strings(text)
    written = set(labels)
    if written and written <= set(_BOOLEANS):
        return np.array([_BOOLEANS[label] for label in labels], dtype=np.bool_), ()
    if written and all(map(_INTEGER.fullmatch, written)):
        fits = all(-_LARGEST <= int(label) < _LARGEST for label in written)
        return (labels.astype(np.int64) if fits else labels), ()
    if written and all(map(_FLOAT.fullmatch, written)):
        numbers = labels.astype(np.float64)
        return (labels, _fractions(name, labels)) if _has_fractions(numbers) else (_whole(numbers, has_gaps), ())
    return labels, ()


def _of_floats(name: str, numbers: Array, *, has_gaps: bool) -> tuple[Array, tuple[str, ...]]:
    """Return labels that are floats: as text if they have fractions."""
    import numpy as np

    if not np.isfinite(numbers).all():
        raise PodiumError(f"column {name!r} has an infinite label")
    if not _has_fractions(numbers):
        return _whole(numbers, has_gaps), ()
    labels = np.array([repr(float(number)) for number in numbers], dtype=object)
    return labels, _fractions(name, labels)


def _has_fractions(numbers: Array) -> bool:
    import numpy as np

    return bool((numbers != np.floor(numbers)).any())


def _whole(numbers: Array, has_gaps: bool) -> Array:
    """Return whole numbers as integers if they are floats only because some are missing."""
    return numbers.astype("int64") if has_gaps else numbers


def _fractions(name: str, labels: Array) -> tuple[str, ...]:
    """Return the note about classes that are numbers such as 0.5, after a check that they are classes."""
    _check_fractions(name, labels)
    return (f"the labels {listed(sorted(set(labels), key=float), 3)} are classes, kept as text",)


def _check_fractions(name: str, labels: Array) -> None:
    distinct = len(set(labels))
    if distinct > _MOST_FRACTIONS or distinct * _FEWEST_ROWS > len(labels):
        raise _continuous(name, distinct, labels)


def _check_classes(name: str, labels: Array) -> None:
    """Refuse whole numbers most of which are rare."""
    import numpy as np

    if labels.dtype.kind not in "if" or not len(labels):
        return
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) > _MOST_INTEGERS and np.median(counts) < _FEWEST_ROWS:
        raise _continuous(name, len(counts), labels)


def _continuous(name: str, distinct: int, labels: Array) -> PodiumError:
    example = labels[0].item() if hasattr(labels[0], "item") else labels[0]
    return PodiumError(
        f"column {name!r} looks like a number to predict, not classes: {distinct} different values in "
        f"{of_rows(len(labels))}, such as {example}; Podium trains classifiers "
        f"(`columns: {{{quoted(name)}: category}}` says that they are classes)"
    )


def _look_alike(labels: Array) -> Iterable[str]:
    """Yield a sentence for classes that differ only in case or white space."""
    if labels.dtype != object:
        return
    seen: dict[str, str] = {}
    for label in sorted(set(labels)):
        same = " ".join(label.split()).casefold()
        if same in seen:
            yield f"the classes {seen[same]!r} and {label!r} differ only in case or white space"
        seen.setdefault(same, label)
