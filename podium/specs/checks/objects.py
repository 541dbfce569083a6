"""Checks of objects and environment variables anywhere in a spec."""

from __future__ import annotations

import os
import re
import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.errors import Problem, one_line
from podium.specs import arguments
from podium.specs.checks import classes
from podium.specs.checks.dates import DATE_TYPES, check_date_object, check_timezone
from podium.specs.checks.problems import hint
from podium.specs.checks.schedules import check_asset_name, check_cron
from podium.specs.checks.values import check_json, check_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from podium.project import Project
    from podium.source.finder import Symbol
    from podium.specs.arguments import Arguments
    from podium.specs.checks.problems import Pointer, ProblemList


#: What ``__type__`` can name. Creating one of these reads, writes and runs nothing, so a spec is only data.
ALLOWED = (
    "airflow.*",
    "podium.*",
    "datetime.*",
    "dateutil.relativedelta.relativedelta",
    "pendulum.*",
    "builtins.list",
    "builtins.dict",
    "builtins.tuple",
    "builtins.set",
    "builtins.str",
    "builtins.int",
    "builtins.float",
    "builtins.bool",
    "kubernetes.client.models.*",
)
#: Functions that are allowed. Not all of Airflow's: some import or run what they are given.
_FUNCTIONS = ("pendulum.*", "datetime.*", "airflow.sdk.timezone.*", "airflow.sdk._shared.timezones.*")
_PERMIT = "to permit it, add it to allow under [tool.podium] in pyproject.toml"
_ASSET = "airflow.sdk.definitions.asset.Asset"
_BUILTIN_LIST = "builtins.list"
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<plain>[A-Z_][A-Z0-9_]*)(?![a-z]))")
#: Keys of strings for a shell, a database or a person, in which a dollar sign has another meaning.
_FOREIGN = re.compile(r"(^|_)(command|commands|cmd|cmds|sql|script|env|regex|pattern|doc|md|description)(_|$)|^doc_")


def allow_list(project: Project) -> tuple[tuple[str, ...], list[Problem]]:
    """Return what ``__type__`` can name in a project: `ALLOWED` and ``allow`` of its ``[tool.podium]`` settings."""
    file = project.root / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ALLOWED, []
    except (OSError, ValueError) as error:
        reason = one_line(error)
        return ALLOWED, [Problem(project.shown(file), 1, 1, f"the project's settings cannot be read: {reason}")]
    own = settings.get("tool", {}).get("podium", {}).get("allow", [])
    if not isinstance(own, list) or not all(isinstance(word, str) for word in own):
        message = '[tool.podium] allow must be a list of strings such as ["package.module.*"]'
        return ALLOWED, [Problem(project.shown(file), 1, 1, message)]
    return (*ALLOWED, *own), []


