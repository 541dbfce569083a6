"""The check of objects and variables: what a spec would make when it is built, and what it takes from outside."""

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
from podium.specs.checks.dates import MOMENTS, check_moment
from podium.specs.checks.problems import hint
from podium.specs.checks.values import check_asset_name, check_cron, check_json, check_timezone, check_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from podium.project import Project
    from podium.source.finder import Symbol
    from podium.specs.arguments import Arguments
    from podium.specs.checks.problems import Findings, Pointer


#: What ``__type__`` may name. A spec is then data: nothing here reads, writes or runs anything when it is made.
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
#: Functions are called as classes are, and Airflow has some that import or run what they are given.
_FUNCTIONS = ("pendulum.*", "datetime.*", "airflow.sdk.timezone.*", "airflow.sdk._shared.timezones.*")
_PERMIT = "allow under [tool.podium] in pyproject.toml can permit it"
_ASSET = "airflow.sdk.definitions.asset.Asset"
_BUILTIN_LIST = "builtins.list"
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_]\w*)\}|(?P<plain>[A-Z_][A-Z0-9_]*)(?![a-z]))")
#: Texts that a shell, a database or a reader looks at, where a dollar is their own.
_FOREIGN = re.compile(r"(^|_)(command|commands|cmd|cmds|sql|script|env|regex|pattern|doc|md|description)(_|$)|^doc_")


def allow_list(project: Project) -> tuple[tuple[str, ...], list[Problem]]:
    """Return what ``__type__`` may name in a project: `ALLOWED` and ``allow`` of its ``[tool.podium]`` settings."""
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
        message = '[tool.podium] allow must be a list of texts such as ["package.module.*"]'
        return ALLOWED, [Problem(project.shown(file), 1, 1, message)]
    return (*ALLOWED, *own), []


