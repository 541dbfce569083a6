"""Checks of dates, times, time spans and time zones."""

from __future__ import annotations

import datetime as dt
import os
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.specs.arguments import is_later, is_object, unwrapped
from podium.specs.checks.classes import DATE, check_class
from podium.specs.checks.problems import hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from podium.specs.arguments import Arguments
    from podium.specs.checks.problems import Pointer, ProblemList


_DAY = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")
_SPAN = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
#: By import path, the function that validates the numbers of a date, time or time span, and their names.
DATE_TYPES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "datetime.date": (dt.date, _DAY),
    "datetime.datetime": (dt.datetime, _DAY + _TIME),
    "datetime.time": (dt.time, _TIME),
    "datetime.timedelta": (dt.timedelta, _SPAN),
    "pendulum.datetime": (dt.datetime, _DAY + _TIME),
    "pendulum.duration": (dt.timedelta, _SPAN),
    "dateutil.relativedelta.relativedelta": (lambda **given: _relative(given), ("years", "months", *_SPAN)),
}
#: A time span with a number of this many digits would lead to a date out of range.
MAX_DIGITS = 6

_RELATIVE = re.compile(r"\d+\s+(hour|minute|second|day)", re.IGNORECASE)


def check_date(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check a start or end date: a date, or a time span before today."""
    if value is None:
        return
    if is_object(value):
        check_class(problems, pointer, value, DATE)
        return
    text = os.path.expandvars(value) if isinstance(value, str) else ""
    if text and (is_later(text, templated=False) or _is_date(text)):
        return
    name = pointer[-1]
    problems.add(
        pointer, f"{name} must be a date such as 2024-01-31 or a time span such as '2 days', not {shown(value)}"
    )


def check_date_of_task(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check a start or end date that dag-factory passes on without parsing it."""
    if is_object(value):
        check_class(problems, pointer, value, DATE)
    elif value is not None:
        form = "{__type__: datetime.datetime, year: 2024, month: 1, day: 31}"
        words = f"{pointer[-1]} must be {form} here: dag-factory only parses dates of a DAG and its default_args"
        problems.add(pointer, words)


def check_time_span(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check a time span in the form that dag-factory parses, such as ``2 hours``."""
    text = os.path.expandvars(value) if isinstance(value, str) else ""
    if value is not None and not is_later(text, templated=False) and not _is_time_span(text):
        problems.add(pointer, f"{pointer[-1]} must be a time span such as '2 hours', not {shown(value)}")


def check_timezone(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check the name of a time zone."""
    value, _ = unwrapped(value)
    if is_object(value):
        check_class(problems, pointer, value, ("the name of a time zone", ("builtins.str",)))
        return
    if value is None or is_later(value):
        return
    if not isinstance(value, str):
        problems.add(pointer, f"{pointer[-1]} must be a string, not {shown(value)}")
        return
    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        words = hint(value, sorted(zoneinfo.available_timezones()))
        problems.add(pointer, f"there is no time zone {value!r}{words}")


def _is_date(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        import pendulum

        try:
            return isinstance(pendulum.parse(text), dt.datetime)
        except (ValueError, OverflowError):
            return _is_time_span(text)
    return True


def _is_time_span(text: str) -> bool:
    if not _RELATIVE.match(text):
        return False
    return len(max(re.findall(r"\d+", text), key=len)) < MAX_DIGITS


def _relative(given: dict[str, float]) -> dt.timedelta:
    """Return a time span about as long as dateutil's; years and months must be whole numbers."""
    for name in ("years", "months"):
        if int(given.get(name, 0)) != given.get(name, 0):
            raise ValueError(f"{name} must be a whole number")
    days = 365 * given.pop("years", 0) + 30 * given.pop("months", 0)
    return dt.timedelta(days) + dt.timedelta(**given)


def is_positive(value: dict[str, Any]) -> bool:
    """Return whether a time span is longer than 0, or its length is unknown."""
    make, names = DATE_TYPES.get(str(value.get("__type__")), DATE_TYPES["datetime.timedelta"])
    if value.get("__args__") or not value.keys() <= {"__type__", *names}:
        return True
    try:
        return bool(make(**_numbers(value, names)) > dt.timedelta(0))
    except (TypeError, ValueError, OverflowError):
        return True


def check_date_object(problems: ProblemList, pointer: Pointer, value: dict[str, Any], takes: Arguments) -> None:
    """Add the problem of an invalid date, time or time span, such as the 31st of June.

    Parameters
    ----------
    takes : Arguments
        Arguments of the class.
    """
    make, names = DATE_TYPES[value["__type__"]]
    by_position = value["__args__"] if isinstance(value.get("__args__"), list) else []
    places = {name: (*pointer, "__args__", at) for at, name in enumerate(takes.positional[: len(by_position)])}
    numbers = _numbers({**dict(zip(takes.positional, by_position, strict=False)), **value}, names)
    for name, number in numbers.items():
        if not isinstance(number, int | float) or isinstance(number, bool):
            if not takes.by_name[name].schema.get("anyOf"):  # otherwise its type has been checked
                problems.add(places.get(name, (*pointer, name)), f"{name} must be a number, not {shown(number)}")
            return
    try:
        make(**numbers)
    except (ValueError, OverflowError) as error:
        name = next((name for name in numbers if str(error).startswith(f"{name} ")), "__type__")
        problems.add(places.get(name, (*pointer, name)), f"invalid {takes.name}: {error}")
    except TypeError:
        return  # an argument is missing or not an integer: reported by another check


def _numbers(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: number for name, number in given.items() if name in names}
