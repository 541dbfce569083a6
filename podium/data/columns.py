"""The kinds of columns: what each column of a file is to a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from podium.data.numbers import TEXT_MARKERS, numbers, of_rows, quoted
from podium.data.times import iso, looks_like_date, times
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa

    from podium.data.options import ReadOptions

    Array = np.ndarray[Any, Any]

#: What a feature is to a model. Numbers and booleans are float64; the others are strings, dates as ISO 8601.
Kind: TypeAlias = Literal["number", "category", "text", "date"]
#: A column of text with more values than this, which are long or have several words, is free text.
MOST_CATEGORIES = 40
_LONG, _WORDS = 30, 2.5
#: Whole numbers beyond this are rounded; longer ones than that are no codes.
_EXACT, _LONGEST = 2**53, 10**19
#: The largest number that scikit-learn's trees take.
_LARGEST = 3.4e38


@dataclass(frozen=True)
class Column:
    """A column as models get it.

    Parameters
    ----------
    data : numpy.ndarray
        float64 with NaN, or str with None.
    kind : Kind
        Its kind.
    why : str
        What the kind follows from.
    notes : tuple of str
        What was assumed about values.
    suspicious : tuple of str
        What a person should look at.
    """

    data: Array
    kind: Kind
    why: str
    notes: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()


def column(name: str, array: pa.ChunkedArray, role: str | None, read: ReadOptions, *, is_text: bool) -> Column:
    """Return a column with its kind.

    Parameters
    ----------
    name : str
        Its name.
    array : pyarrow.ChunkedArray
        The values in the file.
    role : str or None
        What the spec says of it.
    read : ReadOptions
        How numbers are written, and which values are missing.
    is_text : bool
        Whether the file is text, so that numbers are text too.

    Raises
    ------
    PodiumError
        If values cannot be used, or not without a guess.
    """
    declared = role if role in ("number", "category", "text", "date") else None
    found = _typed(name, array, declared, read, is_text=is_text)
    if found.kind == "number":
        found = _checked(name, found, read)
    return found if declared is None else Column(found.data, found.kind, "the spec says so", found.notes)


def missing_text(array: pa.ChunkedArray, read: ReadOptions) -> pa.ChunkedArray:
    """Return strings in which blanks, and what the spec says, are null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pc.cast(array, pa.string())
    missing = pc.equal(pc.utf8_trim_whitespace(array), "")
    if read.na_values:
        missing = pc.or_(missing, pc.is_in(array, pa.array(read.na_values)))
    return pc.if_else(missing, pa.scalar(None, pa.string()), array)