class ObjectCheck:
    """Checks the objects and environment variables of a whole spec.

    Parameters
    ----------
    problems : ProblemList
        Receives the problems.
    """

    def __init__(self, problems: ProblemList) -> None:
        self._problems = problems

    def walk(self, pointer: Pointer, value: Any, *, is_inside: bool = False) -> None:
        """Check a value and all values inside it.

        Parameters
        ----------
        is_inside : bool, default=False
            Whether it is inside an object: dag-factory creates objects before it combines anything.
        """
        if isinstance(value, str):
            self._variables(pointer, value)
        elif isinstance(value, list):
            for at, inner in enumerate(value):
                self.walk((*pointer, at), inner, is_inside=is_inside)
        elif isinstance(value, dict):
            self._mapping(pointer, value, is_inside=is_inside)
            is_inside = is_inside or ("__type__" in value and arguments.unwrapped(value)[0] is value)
            for key, inner in value.items():
                self.walk((*pointer, key), inner, is_inside=is_inside)

    def _variables(self, pointer: Pointer, text: str) -> None:
        if any(isinstance(step, str) and _FOREIGN.search(step) for step in pointer[1:]):
            return
        for match in _VARIABLE.finditer(text):
            name = match["braced"] or match["plain"]
            if name not in os.environ:
                self._problems.add(pointer, f"the environment variable {name} is not set")

    def _mapping(self, pointer: Pointer, value: dict[str, Any], *, is_inside: bool) -> None:
        if "__type__" in value:
            self._object(pointer, value)
        elif "__args__" in value:
            self._problems.add((*pointer, "__args__"), "__args__ needs __type__ as well", key=True)
        for key in ("__and__", "__or__", "__join__"):
            if key not in value:
                continue
            if is_inside:
                words = f"{key} has no effect inside an object: dag-factory creates objects before it combines anything"
                self._problems.add((*pointer, key), words, key=True)
                continue
            if not isinstance(value[key], list) or not value[key]:
                self._problems.add((*pointer, key), f"{key} takes a list, not {shown(value[key])}")
            elif key != "__join__":
                classes.check_items(self._problems, (*pointer, key), value[key], classes.ASSETS)
            for other in value:
                if other != key:
                    self._problems.add((*pointer, other), f"{other!r} is ignored next to {key}: remove it", key=True)

    def _object(self, pointer: Pointer, value: dict[str, Any]) -> None:
        dotted, at = value["__type__"], (*pointer, "__type__")
        if not isinstance(dotted, str):
            self._problems.add(at, f"__type__ must be the import path of a class, not {shown(dotted)}")
            return
        if "$" in dotted:
            self._problems.add(at, "__type__ must not contain a variable: the class must not depend on the environment")
            return
        if not self._problems.allows(dotted):
            self._problems.add(at, f"__type__ {dotted!r} is not allowed: {_PERMIT}")
            return
        if dotted == _BUILTIN_LIST and "items" in value:
            self._only_items(pointer, value)
            return
        if dotted.startswith("builtins.") and dotted != "builtins.dict":
            self._check_builtin(pointer, value)
            return
        symbol = self._problems.find(at, dotted, "the class")
        if symbol is not None and self._is_harmless(at, dotted, symbol):
            takes = arguments.of_object(dotted, symbol, self._problems.finder)
            self._arguments(pointer, value, takes)
            is_named = any(value.get(key) for key in ("__args__", "name", "uri"))
            if symbol.name == _ASSET and not is_named and value.keys() <= {"__type__", "__args__", *takes.by_name}:
                self._problems.add(at, "Asset needs a name or a uri")
            if symbol.name.endswith(".MultipleCronTriggerTimetable") and not value.get("__args__"):
                self._problems.add(at, f"{takes.name} needs __args__: a list of cron expressions")
            if dotted in DATE_TYPES:
                check_date_object(self._problems, pointer, value, takes)

    def _is_harmless(self, pointer: Pointer, dotted: str, symbol: Symbol) -> bool:
        """Return whether an import path, after re-exports, is allowed: ``airflow.x.Popen`` can be Python's own."""
        own = self._problems.allowed[len(ALLOWED) :]
        if any(fnmatchcase(dotted, pattern) for pattern in own):
            return True
        if not self._problems.allows(symbol.name):
            self._problems.add(pointer, f"__type__ {dotted!r} is {symbol.name}, which is not allowed: {_PERMIT}")
            return False
        names = (dotted, symbol.name) if symbol.node is not None else ()
        functions = any(fnmatchcase(name, pattern) for pattern in _FUNCTIONS for name in names)
        builtin = dotted.startswith("builtins.")
        if not (symbol.is_class or functions or builtin):
            self._problems.add(pointer, f"__type__ {dotted!r} is not a class: {_PERMIT}")
            return False
        return True

    def _only_items(self, pointer: Pointer, value: dict[str, Any]) -> None:
        if not isinstance(value["items"], list):
            self._problems.add((*pointer, "items"), f"items must be a list, not {shown(value['items'])}")
        for key in value:
            if key not in ("__type__", "items"):
                self._problems.add((*pointer, key), f"{key!r} is ignored in a builtins.list: remove it", key=True)

    def _check_builtin(self, pointer: Pointer, value: dict[str, Any]) -> None:
        """Check the arguments of a plain type such as tuple: one value, by position."""
        name = value["__type__"].removeprefix("builtins.")
        given = value.get("__args__") or []
        for key in value:
            if key not in ("__type__", "__args__"):
                self._problems.add((*pointer, key), f"{name} takes no argument {key!r}: move it to __args__", key=True)
        if not isinstance(given, list) or len(given) > 1:
            self._problems.add((*pointer, "__args__"), f"__args__ of {name} must be a list of one value")
        elif given:
            self._check_made((*pointer, "__args__", 0), name, given[0])

    def _check_made(self, pointer: Pointer, name: str, value: Any) -> None:
        is_plain = isinstance(value, str | int | float)
        if name in ("tuple", "set", "list") and not isinstance(value, str | list | dict):
            self._problems.add(pointer, f"{name} needs a list, not {shown(value)}")
        elif name == "set" and isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
            self._problems.add(pointer, "a set can only contain plain values")
        elif name in ("int", "float"):
            try:
                _ = {"int": int, "float": float}[name](value) if is_plain else None
            except (ValueError, OverflowError):
                is_plain = False
            if not is_plain:
                self._problems.add(pointer, f"{name} needs a number, not {shown(value)}")

    def _arguments(self, pointer: Pointer, value: dict[str, Any], takes: Arguments) -> None:
        given = {key: inner for key, inner in value.items() if key not in ("__type__", "__args__")}
        by_position = [] if value.get("__args__") is None else value["__args__"]
        if not isinstance(by_position, list):
            if not arguments.is_object(by_position) or by_position.get("__type__") != _BUILTIN_LIST:
                self._problems.add((*pointer, "__args__"), f"__args__ must be a list, not {shown(by_position)}")
                return
            takes, by_position = arguments.Arguments(takes.name, takes.by_name, is_open=True), []
        self._by_position((*pointer, "__args__"), by_position, takes)
        for key, inner in given.items():
            if key in takes.by_name:
                self._value((*pointer, key), key, inner, takes)
            elif not takes.is_open:
                words = hint(key, takes.by_name)
                self._problems.add((*pointer, key), f"{takes.name} takes no argument {key!r}{words}", key=True)
        for name in takes.positional[: len(by_position)]:
            if name in given:
                self._problems.add((*pointer, name), f"{name} is also in __args__: remove one of them", key=True)
        for name in arguments.missing(takes, given, len(by_position)):
            self._problems.add((*pointer, "__type__"), f"{takes.name} needs the argument {name!r}")

    def _by_position(self, pointer: Pointer, values: list[Any], takes: Arguments) -> None:
        for at, inner in enumerate(values):
            if at < len(takes.positional):
                self._value((*pointer, at), takes.positional[at], inner, takes)
            elif takes.has_varargs:
                self._value((*pointer, at), "*", inner, takes)
            elif takes.positional and not takes.is_open:
                words = f"{takes.name} takes {len(takes.positional)} positional arguments, not {len(values)}"
                self._problems.add((*pointer, at), words)
                break

    def _value(self, pointer: Pointer, name: str, value: Any, takes: Arguments) -> None:
        check = _RULES.get((takes.name, name))
        is_timetable = takes.name.endswith("Timetable")
        if check is not None:
            check(self._problems, pointer, value)
        elif is_timetable and name in ("expression", "cron", "*"):
            if isinstance(value, str):
                check_cron(self._problems, pointer, value, is_schedule=False)
            else:
                self._problems.add(pointer, f"expected a cron expression such as '0 3 * * *', not {shown(value)}")
        elif is_timetable and name == "timezone" and isinstance(value, str):
            check_timezone(self._problems, pointer, value)
        elif name in takes.by_name:
            check_value(self._problems, pointer, value, takes.by_name[name], templated=False)


