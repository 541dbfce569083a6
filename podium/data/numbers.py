"""Numbers in text: plain ones, missing markers among them, decimal commas, groups of digits, currencies, per cent."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.errors import PodiumError

if TYPE_CHECKING:
    import pyarrow as pa

    from podium.data.options import ReadOptions

#: What programs write for a missing value, in lower case. In a column of numbers or dates, these are missing.
MARKERS = frozenset(
    ("?", "-", "--", ".", "n/a", "#n/a", "na", "<na>", "nan", "null", "none", "nil", "missing", "unknown", "#value!")
) | {"#div/0!", "#ref!", "#null!", "#num!", "#name?"}
#: Those that are missing in text too, as written: what R, spreadsheets and pandas write for it.
TEXT_MARKERS = frozenset(("NA", "N/A", "n/a", "#N/A", "nan", "NaN", "null", "NULL", "<NA>"))
#: At most this many different values that are no number are a mistake in a column of numbers, not another kind of it.
FEW = 5
#: A column of text with at most this many different numbers can be a category such as 1, 2, 3+.
FEW_NUMBERS = 10

_PLAIN = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CODE = r"^0[0-9]+$"
_SYMBOL = "[$€£¥₹₽]"
_SPACES = " \u00a0\u202f"
# Digits with points, commas, apostrophes and spaces among them, with a currency's symbol or a per cent sign at an end.
_DISGUISED = re.compile(
    rf"(?P<sign>[-+]?)\s*(?P<before>{_SYMBOL}?)\s*(?P<body>[-+]?[\d.,'{_SPACES}]*\d[\d.,]*)\s*(?P<after>%|{_SYMBOL}?)"
)
# A negative amount as accountants write it.
_IN_PARENTHESES = rf"^\(\s*({_SYMBOL}?\s*[\d.,]*\d[\d.,]*\s*(?:%|{_SYMBOL})?)\s*\)$"
_WITH_UNIT = re.compile(r"[-+]?[\d.,]*\d[\d.,]*\s*([A-Za-zµ°²³/]{1,8})")
#: Ways to write a number: what separates thousands, and the decimal mark.
_WAYS = (("", ","), (",", "."), (".", ","), ("'", "."), ("'", ","), (" ", "."), (" ", ","))


@dataclass(frozen=True)
class Numbers:
    """A column of text as numbers.

    Parameters
    ----------
    values : pyarrow.ChunkedArray
        float64; missing values are null.
    why : str
        How they are written.
    notes : tuple of str
        What was assumed, each a predicate of the column's name.
    """

    values: pa.ChunkedArray
    why: str
    notes: tuple[str, ...] = ()


def numbers(name: str, text: pa.ChunkedArray, read: ReadOptions, *, declared: bool = False) -> Numbers | None:
    """Return a column of text as numbers, or None if it is another kind of column.

    Parameters
    ----------
    name : str
        The column.
    text : pyarrow.ChunkedArray
        Strings without surrounding white space; missing values are null.
    read : ReadOptions
        How numbers are written.
    declared : bool
        Whether the spec says that they are numbers.

    Raises
    ------
    PodiumError
        If most values are numbers, or the spec says so, and one cannot be read without a guess.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = _localised(text, read)
    try:
        values = pc.cast(plain, pa.float64())
    except pa.ArrowInvalid:
        pass
    else:
        if not declared and pc.any(pc.match_substring_regex(plain, _CODE)).as_py():
            return None  # codes such as 01067
        return Numbers(values, "numbers")
    in_parentheses = pc.unique(pc.filter(plain, pc.match_substring_regex(plain, _IN_PARENTHESES))).to_pylist()
    plain, text = (pc.replace_substring_regex(column, _IN_PARENTHESES, r"-\1") for column in (plain, text))
    found = _mixed(name, plain, text, declared=declared)
    if found is None or not in_parentheses or in_parentheses == [None]:
        return found
    note = f"{next(filter(None, in_parentheses))!r} is read as a negative number"
    return Numbers(found.values, found.why, (*found.notes, note))


