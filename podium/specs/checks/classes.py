"""Checks of the class of an object, which ``__type__`` names."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.errors import SymbolNotFoundError
from podium.specs.arguments import is_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podium.source.finder import Finder, Symbol
    from podium.specs.arguments import Argument
    from podium.specs.checks.problems import Pointer, ProblemList


_ASSET = "airflow.sdk.definitions.asset.BaseAsset"
_TIMETABLES = ("airflow.sdk.bases.timetable.BaseTimetable", "airflow.timetables.base.Timetable")
_LISTS = ("builtins.list", "builtins.tuple", "builtins.set")
_TEXT = "builtins.str"
#: Requirements of Airflow on the class of an object: the words of a message, and the classes to be or inherit from.
ASSETS = ("an asset", (_ASSET,))
TIMETABLE = ("a timetable", _TIMETABLES)
DATE = ("a date and time", ("datetime.datetime",))
SCHEDULE = (
    "a timetable, a timedelta, an asset or a list of assets",
    (*_TIMETABLES, _ASSET, "datetime.timedelta", "dateutil.relativedelta.relativedelta", *_LISTS),
)
WATCHER = ("an airflow.sdk.AssetWatcher", ("airflow.sdk.definitions.asset.AssetWatcher",))
TRIGGER = ("a trigger that watches for events (a BaseEventTrigger)", ("airflow.triggers.base.BaseEventTrigger",))
MAPPED = ("a list or a mapping", (*_LISTS, "builtins.dict"))
JSON = (
    "a value that JSON can represent",
    (_TEXT, *(f"builtins.{name}" for name in ("int", "float", "bool", "list", "tuple", "dict"))),
)
PARAM = (f"an airflow.sdk.Param or {JSON[0]}", ("airflow.sdk.definitions.param.Param", *JSON[1]))
NOTIFIER = ("an Airflow notifier", ("airflow.sdk.bases.notifier.BaseNotifier",))
OPERATOR = ("an operator", ("airflow.sdk.bases.operator.BaseOperator",))
_OF_TYPE = {
    "string": (_TEXT,),
    "integer": ("builtins.int", "builtins.bool"),
    "number": ("builtins.int", "builtins.float", "builtins.bool"),
    "boolean": ("builtins.bool",),
    "array": _LISTS,
    "object": ("builtins.dict",),
    "null": (),
}
#: Base classes that do not matter for the checks.
_EMPTY = {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "Generic", "Protocol", "ABC"}


def classes_of(value: Any, finder: Finder) -> frozenset[str] | None:
    """Return the class of an object in a spec and the classes it inherits from; None if they are unknown."""
    if "__and__" in value or "__or__" in value:
        return frozenset({_ASSET})
    if "__join__" in value:
        return frozenset({_TEXT})
    dotted = value.get("__type__")
    if not isinstance(dotted, str) or "$" in dotted:
        return None
    if dotted.startswith("builtins."):
        return frozenset({dotted})
    try:
        return inherited(_made_by(finder.find(dotted), finder), finder)
    except SymbolNotFoundError:
        return None


def check_class(
    problems: ProblemList, pointer: Pointer, value: Any, wanted: tuple[str, Iterable[str]], name: str = ""
) -> None:
    """Add the problem of an object of a wrong class.

    Parameters
    ----------
    wanted : tuple
        The requirement in words, and the classes, one of which it must be or inherit from.
    name : str, optional
        Name of the place in the message. Default: the last key of the pointer.
    """
    if not problems.allows(str(value.get("__type__", _ASSET))):
        return  # reported by another check
    classes = classes_of(value, problems.finder)
    if classes is not None and classes.isdisjoint(wanted[1]):
        problems.add(pointer, f"{name or pointer[-1]} must be {wanted[0]}, not {_noun(value)}")


def check_object(problems: ProblemList, pointer: Pointer, value: Any, argument: Argument) -> None:
    """Add the problem of an object whose class does not match an argument's type."""
    branches = argument.schema.get("anyOf", ())
    if argument.branches and {} not in argument.branches and {"$ref": "#/$defs/object"} not in branches:
        check_class(problems, pointer, value, (argument.expected, _classes(argument)), argument.name)


def check_items(
    problems: ProblemList, pointer: Pointer, values: Iterable[Any], wanted: tuple[str, Iterable[str]]
) -> None:
    """Check that each value is an object of a class."""
    for at, value in enumerate(values):
        if is_object(value):
            classes = classes_of(value, problems.finder)
            if classes is None or not classes.isdisjoint(wanted[1]):
                continue
        problems.add((*pointer, at), f"expected {wanted[0]}, not {_noun(value)}")


def _noun(value: Any) -> str:
    if not is_object(value):
        return shown(value)
    dotted = value.get("__type__")
    return f"an object of {dotted}" if dotted else "assets" if "__join__" not in value else "a string"


def _classes(argument: Argument) -> set[str]:
    found = {branch["x-object"] for branch in argument.branches if "x-object" in branch}
    for branch in argument.branches:
        if "x-object" not in branch:
            types = branch.get("type", "string")  # the options of an enum are strings
            for type_ in types if isinstance(types, list) else [types]:
                found |= set(_OF_TYPE[type_])
    return found


def _made_by(symbol: Symbol, finder: Finder) -> Symbol | None:
    """Return the class that a name refers to, or the return type of the function that it refers to."""
    if symbol.is_class:
        return symbol
    node = symbol.node
    if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name) and symbol.module:
        made = finder.in_module(symbol.module, node.returns.id)
        return made if made is not None and made.is_class else None
    return None


def inherited(symbol: Symbol | None, finder: Finder) -> frozenset[str] | None:
    """Return the names of a class and its base classes, direct or not; None if one of them cannot be read."""
    if symbol is None:
        return None
    found: set[str] = set()
    ahead = [symbol]
    while ahead:
        class_ = ahead.pop()
        if class_.name in found:
            continue
        found.add(class_.name)
        if class_.is_class:
            ahead += finder.bases(class_)
        elif class_.name not in _EMPTY and not class_.name.startswith(("typing.", "builtins.")):
            return None
    return frozenset(found)
