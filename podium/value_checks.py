"""The check of a value: what stands in a spec against what its argument accepts."""

from __future__ import annotations

import datetime as dt
import os
import re
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.arguments import is_later, is_object
from podium.findings import hint
from podium.parameters import shown
from podium.spec_schema import TASK_CALLBACKS
from podium.symbols import module_of_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podium.arguments import Argument
    from podium.findings import Findings, Pointer
    from podium.symbols import Symbol

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
        Whether Airflow fills in templates here; where it does not, they are plain text.
    """
    if is_later(value, templated=templated):
        return
    if isinstance(value, dict) and (branch := argument.inside("properties")):
        _check_mapping(findings, pointer, value, type(argument)(argument.name, branch))
    elif isinstance(value, list) and (branch := argument.inside("items")):
        items = type(argument)(f"each item of {argument.name}", branch["items"])
        for at, item in enumerate(value):
            check_value(findings, (*pointer, at), item, items)
    elif not argument.accepts(value):
        findings.say(pointer, argument.complaint(value))


def _check_mapping(findings: Findings, pointer: Pointer, value: dict[str, Any], argument: Argument) -> None:
    known = argument.schema["properties"]
    for key, inner in value.items():
        if key in known:
            check_value(findings, (*pointer, key), inner, type(argument)(key, known[key]))
        elif argument.schema.get("additionalProperties") is False:
            words = hint(key, known) or f": known are {', '.join(known)}"
            findings.say((*pointer, key), f"unknown key {key!r} in {argument.name}{words}", key=True)
    for key in argument.schema.get("required", ()):
        if key not in value:
            findings.say(pointer, f"{argument.name} needs the key {key!r}")


def check_date(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check a start or end date: a date, or a time before today."""
    if value is None or is_later(value, templated=False):
        return
    if isinstance(value, str) and _is_date(value):
        return
    name = pointer[-1]
    findings.say(pointer, f"{name} must be a date such as 2024-01-31 or a time such as '2 days', not {shown(value)}")


def _is_date(text: str) -> bool:
    if _RELATIVE.match(text):
        return True
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        import pendulum

        try:
            pendulum.parse(text)
        except (ValueError, OverflowError):
            return False
    return True


def check_timezone(findings: Findings, pointer: Pointer, value: Any) -> None:
    """Check the name of a time zone."""
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
    if value is None or is_object(value):
        return
    if isinstance(value, str):
        check_cron(findings, pointer, value)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            if item is not None and not isinstance(item, str) and not is_object(item):
                findings.say((*pointer, at), f"a schedule's list holds assets, URIs or objects, not {shown(item)}")
    elif isinstance(value, dict) and "datasets" in value:
        findings.say(pointer, "Airflow 3 has no schedule with 'datasets': list the assets, or combine them by __and__")
    else:
        words = "a cron expression, a preset such as '@daily', a list of assets or an object with __type__"
        findings.say(pointer, f"schedule must be {words}, not {shown(value)}")


def check_cron(findings: Findings, pointer: Pointer, text: str) -> None:
    """Check a cron expression or preset, such as ``0 3 * * *`` or ``@daily``."""
    if is_later(text) or text.strip().lower() == "none" or text in PRESETS:
        return
    if text.startswith("@"):
        words = hint(text, PRESETS) or ": write @daily, another preset, or a cron expression"
        findings.say(pointer, f"there is no schedule {text!r}{words}")
        return
    from croniter import croniter  # type: ignore[import-untyped]

    try:
        croniter(text)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        findings.say(pointer, f"{shown(text)} is not a cron expression such as '0 3 * * *': {reason}")


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
        if "callback" in value:
            findings.find((*pointer, "callback"), value["callback"], "the function")
        else:
            findings.say(pointer, f"{pointer[-1]} needs the key 'callback': the import path of a function")
    elif isinstance(value, str):
        findings.find(pointer, value, "the function")
    else:
        words = "the import path of a function, or a mapping with 'callback'"
        findings.say(pointer, f"{pointer[-1]} must be {words}, not {shown(value)}")


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
    if not text or is_later(text):
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
    if value is None or is_object(value):
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
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if isinstance(inner, str):
            findings.find((*pointer, name), inner, "the function")
        elif not is_object(inner):
            check_macros(findings, (*pointer, name), inner)


def is_reference(value: Any) -> bool:
    """Return whether a value is another task's result, as in ``+detect``."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None