def mistakes(name: str, odd: list[str], rows: int, noun: str, role: str) -> PodiumError:
    """Return the error for a column in which a few values are not what all others are.

    Parameters
    ----------
    name : str
        The column.
    odd : list of str
        The values.
    rows : int
        Number of rows that have them.
    noun : str
        What all other values are, such as ``number``.
    role : str
        The kind that keeps the column as it is written.
    """
    some = ", ".join(map(repr, odd[:3])) + (", …" if len(odd) > 3 else "")  # noqa: PLR2004
    which = f"{of_rows(rows)} {'has' if rows == 1 else 'have'}"
    return PodiumError(
        f"column {name!r}: {which} {some} in place of a {noun}: `read: {{na_values: [{quoted(odd[0])}]}}` makes "
        f"{'it' if len(odd) == 1 else 'one'} missing, `columns: {{{quoted(name)}: {role}}}` keeps the text"
    )


def quoted(text: str) -> str:
    """Return text as a YAML scalar."""
    return text if re.fullmatch(r"[A-Za-z]\w*", text) else "'" + text.replace("'", "''") + "'"


def _localised(text: pa.ChunkedArray, read: ReadOptions) -> pa.ChunkedArray:
    """Return numbers as they are written in Python, by the marks that the spec gives."""
    import pyarrow.compute as pc

    if read.thousands:
        text = pc.replace_substring(text, read.thousands, "")
    return pc.replace_substring(text, ",", ".") if read.decimal == "," else text


