"""The check of a value: what stands in a spec against what its argument accepts."""

from __future__ import annotations

import datetime as dt
import os
import re
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.errors import one_line
from podium.files.yaml_nodes import from_environment
from podium.source.finder import module_of_file
from podium.specs.arguments import is_later, is_object, missing, of_callable, unwrapped
from podium.specs.checks.classes import (
    ASSETS,
    DATE,
    JSON,
    NOTIFIER,
    PARAM,
    SCHEDULE,
    check_class,
    check_object,
    classes_of,
)
from podium.specs.checks.dates import is_positive
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import TASK_CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podium.source.finder import Symbol
    from podium.specs.arguments import Argument
    from podium.specs.checks.problems import Findings, Pointer


#: Schedules that are words; Airflow's and, in lower case, dag-factory's "none".
PRESETS = (
    "@once",
    "@continuous",
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
    "@annually",
)
#: Length of an asset's name or URI that Airflow's database holds.
MAX_ASSET_NAME = 1500

#: Digits of a number of days or seconds from which on dates end.
MAX_DIGITS = 6

#: Of more keys than these, a message names only the closest.
MOST_LISTED = 12

_RELATIVE = re.compile(r"\d+\s+(hour|minute|second|day)", re.IGNORECASE)
_REFERENCE = re.compile(r"\+\w+(\[.*\])?")
_PARTS = (("name", "file"), ("file", "name"))


def check_value(
    findings: Findings, pointer: Pointer, value: Any, argument: Argument, *, templated: bool = True
) -> None:
    """Check a value, and what is inside it where the argument says what that is.

    Parameters
    ----------
    templated : bool, default=True
        Whether Airflow fills in templates here; where it does not, they are plain text, and the class of an object
        must be right already when the DAG is built.
    """
    value, at = unwrapped(value)
    pointer = (*pointer, *at)
    if isinstance(value, str) and "$" in value:
        _check_variable(findings, pointer, value, argument, templated=templated)
    elif is_object(value):
        if not templated:
            check_object(findings, pointer, value, argument)
    elif is_later(value, templated=templated):
        return
    elif isinstance(value, dict) and (branch := argument.inside("properties") or argument.inside("propertyNames")):
        _check_mapping(findings, pointer, value, type(argument)(argument.name, branch))
    elif isinstance(value, list) and (branch := argument.inside("items")):
        items = type(argument)(f"each item of {argument.name}", branch["items"])
        for step, item in enumerate(value):
            check_value(findings, (*pointer, step), item, items, templated=templated)
    elif not argument.accepts(value):
        findings.say(pointer, argument.complaint(value))
    elif argument.is_time_span and isinstance(value, int | float) and abs(value) >= dt.timedelta.max.total_seconds():
        findings.say(pointer, f"{argument.name} must be a number of seconds that a timedelta can hold")


def _check_variable(findings: Findings, pointer: Pointer, text: str, argument: Argument, *, templated: bool) -> None:
    """Check what the environment makes of a text; a variable that is not set is a problem of its own."""
    value = from_environment(text)
    if not is_later(value, templated=templated) and not argument.accepts(value):
        findings.say(pointer, argument.complaint(text))  # the message must not show what may be secret


def _check_mapping(findings: Findings, pointer: Pointer, value: dict[str, Any], argument: Argument) -> None:
    names = argument.schema.get("propertyNames", {}).get("enum", ())
    known = argument.schema.get("properties") or dict.fromkeys(names, argument.schema["additionalProperties"])
    if not value and argument.schema.get("minProperties"):
        findings.say(pointer, f"{argument.name} needs one of {', '.join(known)}")
    for key, inner in value.items():
        if key in known:
            check_value(findings, (*pointer, key), inner, type(argument)(key, known[key]))
        elif names or argument.schema.get("additionalProperties") is False:
            words = hint(key, known) or (f": known are {', '.join(known)}" if len(known) <= MOST_LISTED else "")
            findings.say((*pointer, key), f"unknown key {key!r} in {argument.name}{words}", key=True)
    for key in argument.schema.get("required", ()):
        if key not in value:
            findings.say(pointer, f"{argument.name} needs the key {key!r}")