class ObjectCheck:
    """Looks through a whole spec for objects and variables.

    Parameters
    ----------
    findings : Findings
        Receives the problems.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def walk(self, pointer: Pointer, value: Any, *, is_inside: bool = False) -> None:
        """Check a value and all that is in it.

        Parameters
        ----------
        is_inside : bool, default=False
            Whether it is inside what an object is made of: dag-factory makes objects before it combines anything.
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
                self._findings.say(pointer, f"the environment variable {name} is not set")

    def _mapping(self, pointer: Pointer, value: dict[str, Any], *, is_inside: bool) -> None:
        if "__type__" in value:
            self._object(pointer, value)
        elif "__args__" in value:
            self._findings.say((*pointer, "__args__"), "__args__ needs __type__ beside it", key=True)
        for key in ("__and__", "__or__", "__join__"):
            if key not in value:
                continue
            if is_inside:
                words = f"{key} has no effect inside an object, which dag-factory makes before it combines anything"
                self._findings.say((*pointer, key), words, key=True)
                continue
            if not isinstance(value[key], list) or not value[key]:
                self._findings.say((*pointer, key), f"{key} takes a list, not {shown(value[key])}")
            elif key != "__join__":
                classes.check_items(self._findings, (*pointer, key), value[key], classes.ASSETS)
            for other in value:
                if other != key:
                    self._findings.say((*pointer, other), f"{other!r} is ignored beside {key}: remove it", key=True)

    def _object(self, pointer: Pointer, value: dict[str, Any]) -> None:
        dotted, at = value["__type__"], (*pointer, "__type__")
        if not isinstance(dotted, str):
            self._findings.say(at, f"__type__ must be the import path of a class, not {shown(dotted)}")
            return
        if "$" in dotted:
            self._findings.say(at, "__type__ must be spelled out: what is made must not depend on the environment")
            return
        if not self._findings.allows(dotted):
            self._findings.say(at, f"__type__ {dotted!r} is not allowed: {_PERMIT}")
            return
        if dotted == _BUILTIN_LIST and "items" in value:
            self._only_items(pointer, value)
            return
        if dotted.startswith("builtins.") and dotted != "builtins.dict":
            self._check_builtin(pointer, value)
            return
        symbol = self._findings.find(at, dotted, "the class")
        if symbol is not None and self._is_harmless(at, dotted, symbol):
            takes = arguments.of_object(dotted, symbol, self._findings.finder)
            self._arguments(pointer, value, takes)
            is_named = any(value.get(key) for key in ("__args__", "name", "uri"))
            if symbol.name == _ASSET and not is_named and value.keys() <= {"__type__", "__args__", *takes.by_name}:
                self._findings.say(at, "Asset needs a name or a uri")
            if symbol.name.endswith(".MultipleCronTriggerTimetable") and not value.get("__args__"):
                self._findings.say(at, f"{takes.name} needs __args__: a list of cron expressions")
            if dotted in MOMENTS:
                check_moment(self._findings, pointer, value, takes)

    def _is_harmless(self, pointer: Pointer, dotted: str, symbol: Symbol) -> bool:
        """Look past re-exports: ``airflow.x.Popen`` is Python's wherever a module of Airflow has imported it."""
        own = self._findings.allowed[len(ALLOWED) :]
        if any(fnmatchcase(dotted, pattern) for pattern in own):
            return True
        if not self._findings.allows(symbol.name):
            self._findings.say(pointer, f"__type__ {dotted!r} is {symbol.name}, which is not allowed: {_PERMIT}")
            return False
        names = (dotted, symbol.name) if symbol.node is not None else ()
        functions = any(fnmatchcase(name, pattern) for pattern in _FUNCTIONS for name in names)
        builtin = dotted.startswith("builtins.")
        if not (symbol.is_class or functions or builtin):
            self._findings.say(pointer, f"__type__ {dotted!r} is not a class: {_PERMIT}")
            return False
        return True

    def _only_items(self, pointer: Pointer, value: dict[str, Any]) -> None:
        if not isinstance(value["items"], list):
            self._findings.say((*pointer, "items"), f"items must be a list, not {shown(value['items'])}")
        for key in value:
            if key not in ("__type__", "items"):
                self._findings.say((*pointer, key), f"{key!r} is ignored in a builtins.list: remove it", key=True)

    def _check_builtin(self, pointer: Pointer, value: dict[str, Any]) -> None:
        """Check what a plain value, such as a tuple, is made from: another one, by position."""
        name = value["__type__"].removeprefix("builtins.")
        given = value.get("__args__") or []
        for key in value:
            if key not in ("__type__", "__args__"):
                self._findings.say((*pointer, key), f"{name} takes no argument {key!r}: put it into __args__", key=True)
        if not isinstance(given, list) or len(given) > 1:
            self._findings.say((*pointer, "__args__"), f"{name} takes a list of one value in __args__")
        elif given:
            self._check_made((*pointer, "__args__", 0), name, given[0])

    def _check_made(self, pointer: Pointer, name: str, value: Any) -> None:
        is_plain = isinstance(value, str | int | float)
        if name in ("tuple", "set", "list") and not isinstance(value, str | list | dict):
            self._findings.say(pointer, f"{name} is made from a list, not from {shown(value)}")
        elif name == "set" and isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
            self._findings.say(pointer, "a set holds plain values only")
        elif name in ("int", "float"):
            try:
                _ = {"int": int, "float": float}[name](value) if is_plain else None
            except (ValueError, OverflowError):
                is_plain = False
            if not is_plain:
                self._findings.say(pointer, f"{name} is made from a number, not from {shown(value)}")

    def _arguments(self, pointer: Pointer, value: dict[str, Any], takes: Arguments) -> None:
        given = {key: inner for key, inner in value.items() if key not in ("__type__", "__args__")}
        by_position = [] if value.get("__args__") is None else value["__args__"]
        if not isinstance(by_position, list):
            if not arguments.is_object(by_position) or by_position.get("__type__") != _BUILTIN_LIST:
                self._findings.say((*pointer, "__args__"), f"__args__ must be a list, not {shown(by_position)}")
                return
            takes, by_position = arguments.Arguments(takes.name, takes.by_name, is_open=True), []
        self._by_position((*pointer, "__args__"), by_position, takes)
        for key, inner in given.items():
            if key in takes.by_name:
                self._value((*pointer, key), key, inner, takes)
            elif not takes.is_open:
                words = hint(key, takes.by_name)
                self._findings.say((*pointer, key), f"{takes.name} takes no argument {key!r}{words}", key=True)
        for name in takes.positional[: len(by_position)]:
            if name in given:
                self._findings.say((*pointer, name), f"{name} is in __args__ too: remove one of them", key=True)
        for name in arguments.missing(takes, given, len(by_position)):
            self._findings.say((*pointer, "__type__"), f"{takes.name} needs the argument {name!r}")

    def _by_position(self, pointer: Pointer, values: list[Any], takes: Arguments) -> None:
        for at, inner in enumerate(values):
            if at < len(takes.positional):
                self._value((*pointer, at), takes.positional[at], inner, takes)
            elif takes.has_varargs:
                self._value((*pointer, at), "*", inner, takes)
            elif takes.positional and not takes.is_open:
                words = f"{takes.name} takes {len(takes.positional)} by position, not {len(values)}"
                self._findings.say((*pointer, at), words)
                break

    def _value(self, pointer: Pointer, name: str, value: Any, takes: Arguments) -> None:
        check = _RULES.get((takes.name, name))
        is_timetable = takes.name.endswith("Timetable")
        if check is not None:
            check(self._findings, pointer, value)
        elif is_timetable and name in ("expression", "cron", "*"):
            if isinstance(value, str):
                check_cron(self._findings, pointer, value, is_schedule=False)
            else:
                self._findings.say(pointer, f"expected a cron expression such as '0 3 * * *', not {shown(value)}")
        elif is_timetable and name == "timezone" and isinstance(value, str):
            check_timezone(self._findings, pointer, value)
        elif name in takes.by_name:
            check_value(self._findings, pointer, value, takes.by_name[name], templated=False)


