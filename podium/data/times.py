"""Dates as ISO 8601 text; times of day and durations as seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data.numbers import FEW, MARKERS, mistakes, of_rows, quoted
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import pandas as pd
    import pyarrow as pa

_CLOCK = r"\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?"
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})"
_ISO = rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?{_ZONE}?)?"
_TIME = r"\d{1,3}:[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
_DURATION = rf"-?\d+ days?(?: [+-]?{_CLOCK})?|-?P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?"
_OTHER_DATE = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}/\d{1,2}/\d{1,2}"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{4}|[A-Za-z]{3,9} \d{1,2}, \d{4}"
)
#: Formats of dates that can be read in one way only, for columns that the spec says are dates.
_FORMATS = (
    "%Y/%m/%d",
    "%Y%m%d",
    "%Y-%m",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
#: Pairs of formats of which a column's values must exclude one.
_AMBIGUOUS = (("%d/%m/%Y", "%m/%d/%Y"), ("%d-%m-%Y", "%m-%d-%Y"), ("%d/%m/%y", "%m/%d/%y"))
#: How many values tell that a column has neither dates nor times.
_SAMPLE = 20


@dataclass(frozen=True)
class Times:
    """A column of dates, times or durations.

    Parameters
    ----------
    values : numpy.ndarray
        ISO 8601 strings and None, or float64 seconds.
    is_date : bool
        Whether they are dates.
    why : str
        How they are written.
    notes : tuple of str
        What was assumed, each a predicate of the column's name.
    """

    values: np.ndarray[Any, Any]
    is_date: bool
    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Form:
    """A way to write a date, time or duration."""

    pattern: re.Pattern[str]
    parse: Callable[[str, list[str]], Sequence[Any]]
    noun: str
    why: str


def times(name: str, text: pa.ChunkedArray, *, declared: bool = False) -> Times | None:
    """Return a column of text as dates, or as the seconds of times and durations; None if it is another kind.

    Parameters
    ----------
    name : str
        The column.
    text : pyarrow.ChunkedArray
        Strings without surrounding white space; missing values are null.
    declared : bool
        Whether the spec says that they are dates.

    Raises
    ------
    PodiumError
        If most values are dates, or the spec says so, and one is not.
    """
    sample = [value for value in text.drop_null().slice(0, _SAMPLE).to_pylist() if value.lower() not in MARKERS]
    form = next((form for form in _FORMS if any(map(form.pattern.fullmatch, sample))), None)
    if form is None and not declared:
        return None
    counts = _counts(text)
    known = [value for value in counts if value.lower() not in MARKERS]
    strange = [value for value in known if form is None or not form.pattern.fullmatch(value)]
    if declared and (strange or form is not _FORMS[0]):
        form, parsed = _FORMS[0], _declared(name, known)
    elif form is None or (strange and not _are_mistakes(strange, counts)):
        return None
    elif strange:
        raise mistakes(name, strange, sum(counts[value] for value in strange), form.noun, "category")
    else:
        parsed = form.parse(name, known)
    markers = [value for value in counts if value.lower() in MARKERS]
    notes = [f"{value!r} is read as missing in {of_rows(counts[value])}" for value in markers]
    if form is not _FORMS[0]:
        notes.append(f"{known[0]!r} is read as {parsed[0]:g} seconds")
    return Times(_placed(text, dict(zip(known, parsed, strict=True)), form), form is _FORMS[0], form.why, tuple(notes))


def looks_like_date(text: pa.ChunkedArray) -> str | None:
    """Return the first value if a column of text begins with dates that are not ISO 8601, else None."""
    sample = text.drop_null().slice(0, _SAMPLE).to_pylist()
    return sample[0] if sample and all(map(_OTHER_DATE.fullmatch, sample)) else None


def iso(values: pd.Series[Any]) -> list[str | None]:
    """Return dates and times as ISO 8601 text: dates alone if there are no times, else seconds, UTC if zoned."""
    import pandas as pd

    moments = pd.DatetimeIndex(values)
    zone = "" if moments.tz is None else "+00:00"
    if zone:
        moments = moments.tz_convert("UTC")
    given = moments.dropna()
    form = "%Y-%m-%d"
    if zone or (given != given.normalize()).any():
        form += f"T%H:%M:%S{'.%f' if given.microsecond.any() else ''}{zone}"
    return [None if pd.isna(text) else str(text) for text in moments.strftime(form)]


def _counts(text: pa.ChunkedArray) -> dict[str, int]:
    import pyarrow.compute as pc

    counted = pc.value_counts(text.drop_null())
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


def _are_mistakes(strange: list[str], counts: dict[str, int]) -> bool:
    return len(strange) <= FEW and sum(counts[value] for value in strange) * 2 <= sum(counts.values())


def _dates(name: str, known: list[str]) -> Sequence[Any]:
    import pandas as pd

    zoned = {bool(re.search(rf":\d{{2}}(?:\.\d+)?{_ZONE}$", value)) for value in known}
    if len(zoned) > 1:
        raise PodiumError(f"column {name!r}: some dates have a time zone and some have none: write all of them alike")
    parsed = pd.Series(pd.to_datetime(known, format="ISO8601", utc=True in zoned, errors="coerce"))
    wrong = [value for value, is_wrong in zip(known, parsed.isna(), strict=True) if is_wrong]
    if wrong:
        raise mistakes(name, wrong, len(wrong), "date", "category")
    return iso(parsed)


def _seconds(_: str, known: list[str]) -> Sequence[float]:
    import pandas as pd

    full = [f"{value}:00" if re.fullmatch(r"\d+:\d{2}", value) else value for value in known]
    return list(pd.to_timedelta(full).total_seconds())


_FORMS = (
    _Form(re.compile(_ISO), _dates, "date", "ISO dates"),
    _Form(re.compile(_TIME), _seconds, "time", "times in hours, minutes and seconds"),
    _Form(re.compile(_DURATION), _seconds, "duration", "durations"),
)


def _declared(name: str, known: list[str]) -> Sequence[Any]:
    """Return the dates of a column that the spec says is one of dates, whatever their format.

    Raises
    ------
    PodiumError
        If no format fits all values, or day and month cannot be told apart.
    """
    import pandas as pd

    def fits(form: str) -> pd.Series[Any] | None:
        parsed = pd.Series(pd.to_datetime(known, format=form, errors="coerce"))
        return None if parsed.isna().any() else parsed

    for form in _FORMATS:
        if (parsed := fits(form)) is not None:
            return iso(parsed)
    for pair in _AMBIGUOUS:
        both = [parsed for form in pair if (parsed := fits(form)) is not None]
        if len(both) == 1:
            return iso(both[0])
        if both:
            raise PodiumError(f"column {name!r}: is {known[0]!r} day/month or month/day? write dates as 2024-01-31")
    wrong = next((value for value in known if not re.fullmatch(_ISO, value)), known[0] if known else "")
    raise PodiumError(
        f"column {name!r}: {wrong!r} is no date, or not written as the others: write dates as 2024-01-31, "
        f"or `columns: {{{quoted(name)}: category}}`"
    )


def _placed(text: pa.ChunkedArray, parsed: dict[str, Any], form: _Form) -> np.ndarray[Any, Any]:
    """Return a value for each row; None or NaN where there is none."""
    import numpy as np

    missing, kind = (None, object) if form is _FORMS[0] else (np.nan, np.float64)
    encoded = text.combine_chunks().dictionary_encode()
    values = [parsed.get(value, missing) for value in encoded.dictionary.to_pylist()]
    places = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    choices: np.ndarray[Any, Any] = np.array([*values, missing], dtype=kind)
    placed: np.ndarray[Any, Any] = choices[places]
    return placed