def decoded(name: str, array: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the plain values of a column, categories included.

    Raises
    ------
    PodiumError
        If a value is not a single one.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        return pc.cast(array, kind.value_type)
    nested = pa.types.is_nested(kind)
    if nested or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        noun = "bytes"
        if nested:
            noun = "lists" if "list" in str(kind) else "records"
        raise PodiumError(f"column {name!r} has {noun}, not single values: `columns: {{{quoted(name)}: drop}}`")
    return array


def is_string(kind: Any) -> bool:
    """Return whether an Arrow type is one of strings."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _typed(name: str, array: pa.ChunkedArray, role: str | None, read: ReadOptions, *, is_text: bool) -> Column:
    import pyarrow as pa

    is_category = pa.types.is_dictionary(array.type)
    array = decoded(name, array)
    kind = array.type
    if is_string(kind):
        return _of_text(name, missing_text(array, read), role, read, is_text=is_text, is_category=is_category)
    if role in ("category", "text") or (is_category and role is None):
        return Column(_strings(array), cast("Kind", role or "category"), "a categorical type")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _of_dates(array)
    if role == "date":
        raise PodiumError(f"column {name!r} has no dates but {kind}: write dates as text such as 2024-01-31")
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return _of_seconds(array)
    return _of_numbers(array)


def _of_text(
    name: str, array: pa.ChunkedArray, role: str | None, read: ReadOptions, *, is_text: bool, is_category: bool
) -> Column:
    import pyarrow.compute as pc

    if role in ("category", "text") or (is_category and role is None):
        return Column(_strings(array), cast("Kind", role or "category"), "a categorical type")
    trimmed = pc.utf8_trim_whitespace(array)
    found = _of_times(name, trimmed, declared=True) if role == "date" else _of_booleans(trimmed)
    if found is None and role is None and not is_text:
        found = _of_digits(name, trimmed, array)
    found = found or _of_times(name, trimmed, declared=False) or _of_written_numbers(name, trimmed, role, read)
    return found or _category_or_text(name, array, trimmed)


def _of_times(name: str, trimmed: pa.ChunkedArray, *, declared: bool) -> Column | None:
    found = times(name, trimmed, declared=declared)
    if found is None:
        return None
    return Column(found.values, "date" if found.is_date else "number", found.why, found.notes)


def _of_written_numbers(name: str, trimmed: pa.ChunkedArray, role: str | None, read: ReadOptions) -> Column | None:
    found = numbers(name, trimmed, read, declared=role == "number")
    if found is None:
        return None
    return Column(found.values.to_numpy(zero_copy_only=False), "number", found.why, found.notes)


def _category_or_text(name: str, array: pa.ChunkedArray, trimmed: pa.ChunkedArray) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    is_marker = pc.is_in(trimmed, pa.array(sorted(TEXT_MARKERS)))
    markers = [marker for marker in pc.unique(pc.filter(trimmed, is_marker)).to_pylist() if marker is not None]
    notes = tuple(
        f"{marker!r} is read as missing in {of_rows(pc.sum(pc.equal(trimmed, marker)).as_py())}: "
        f"`columns: {{{quoted(name)}: category}}` keeps it"
        for marker in markers
    )
    array = pc.if_else(is_marker, pa.scalar(None, pa.string()), array)
    distinct = len(pc.unique(array.drop_null()))
    if distinct > MOST_CATEGORIES and _is_free_text(array):
        return Column(_strings(array), "text", "long text with many values", notes)
    date = looks_like_date(trimmed)
    suspicious = (f"has dates such as {date!r}: `columns: {{{quoted(name)}: date}}` reads them",) if date else ()
    return Column(_strings(array), "category", "text", notes, suspicious)


def _is_free_text(array: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    words = (pc.mean(pc.count_substring(pc.utf8_trim_whitespace(array), " ")).as_py() or 0) + 1
    return bool(words >= _WORDS or (pc.mean(pc.utf8_length(array)).as_py() or 0) >= _LONG)


def _of_booleans(trimmed: pa.ChunkedArray) -> Column | None:
    """Return a column of True, False and missing values as 1 and 0, or None if it is another kind."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = trimmed.drop_null().slice(0, 1).to_pylist()
    if not first or first[0].lower() not in ("true", "false", *TEXT_MARKERS):
        return None
    lower = pc.utf8_lower(trimmed)
    known = {value for value in pc.unique(lower).to_pylist() if value is not None}
    if not known - {"true", "false"}:
        values = pc.cast(pc.equal(lower, "true"), pa.float64())
        return Column(values.to_numpy(zero_copy_only=False), "number", "True and False")
    return None


def _of_digits(name: str, trimmed: pa.ChunkedArray, array: pa.ChunkedArray) -> Column | None:
    """Return a column of whole numbers that a typed file has as text: codes, by choice."""
    import pyarrow.compute as pc

    given = trimmed.drop_null()
    if not len(given) or not pc.all(pc.match_substring_regex(given, r"^[0-9]+$")).as_py():
        return None
    words = f"is text such as {given[0].as_py()!r}: `columns: {{{quoted(name)}: number}}` reads numbers"
    return Column(_strings(array), "category", "text of digits", suspicious=(words,))


def _strings(array: pa.ChunkedArray) -> Array:
    """Return values as strings; equal ones are one object."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.cast(array, pa.string()).combine_chunks().dictionary_encode()
    values: Array = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    placed: Array = values[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]
    return placed


def _of_dates(array: pa.ChunkedArray) -> Column:
    import numpy as np
    import pandas as pd

    text = iso(pd.Series(pd.to_datetime(array.to_pandas())))
    return Column(np.array(text, dtype=object), "date", str(array.type))


def _of_seconds(array: pa.ChunkedArray) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    whole = pa.int32() if array.type.bit_width == 32 else pa.int64()  # noqa: PLR2004
    seconds = pc.divide(pc.cast(pc.cast(array, whole), pa.float64()), float(units))
    noun = "times of day" if pa.types.is_time(array.type) else "durations"
    return Column(seconds.to_numpy(zero_copy_only=False), "number", noun, (f"{noun} are read as seconds",))


def _of_numbers(array: pa.ChunkedArray) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_boolean(kind):
        array = pc.cast(array, pa.int8())
    values = pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    why = "no values" if pa.types.is_null(kind) else str(kind)
    return Column(values.astype("float64", copy=False), "number", why)


def _checked(name: str, found: Column, read: ReadOptions) -> Column:
    """Return a column of numbers without those that the spec says are missing.

    Raises
    ------
    PodiumError
        If a number is infinite or too large.
    """
    import numpy as np

    values = found.data
    for token in read.na_values:
        try:
            sentinel = float(token)
        except ValueError:
            continue
        values = np.where(values == sentinel, np.nan, values)
    with np.errstate(invalid="ignore"):
        large = np.abs(values) > _LARGEST
    if large.any():
        at = int(large.argmax())
        noun = "an infinite value" if np.isinf(values[at]) else f"the value {values[at]:g}, which is too large"
        sign = "-" if values[at] < 0 else ""
        option = f"`read: {{na_values: ['{sign}inf']}}` makes it missing" if np.isinf(values[at]) else "correct it"
        count = of_rows(int(large.sum()))
        raise PodiumError(f"column {name!r} has {noun} in {count}, first in row {at + 1}: {option}")
    return Column(values, found.kind, found.why, found.notes, (*found.suspicious, *_odd(values, name)))


def _odd(values: Array, name: str) -> Iterator[str]:
    """Yield sentences about numbers that may be something else."""
    import numpy as np

    yield from _sentinels(values)
    given = values[~np.isnan(values)]
    if not len(given) or (given != np.floor(given)).any():
        return
    if _EXACT < np.abs(given).max() < 10 * _LONGEST:
        says = f"`columns: {{{quoted(name)}: id}}`, `category` or `drop`"
        yield f"has whole numbers of more than 15 digits, which are rounded: {says}"
    if given.min() > 19000100 and given.max() < 21000000 and (given % 100 <= 31).all():  # noqa: PLR2004
        yield f"has dates such as {given[0]:.0f}: `columns: {{{quoted(name)}: date}}` reads them"


def _sentinels(values: Array) -> tuple[str, ...]:
    """Return a sentence about a negative number such as -999 among numbers that are never negative."""
    import numpy as np

    negative = values[values < 0]
    if len(negative) and (negative == negative[0]).all() and negative[0] in (-9, -99, -999, -9999, -99999):
        rest = values[values >= 0]
        if len(rest) and np.max(rest) < -negative[0] * 10**6:
            return (
                f"has {negative[0]:g} in {of_rows(len(negative))}: missing? `read: {{na_values: [{negative[0]:g}]}}`",
            )
    return ()