def _one(wanted: tuple[str, tuple[str, ...]]) -> Callable[[ProblemList, Pointer, Any], None]:
    """Return the check of an argument that takes an object of a class."""

    def check(problems: ProblemList, pointer: Pointer, value: Any) -> None:
        if arguments.is_object(value):
            classes.check_class(problems, pointer, value, wanted)
        else:
            problems.add(pointer, f"expected {wanted[0]}, not {shown(value)}")

    return check


def _several(
    wanted: tuple[str, tuple[str, ...]], alone: tuple[str, ...] = ()
) -> Callable[[ProblemList, Pointer, Any], None]:
    """Return the check of an argument that takes a list of objects of a class."""

    def check(problems: ProblemList, pointer: Pointer, value: Any) -> None:
        if isinstance(value, list):
            classes.check_items(problems, pointer, value, wanted)
        elif arguments.is_object(value):
            words = f"a list of objects, each {wanted[0]}"
            classes.check_class(problems, pointer, value, (words, ("builtins.list", *alone)))
        else:
            problems.add(pointer, f"expected a list of objects, each {wanted[0]}, not {shown(value)}")

    return check


def _check_name(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    if isinstance(value, str):
        check_asset_name(problems, pointer, value, f"an asset's {pointer[-1]}")
    elif arguments.is_object(value):
        classes.check_class(problems, pointer, value, ("a string", ("builtins.str",)))
    elif value is not None:
        problems.add(pointer, f"expected a string, not {shown(value)}")


def _check_string(problems: ProblemList, pointer: Pointer, value: Any) -> None:
    if not isinstance(value, str) and not arguments.is_object(value):
        problems.add(pointer, f"expected a string, not {shown(value)}")


#: Checks of arguments that Airflow's classes validate when they are created; ``*`` is any positional argument.
_RULES: dict[tuple[str, str], Callable[[ProblemList, Pointer, Any], None]] = {
    ("AssetOrTimeSchedule", "timetable"): _one(classes.TIMETABLE),
    ("AssetOrTimeSchedule", "assets"): _several(classes.ASSETS, classes.ASSETS[1]),
    ("Param", "default"): check_json,
    ("ObjectStoragePath", "*"): _check_string,
    ("AssetAll", "*"): _one(classes.ASSETS),
    ("AssetAny", "*"): _one(classes.ASSETS),
    ("AssetWatcher", "trigger"): _one(classes.TRIGGER),
    ("Asset", "watchers"): _several(classes.WATCHER),
    **{(class_, name): _check_name for class_ in ("Asset", "AssetAlias") for name in ("name", "uri")},
}
