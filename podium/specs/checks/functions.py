"""Checks of functions and files that a spec names: callbacks, notifiers, macros, and files of code or docs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.source.finder import module_of_file
from podium.specs.arguments import is_later, is_object, missing, of_callable, unwrapped
from podium.specs.checks.classes import NOTIFIER, check_class
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import TASK_CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podium.source.finder import Symbol
    from podium.specs.checks.problems import Pointer, ProblemList

_PARTS = (("name", "file"), ("file", "name"))


def check_callbacks(problems: ProblemList, pointer: Pointer, values: Mapping[str, Any]) -> None:
    """Check the callbacks of a task or DAG, in every form that dag-factory reads."""
    for callback in TASK_CALLBACKS:
        if callback in values:
            _check_callback(problems, (*pointer, callback), values[callback])
        if values.get(f"{callback}_name") is not None or values.get(f"{callback}_file") is not None:
            check_function_file(problems, pointer, values, callback)


def _check_callback(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, dict) and not is_object(value):
        if isinstance(value.get("callback"), str):
            function = problems.find((*pointer, "callback"), value["callback"], "the function")
            if function is not None:
                _check_callback_arguments(problems, pointer, value, function)
        else:
            problems.add(pointer, f"{pointer[-1]} needs the key 'callback': the import path of a function")
    elif isinstance(value, str):
        problems.find(pointer, value, "the function")
    else:
        words = "the import path of a function, or a mapping with 'callback'"
        problems.add(pointer, f"{pointer[-1]} must be {words}, not {shown(value)}")


def _check_callback_arguments(problems: ProblemList, pointer: Pointer, value: dict[str, Any], function: Symbol) -> None:
    """Check the arguments of a callback, in addition to the context that Airflow passes."""
    takes = of_callable(value["callback"], function, problems.finder)
    given = [name for name in value if name != "callback"]
    for name in given:
        if name not in takes.by_name and not takes.is_open:
            words = f"{takes.name} takes no argument {name!r}{hint(name, takes.by_name)}"
            problems.add((*pointer, name), words, key=True)
    for name in missing(takes, given, 0 if function.is_class else 1):
        problems.add((*pointer, "callback"), f"{takes.name} needs the argument {name!r}")


def check_notifiers(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check the notifiers of a promotion: an Airflow notifier or a list of them. `ObjectCheck` checks their arguments.

    Templates and task results are not allowed: the notifiers must be known when the DAG is built.
    """
    if value is None:
        return
    several = isinstance(value, list)
    for at, item in enumerate(value if several else [value]):
        place = (*pointer, at) if several else pointer
        if is_object(item):
            check_class(problems, place, item, NOTIFIER, str(pointer[-1]))
        else:
            words = "an Airflow notifier such as {__type__: …SmtpNotifier, to: …}, or a list of them"
            problems.add(place, f"{pointer[-1]} must be {words}, not {shown(item)}")


def check_call(problems: ProblemList, pointer: Pointer, values: Any, function: Symbol) -> None:
    """Check a mapping of all arguments of a function that is called when the DAG is built."""
    values = {} if values is None else values
    if is_object(values) or not isinstance(values, dict):
        problems.add(pointer, f"{pointer[-1]} must be a mapping of arguments, not {shown(values)}")
        return
    takes = of_callable(function.name, function, problems.finder)
    for name in values:
        if name not in takes.by_name and not takes.is_open:
            words = f"{takes.name} takes no argument {name!r}{hint(name, takes.by_name)}"
            problems.add((*pointer, name), words, key=True)
    for name in missing(takes, values):
        problems.add(pointer, f"{takes.name} needs the argument {name!r}")


def check_function_file(problems: ProblemList, pointer: Pointer, values: Mapping[str, Any], what: str) -> Symbol | None:
    """Check a function that is given as ``..._name`` and ``..._file``, and return it if it exists."""
    for part, other in _PARTS:
        if values.get(f"{what}_{part}") is not None and values.get(f"{what}_{other}") is None:
            problems.add((*pointer, f"{what}_{part}"), f"{what}_{part} needs {what}_{other} as well", key=True)
            return None
    name, file = values[f"{what}_name"], values[f"{what}_file"]
    for part, value in (("name", name), ("file", file)):
        if not isinstance(value, str):
            problems.add((*pointer, f"{what}_{part}"), f"{what}_{part} must be a string, not {shown(value)}")
            return None
    path = check_file(problems, (*pointer, f"{what}_file"), file)
    module = module_of_file(path) if path else None
    if module is None:
        return None
    if name not in module.names and not module.is_open and not module.stars:
        words = hint(name, module.names)
        problems.add((*pointer, f"{what}_name"), f"there is no {name!r} in {path.name if path else file}{words}")
        return None
    return problems.finder.in_module(module, name)


def check_file(problems: ProblemList, pointer: Pointer, value: Any) -> Path | None:
    """Check the absolute path of a file and return it if it exists."""
    text = os.path.expandvars(value) if isinstance(value, str) else ""
    if not text or is_later(text, templated=False):
        if not isinstance(value, str) or not value:
            problems.add(pointer, f"{pointer[-1]} must be the path of a file, not {shown(value)}")
        return None
    try:
        path = Path(text)
        if not path.is_absolute():
            problems.add(pointer, f"{pointer[-1]} must be an absolute path; it may begin with a variable such as $HOME")
            return None
        if not path.is_file():
            problems.add(pointer, f"there is no file {shown(value)}")
            return None
    except (OSError, ValueError):
        problems.add(pointer, f"{shown(value)} is not the path of a file")
        return None
    return path


def check_folders(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check absolute paths of folders: one, or a list of them."""
    value, inside = unwrapped(value)
    pointer = (*pointer, *inside)
    if value is None:
        return
    if not isinstance(value, str | list):
        problems.add(pointer, f"{pointer[-1]} must be a path or a list of paths, not {shown(value)}")
        return
    for step, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
        at = pointer if step is None else (*pointer, step)
        text = os.path.expandvars(item) if isinstance(item, str) else ""
        if "$" not in text and not (Path(text).is_absolute() and os.path.isdir(text)):  # noqa: PTH112 (NUL is no error)
            problems.add(at, f"{shown(item)} is not the absolute path of a folder")


def check_macros(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    """Check the functions that templates can call; mappings can be nested."""
    if not isinstance(value, dict) or is_object(value):
        return
    for name, inner in value.items():
        inner, _ = unwrapped(inner)  # noqa: PLW2901
        if isinstance(inner, str):
            problems.find((*pointer, name), inner, "the function")
        elif not is_object(inner):
            check_macros(problems, (*pointer, name), inner)
