"""Checks of values against what their arguments accept."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from podium.files.yaml_nodes import from_environment
from podium.specs.arguments import is_later, is_object, unwrapped
from podium.specs.checks.classes import JSON, PARAM, check_class, check_object
from podium.specs.checks.problems import hint

if TYPE_CHECKING:
    from podium.specs.arguments import Argument
    from podium.specs.checks.problems import Pointer, ProblemList

#: A message lists the known keys if there are at most this many; otherwise it only names the closest.
MOST_LISTED = 12

_REFERENCE = re.compile(r"\+\w+(\[.*\])?")


def check_value(
    problems: ProblemList, pointer: Pointer, value: Any, argument: Argument, *, templated: bool = True
) -> None:
    """Check a value, and the values inside it if the argument has a schema for them.

    Parameters
    ----------
    templated : bool, default=True
        Whether Airflow renders templates here. If not, a template is an ordinary string, and the class of an object
        is checked.
    """
    value, at = unwrapped(value)
    pointer = (*pointer, *at)
    if isinstance(value, str) and "$" in value:
        _check_variable(problems, pointer, value, argument, templated=templated)
    elif is_object(value):
        if not templated:
            check_object(problems, pointer, value, argument)
    elif is_later(value, templated=templated):
        return
    elif isinstance(value, dict) and (branch := argument.inside("properties") or argument.inside("propertyNames")):
        _check_mapping(problems, pointer, value, type(argument)(argument.name, branch))
    elif isinstance(value, list) and (branch := argument.inside("items")):
        items = type(argument)(f"each item of {argument.name}", branch["items"])
        for step, item in enumerate(value):
            check_value(problems, (*pointer, step), item, items, templated=templated)
    elif not argument.accepts(value):
        problems.add(pointer, argument.complaint(value))
    elif argument.is_time_span and isinstance(value, int | float) and abs(value) >= dt.timedelta.max.total_seconds():
        problems.add(pointer, f"{argument.name} must be a number of seconds that a timedelta can hold")


def _check_variable(problems: ProblemList, pointer: Pointer, text: str, argument: Argument, *, templated: bool) -> None:
    """Check a string with its environment variables replaced; another check reports variables that are not set."""
    value = from_environment(text)
    if not is_later(value, templated=templated) and not argument.accepts(value):
        problems.add(pointer, argument.complaint(text))  # the message must not show the value, which can be secret


def _check_mapping(problems: ProblemList, pointer: Pointer, value: dict[str, Any], argument: Argument) -> None:
    names, others = (
        argument.schema.get("propertyNames", {}).get("enum", ()),
        argument.schema.get("additionalProperties"),
    )
    known: dict[str, Any] = argument.schema.get("properties") or dict.fromkeys(names or value, others)
    if not value and argument.schema.get("minProperties"):
        problems.add(pointer, f"{argument.name} needs one of {', '.join(known)}")
    for key, inner in value.items():
        if key in known:
            check_value(problems, (*pointer, key), inner, type(argument)(key, known[key]))
        elif names or argument.schema.get("additionalProperties") is False:
            words = hint(key, known) or (f": known keys are {', '.join(known)}" if len(known) <= MOST_LISTED else "")
            problems.add((*pointer, key), f"unknown key {key!r} in {argument.name}{words}", key=True)
    for key in argument.schema.get("required", ()):
        if key not in value:
            problems.add(pointer, f"{argument.name} needs the key {key!r}")


def check_params(problems: ProblemList, pointer: Pointer, values: Any) -> None:
    """Check the values of params, which Airflow stores as JSON; Airflow checks a param's own schema."""
    for name, value in values.items() if isinstance(values, dict) and not is_object(values) else ():
        if is_object(value):
            check_class(problems, (*pointer, name), value, PARAM)
        else:
            check_json(problems, (*pointer, name), value)


def check_json(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check that a value contains no object that JSON cannot represent."""
    value, at = unwrapped(value)
    if is_object(value):
        check_class(problems, pointer, value, JSON, "a param")
    elif isinstance(value, list | dict):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            check_json(problems, (*pointer, *at, step), inner)


def is_reference(value: Any) -> bool:
    """Return whether a value refers to another task's result, as in ``+detect``."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None
