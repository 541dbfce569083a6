"""The check of a moment: the numbers of a date, a time or a span of time that a spec makes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from podium.specs.arguments import Arguments
    from podium.specs.checks.problems import Findings, Pointer


_DAY = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")
_SPAN = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
#: Import paths of what is checked: what says whether numbers are right, and the names of these numbers.
MOMENTS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "datetime.date": (dt.date, _DAY),
    "datetime.datetime": (dt.datetime, _DAY + _TIME),
    "datetime.time": (dt.time, _TIME),
    "datetime.timedelta": (dt.timedelta, _SPAN),
    "pendulum.datetime": (dt.datetime, _DAY + _TIME),
    "pendulum.duration": (dt.timedelta, _SPAN),
    "dateutil.relativedelta.relativedelta": (lambda **given: _relative(given), ("years", "months", *_SPAN)),
}


def _relative(given: dict[str, float]) -> dt.timedelta:
    """Return about as long as dateutil's span, whose years and months are whole."""
    for name in ("years", "months"):
        if int(given.get(name, 0)) != given.get(name, 0):
            raise ValueError(f"{name} must be a whole number")
    days = 365 * given.pop("years", 0) + 30 * given.pop("months", 0)
    return dt.timedelta(days) + dt.timedelta(**given)


def is_positive(value: dict[str, Any]) -> bool:
    """Return whether a span of time is longer than nothing, or that cannot be told."""
    make, names = MOMENTS.get(str(value.get("__type__")), MOMENTS["datetime.timedelta"])
    if value.get("__args__") or not value.keys() <= {"__type__", *names}:
        return True
    try:
        return bool(make(**_numbers(value, names)) > dt.timedelta(0))
    except (TypeError, ValueError, OverflowError):
        return True


def check_moment(findings: Findings, pointer: Pointer, value: dict[str, Any], takes: Arguments) -> None:
    """Note a number that its calendar does not have, such as the 31st of June.

    Parameters
    ----------
    takes : Arguments
        What the class takes.
    """
    make, names = MOMENTS[value["__type__"]]
    by_position = value["__args__"] if isinstance(value.get("__args__"), list) else []
    places = {name: (*pointer, "__args__", at) for at, name in enumerate(takes.positional[: len(by_position)])}
    numbers = _numbers({**dict(zip(takes.positional, by_position, strict=False)), **value}, names)
    for name, number in numbers.items():
        if not isinstance(number, int | float) or isinstance(number, bool):
            if not takes.by_name[name].schema.get("anyOf"):  # else its type has been checked
                findings.say(places.get(name, (*pointer, name)), f"{name} must be a number, not {shown(number)}")
            return
    try:
        make(**numbers)
    except (ValueError, OverflowError) as error:
        name = next((name for name in numbers if str(error).startswith(f"{name} ")), "__type__")
        findings.say(places.get(name, (*pointer, name)), f"there is no such {takes.name}: {error}")
    except TypeError:
        return  # an argument is missing or not an integer: a mistake of its own


def _numbers(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: number for name, number in given.items() if name in names}