def _mixed(name: str, plain: pa.ChunkedArray, text: pa.ChunkedArray, *, declared: bool) -> Numbers | None:
    """Return numbers if all other values are missing markers, or numbers that are written another way."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_plain = pc.match_substring_regex(plain, f"^(?:{_PLAIN}|[-+]?(?:inf|infinity))$", ignore_case=True)
    is_marker = pc.is_in(pc.utf8_lower(plain), pa.array(sorted(MARKERS)))
    other = pc.filter(text, pc.and_(pc.invert(is_plain), pc.invert(is_marker)))
    odd: list[str] = pc.unique(other).to_pylist()
    odd = [value for value in odd if value is not None]
    shapes = {value: _shape(value) for value in odd}
    strange = [value for value, shape in shapes.items() if shape is None]
    given = len(plain) - plain.null_count - (pc.sum(is_marker).as_py() or 0)
    if not given and not declared:
        return None
    if strange:
        count = pc.sum(pc.is_in(text, pa.array(strange))).as_py() or 0
        if declared or _is_mistake(len(strange), count, given, plain, is_plain):
            raise mistakes(name, strange, count, "number", "category")
        _check_unit(name, strange)
        return None
    if not declared and not odd and pc.any(pc.match_substring_regex(plain, _CODE)).as_py():
        return None
    markers = [value for value in pc.unique(pc.filter(text, is_marker)).to_pylist() if value is not None]
    notes = _marker_notes(text, markers)
    values = pc.if_else(is_marker, pa.scalar(None, pa.string()), plain)
    if not odd:
        return Numbers(pc.cast(values, pa.float64()), "numbers with missing markers", notes)
    bodies = {value: shape for value, shape in shapes.items() if shape is not None}
    whole = pc.unique(pc.filter(plain, is_plain)).to_pylist()
    style = _style(name, bodies, [value for value in whole if value is not None])
    return Numbers(_rewritten(values, style), style.why, (*notes, style.note))


def _is_mistake(strange: int, count: int, given: int, plain: pa.ChunkedArray, is_plain: pa.ChunkedArray) -> bool:
    """Return whether values that are no numbers are mistakes in a column of numbers."""
    import pyarrow.compute as pc

    different = len(pc.unique(pc.filter(plain, is_plain)))
    share = 1 - count / given
    return different > FEW_NUMBERS and (share >= 0.9 or (share >= 0.5 and strange <= FEW))  # noqa: PLR2004


def _check_unit(name: str, values: list[str]) -> None:
    """Refuse many numbers that all have the same unit."""
    if len(values) <= FEW_NUMBERS:
        return
    units = {found[1] if (found := _WITH_UNIT.fullmatch(value)) else None for value in values}
    if len(units) == 1 and (unit := units.pop()):
        raise PodiumError(
            f"column {name!r}: {values[0]!r} is a number with the unit {unit!r}: write the numbers alone, or "
            f"`columns: {{{quoted(name)}: category}}` keeps the text"
        )


def _marker_notes(text: pa.ChunkedArray, markers: list[str]) -> tuple[str, ...]:
    import pyarrow.compute as pc

    counts = {marker: pc.sum(pc.equal(text, marker)).as_py() for marker in markers}
    return tuple(f"{marker!r} is read as missing in {of_rows(count)}" for marker, count in counts.items())


def of_rows(count: int) -> str:
    """Return a number of rows in words."""
    return "1 row" if count == 1 else f"{count} rows"


@dataclass(frozen=True)
class _Style:
    """How numbers are written: what to remove, the decimal mark, and what to say."""

    symbol: str
    thousands: str
    decimal: str
    why: str
    note: str


def _style(name: str, shapes: dict[str, re.Match[str]], plain: list[str]) -> _Style:
    """Return how the numbers of a column are written.

    Raises
    ------
    PodiumError
        If that is ambiguous.
    """
    first = next(iter(shapes))
    symbols = {shape["before"] or shape["after"] for shape in shapes.values()}
    if len(symbols) > 1 and symbols != {"", max(symbols)}:
        raise _guess(name, first, f"several units, {' and '.join(sorted(filter(None, symbols)))}")
    symbol = max(symbols)
    if symbol == "%" and ("" in symbols or plain):
        raise _guess(name, first, "some values have a per cent sign and some have none")
    bodies = {value: shape["sign"] + shape["body"].strip() for value, shape in shapes.items()}
    thousands, decimal = _marks(name, bodies, plain)
    words = []
    if symbol == "%":
        words.append("per cent, so 3.4% is 3.4")
    elif symbol:
        words.append(f"amounts in {symbol}, without the sign")
    if decimal == ",":
        words.append("a decimal comma")
    if thousands:
        words.append(f"{thousands!r} between thousands")
    why = f"numbers with {words[0].partition(',')[0]}" if words else "numbers"
    return _Style(symbol, thousands, decimal, why, f"{first!r} is read as a number: {'; '.join(words) or 'spaces'}")


def _shape(value: str) -> re.Match[str] | None:
    """Return the parts of a number that is written in one of the ways, or None."""
    shape = _DISGUISED.fullmatch(value)
    body = shape and shape["sign"] + shape["body"].strip()
    written = body and (re.fullmatch(_PLAIN, body) or any(_way(*way).fullmatch(body) for way in _WAYS))
    return shape if written else None


def _marks(name: str, bodies: dict[str, str], plain: list[str]) -> tuple[str, str]:
    """Return what separates thousands, or an empty string, and the decimal mark."""
    written = {body: value for value, body in bodies.items() if not re.fullmatch(_PLAIN, body)}
    if not written:
        return "", "."
    ways = [way for way in _WAYS if all(map(_way(*way).fullmatch, (*bodies.values(), *plain)))]
    if not ways:
        raise _guess(name, next(iter(written.values())), "the column has numbers that are written in another way")
    if {("", ","), (",", ".")} <= set(ways):
        raise _guess(name, next(iter(written.values())), None)
    return ways[0]


@functools.cache
def _way(thousands: str, decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number that is written in one way."""
    mark = f"[{_SPACES}]" if thousands == " " else re.escape(thousands)
    grouped = rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+|" if thousands else ""
    return re.compile(rf"[-+]?(?:{grouped}\d+|(?={re.escape(decimal)}\d))(?:{re.escape(decimal)}\d*)?(?:[eE][-+]?\d+)?")


def _guess(name: str, value: str, reason: str | None) -> PodiumError:
    keeps = f"`columns: {{{quoted(name)}: category}}` keeps the text"
    if reason:
        return PodiumError(f"column {name!r}: {value!r} cannot be read as a number: {reason}: {keeps}")
    options = "`read: {thousands: ','}` or `read: {decimal: ','}` says which"
    return PodiumError(
        f"column {name!r}: {value!r} may have a decimal comma or a comma between thousands: {options}, {keeps}"
    )


def _rewritten(values: pa.ChunkedArray, style: _Style) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    removed = f"[\\s{_SPACES}{style.symbol}{style.thousands}]"
    plain = pc.replace_substring_regex(values, removed, "")
    plain = pc.replace_substring(plain, ",", ".") if style.decimal == "," else plain
    return pc.cast(plain, pa.float64())