def _one(wanted: tuple[str, tuple[str, ...]]) -> Callable[[Findings, Pointer, Any], None]:
    """Return the check of an argument that takes an object of a class."""

    def check(findings: Findings, pointer: Pointer, value: Any) -> None:
        if arguments.is_object(value):
            classes.check_class(findings, pointer, value, wanted)
        else:
            findings.say(pointer, f"expected {wanted[0]}, not {shown(value)}")

    return check


def _several(
    wanted: tuple[str, tuple[str, ...]], alone: tuple[str, ...] = ()
) -> Callable[[Findings, Pointer, Any], None]:
    """Return the check of an argument that takes a list of objects of a class."""

    def check(findings: Findings, pointer: Pointer, value: Any) -> None:
        if isinstance(value, list):
            classes.check_items(findings, pointer, value, wanted)
        elif arguments.is_object(value):
            words = f"a list of objects, each {wanted[0]}"
            classes.check_class(findings, pointer, value, (words, ("builtins.list", *alone)))
        else:
            findings.say(pointer, f"expected a list of objects, each {wanted[0]}, not {shown(value)}")

    return check


def _check_name(findings: Findings, pointer: Pointer, value: Any) -> None:
    if isinstance(value, str):
        check_asset_name(findings, pointer, value, f"an asset's {pointer[-1]}")
    elif arguments.is_object(value):
        classes.check_class(findings, pointer, value, ("text", ("builtins.str",)))
    elif value is not None:
        findings.say(pointer, f"expected text, not {shown(value)}")


def _check_text(findings: Findings, pointer: Pointer, value: Any) -> None:
    if not isinstance(value, str) and not arguments.is_object(value):
        findings.say(pointer, f"expected text, not {shown(value)}")


#: What Airflow's own classes look at when they are made, by class and argument; ``*`` is any by position.
_RULES: dict[tuple[str, str], Callable[[Findings, Pointer, Any], None]] = {
    ("AssetOrTimeSchedule", "timetable"): _one(classes.TIMETABLE),
    ("AssetOrTimeSchedule", "assets"): _several(classes.ASSETS, classes.ASSETS[1]),
    ("Param", "default"): check_json,
    ("ObjectStoragePath", "*"): _check_text,
    ("AssetAll", "*"): _one(classes.ASSETS),
    ("AssetAny", "*"): _one(classes.ASSETS),
    ("AssetWatcher", "trigger"): _one(classes.TRIGGER),
    ("Asset", "watchers"): _several(classes.WATCHER),
    **{(class_, name): _check_name for class_ in ("Asset", "AssetAlias") for name in ("name", "uri")},
}