def check_date(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check a start or end date: a date, or a time before today."""
    if value is None:
        return
    if is_object(value):
        check_class(findings, pointer, value, DATE)
        return
    text = os.path.expandvars(value) if isinstance(value, str) else ""
    if text and (is_later(text, templated=False) or _is_date(text)):
        return
    name = pointer[-1]
    findings.say(pointer, f"{name} must be a date such as 2024-01-31 or a time such as '2 days', not {shown(value)}")


def check_date_of_task(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check a start or end date that dag-factory hands on as it is."""
    if is_object(value):
        check_class(findings, pointer, value, DATE)
    elif value is not None:
        form = "{__type__: datetime.datetime, year: 2024, month: 1, day: 31}"
        words = f"{pointer[-1]} must be {form} here: dag-factory reads dates in a DAG and its default_args only"
        findings.say(pointer, words)


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


def check_time_span(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check a span of time in dag-factory's own words, such as ``2 hours``."""
    text = os.path.expandvars(value) if isinstance(value, str) else ""
    if value is not None and not is_later(text, templated=False) and not _is_time_span(text):
        findings.say(pointer, f"{pointer[-1]} must be a time such as '2 hours', not {shown(value)}")


def check_timezone(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check the name of a time zone."""
    value, _ = unwrapped(value)
    if is_object(value):
        check_class(findings, pointer, value, ("the name of a time zone", ("builtins.str",)))
        return
    if value is None or is_later(value):
        return
    if not isinstance(value, str):
        findings.say(pointer, f"{pointer[-1]} must be text, not {shown(value)}")
        return
    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        words = hint(value, sorted(zoneinfo.available_timezones()))
        findings.say(pointer, f"there is no time zone {value!r}{words}")


def check_schedule(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check a schedule, apart from the objects in it."""
    value, at = unwrapped(value)
    pointer = (*pointer, *at)
    if value is None:
        return
    if is_object(value):
        check_class(findings, pointer, value, SCHEDULE)
        if "delta" in str(value.get("__type__")) and not is_positive(value):
            findings.say(pointer, "schedule must be a time of more than 0")
    elif isinstance(value, str):
        check_cron(findings, pointer, value)
    elif isinstance(value, list):
        check_assets(findings, pointer, value)
    elif isinstance(value, dict) and "datasets" in value:
        findings.say(pointer, "Airflow 3 has no schedule with 'datasets': list the assets, or combine them by __and__")
    else:
        words = "a cron expression, a preset such as '@daily', a list of assets or an object with __type__"
        findings.say(pointer, f"schedule must be {words}, not {shown(value)}")


def check_assets(findings: Findings, pointer: Pointer, values: list[Any]) -> None:
    """Check a list of assets, each a URI or an object."""
    for at, item in enumerate(values):
        if is_object(item):
            classes = classes_of(item, findings.finder)
            if classes is not None and classes.isdisjoint(ASSETS[1]):
                findings.say((*pointer, at), f"expected an asset, not an object of {item.get('__type__')}")
        elif isinstance(item, str):
            if item.strip():
                check_asset_name(findings, (*pointer, at), item.strip(), "an asset's URI")
        elif item is not None:
            findings.say((*pointer, at), f"expected an asset: a URI or an object, not {shown(item)}")


def check_params(findings: Findings, pointer: Pointer, values: Any) -> None:
    """Check the values of parameters, which Airflow stores as JSON; a value's own schema is Airflow's to check."""
    for name, value in values.items() if isinstance(values, dict) and not is_object(values) else ():
        if is_object(value):
            check_class(findings, (*pointer, name), value, PARAM)
        else:
            check_json(findings, (*pointer, name), value)


def check_json(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check that there is no object in a value that JSON cannot hold."""
    value, at = unwrapped(value)
    if is_object(value):
        check_class(findings, pointer, value, JSON, "a parameter")
    elif isinstance(value, list | dict):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            check_json(findings, (*pointer, *at, step), inner)


def check_asset_name(findings: Findings, pointer: Pointer, text: str, noun: str) -> None:
    """Check what an asset is called, by Airflow's rules."""
    if is_later(text, templated=False):
        return
    if not text.strip() or len(text) > MAX_ASSET_NAME or not text.isascii():
        words = f"{noun} must be ASCII text of up to {MAX_ASSET_NAME} characters that is not blank"
        findings.say(pointer, f"{words}, not {shown(text)}")
    elif text.startswith("airflow:"):
        findings.say(pointer, f"{noun} cannot begin with 'airflow:', which is Airflow's own")


def check_cron(findings: Findings, pointer: Pointer, text: str, *, is_schedule: bool = True) -> None:
    """Check a cron expression or preset, such as ``0 3 * * *`` or ``@daily``.

    Parameters
    ----------
    is_schedule : bool, default=True
        Whether it is a DAG's whole schedule, which may also be ``none``, ``@once`` or ``@continuous``.
    """
    presets = PRESETS if is_schedule else PRESETS[2:]
    written, text = text, os.path.expandvars(text)
    if is_later(text, templated=False) or text in presets or (is_schedule and text.strip().lower() == "none"):
        return
    if text.startswith("@"):
        words = hint(text, presets) or ": write @daily, another preset, or a cron expression"
        findings.say(pointer, f"there is no schedule {written!r}{words}")
        return
    from croniter import croniter  # type: ignore[import-untyped]

    try:
        croniter(text)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = one_line(error)
        findings.say(pointer, f"{shown(written)} is not a cron expression such as '0 3 * * *': {reason}")


def check_callbacks(findings: Findings, pointer: Pointer, values: Mapping[str, Any]) -> None:
    """Check the functions that are called when a task or DAG succeeds, fails and so on, in every form."""
    for callback in TASK_CALLBACKS:
        if callback in values:
            _check_callback(findings, (*pointer, callback), values[callback])
        if values.get(f"{callback}_name") is not None or values.get(f"{callback}_file") is not None:
            check_function_file(findings, pointer, values, callback)


def _check_callback(findings: Findings, pointer: Pointer, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, dict) and not is_object(value):
        if isinstance(value.get("callback"), str):
            function = findings.find((*pointer, "callback"), value["callback"], "the function")
            if function is not None:
                _check_callback_arguments(findings, pointer, value, function)
        else:
            findings.say(pointer, f"{pointer[-1]} needs the key 'callback': the import path of a function")
    elif isinstance(value, str):
        findings.find(pointer, value, "the function")
    else:
        words = "the import path of a function, or a mapping with 'callback'"
        findings.say(pointer, f"{pointer[-1]} must be {words}, not {shown(value)}")


def _check_callback_arguments(findings: Findings, pointer: Pointer, value: dict[str, Any], function: Symbol) -> None:
    """Check what is given to a callback besides the context: to a function when it is called, to a notifier before."""
    takes = of_callable(value["callback"], function, findings.finder)
    given = [name for name in value if name != "callback"]
    for name in given:
        if name not in takes.by_name and not takes.is_open:
            words = f"{takes.name} takes no argument {name!r}{hint(name, takes.by_name)}"
            findings.say((*pointer, name), words, key=True)
    for name in missing(takes, given, 0 if function.is_class else 1):
        findings.say((*pointer, "callback"), f"{takes.name} needs the argument {name!r}")


def check_notifiers(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check what is told of a promotion: an Airflow notifier or a list of them; what they are made from is checked too.

    Neither a template nor another task's result will do: notifiers are there when the DAG is built.
    """
    if value is None:
        return
    several = isinstance(value, list)
    for at, item in enumerate(value if several else [value]):
        place = (*pointer, at) if several else pointer
        if is_object(item):
            check_class(findings, place, item, NOTIFIER, str(pointer[-1]))
        else:
            words = "an Airflow notifier such as {__type__: …SmtpNotifier, to: …}, or a list of them"
            findings.say(place, f"{pointer[-1]} must be {words}, not {shown(item)}")


def check_call(findings: Findings, pointer: Pointer, values: Any, function: Symbol) -> None:
    """Check a mapping of all the arguments that a function is called with when the DAG is built."""
    values = {} if values is None else values
    if is_object(values) or not isinstance(values, dict):
        findings.say(pointer, f"{pointer[-1]} must be a mapping of arguments, not {shown(values)}")
        return
    takes = of_callable(function.name, function, findings.finder)
    for name in values:
        if name not in takes.by_name and not takes.is_open:
            words = f"{takes.name} takes no argument {name!r}{hint(name, takes.by_name)}"
            findings.say((*pointer, name), words, key=True)
    for name in missing(takes, values):
        findings.say(pointer, f"{takes.name} needs the argument {name!r}")


def check_function_file(findings: Findings, pointer: Pointer, values: Mapping[str, Any], what: str) -> Symbol | None:
    """Check a function that is given as ``..._name`` and ``..._file``, and return it if it is there."""
    for part, other in _PARTS:
        if values.get(f"{what}_{part}") is not None and values.get(f"{what}_{other}") is None:
            findings.say((*pointer, f"{what}_{part}"), f"{what}_{part} needs {what}_{other} beside it", key=True)
            return None
    name, file = values[f"{what}_name"], values[f"{what}_file"]
    for part, value in (("name", name), ("file", file)):
        if not isinstance(value, str):
            findings.say((*pointer, f"{what}_{part}"), f"{what}_{part} must be text, not {shown(value)}")
            return None
    path = check_file(findings, (*pointer, f"{what}_file"), file)
    module = module_of_file(path) if path else None
    if module is None:
        return None
    if name not in module.names and not module.is_open and not module.stars:
        words = hint(name, module.names)
        findings.say((*pointer, f"{what}_name"), f"there is no {name!r} in {path.name if path else file}{words}")
        return None
    return findings.finder.in_module(module, name)


def check_file(findings: Findings, pointer: Pointer, value: Any) -> Path | None:
    """Check the absolute path of a file and return it if it is there."""
    text = os.path.expandvars(value) if isinstance(value, str) else ""
    if not text or is_later(text, templated=False):
        if not isinstance(value, str) or not value:
            findings.say(pointer, f"{pointer[-1]} must be the path of a file, not {shown(value)}")
        return None
    try:
        path = Path(text)
        if not path.is_absolute():
            findings.say(pointer, f"{pointer[-1]} must be an absolute path; it may begin with a variable such as $HOME")
            return None
        if not path.is_file():
            findings.say(pointer, f"there is no file {shown(value)}")
            return None
    except (OSError, ValueError):
        findings.say(pointer, f"{shown(value)} is not the path of a file")
        return None
    return path


def check_folders(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check absolute paths of folders: one, or a list of them."""
    value, inside = unwrapped(value)
    pointer = (*pointer, *inside)
    if value is None:
        return
    if not isinstance(value, str | list):
        findings.say(pointer, f"{pointer[-1]} must be a path or a list of paths, not {shown(value)}")
        return
    for step, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
        at = pointer if step is None else (*pointer, step)
        text = os.path.expandvars(item) if isinstance(item, str) else ""
        if "$" not in text and not (Path(text).is_absolute() and os.path.isdir(text)):  # noqa: PTH112 (NUL is no error)
            findings.say(at, f"{shown(item)} is not the absolute path of a folder")


def check_macros(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check the functions of templates; mappings may be nested."""
    if not isinstance(value, dict) or is_object(value):
        return
    for name, inner in value.items():
        inner, _ = unwrapped(inner)  # noqa: PLW2901
        if isinstance(inner, str):
            findings.find((*pointer, name), inner, "the function")
        elif not is_object(inner):
            check_macros(findings, (*pointer, name), inner)


def is_reference(value: Any) -> bool:
    """Return whether a value is another task's result, as in ``+detect``."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None
