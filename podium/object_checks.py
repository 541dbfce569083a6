"""The check of objects and variables: what a spec would make when it is built, and what it takes from outside."""

from __future__ import annotations

import os
import re
import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from podium import arguments
from podium.findings import hint
from podium.parameters import shown
from podium.problems import Problem
from podium.value_checks import check_cron, check_timezone, check_value

if TYPE_CHECKING:
    from podium.arguments import Arguments
    from podium.findings import Findings, Pointer
    from podium.project import Project
    from podium.symbols import Symbol

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
        reason = " ".join(str(error).split())
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
    allowed : tuple of str
        What ``__type__`` may name, with ``*`` for any text.
    """

    def __init__(self, findings: Findings, allowed: tuple[str, ...]) -> None:
        self._findings = findings
        self._allowed = allowed

    def walk(self, pointer: Pointer, value: Any) -> None:
        """Check a value and all that is in it."""
        if isinstance(value, str):
            self._variables(pointer, value)
        elif isinstance(value, list):
            for at, inner in enumerate(value):
                self.walk((*pointer, at), inner)
        elif isinstance(value, dict):
            self._mapping(pointer, value)
            for key, inner in value.items():
                self.walk((*pointer, key), inner)

    def _variables(self, pointer: Pointer, text: str) -> None:
        if any(isinstance(step, str) and _FOREIGN.search(step) for step in pointer[1:]):
            return
        for match in _VARIABLE.finditer(text):
            name = match["braced"] or match["plain"]
            if name not in os.environ:
                self._findings.say(pointer, f"the environment variable {name} is not set")

    def _mapping(self, pointer: Pointer, value: dict[str, Any]) -> None:
        if "__type__" in value:
            self._object(pointer, value)
        elif "__args__" in value:
            self._findings.say((*pointer, "__args__"), "__args__ needs __type__ beside it", key=True)
        for key in ("__and__", "__or__", "__join__"):
            if key not in value:
                continue
            if not isinstance(value[key], list) or not value[key]:
                self._findings.say((*pointer, key), f"{key} takes a list, not {shown(value[key])}")
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
        if not self._is_allowed(dotted):
            self._findings.say(at, f"__type__ {dotted!r} is not allowed: {_PERMIT}")
            return
        if dotted == _BUILTIN_LIST and "items" in value:
            self._only_items(pointer, value)
            return
        symbol = self._findings.find(at, dotted, "the class")
        if symbol is not None and self._is_harmless(at, dotted, symbol):
            takes = arguments.of_object(dotted, symbol, self._findings.finder)
            self._arguments(pointer, value, takes)
            if symbol.name == _ASSET and value.keys() <= {"__type__", *takes.by_name} - {"name", "uri"}:
                self._findings.say(at, "Asset needs a name or a uri")

    def _is_allowed(self, dotted: str) -> bool:
        return any(fnmatchcase(dotted, pattern) for pattern in self._allowed)

    def _is_harmless(self, pointer: Pointer, dotted: str, symbol: Symbol) -> bool:
        """Look past re-exports: ``airflow.x.Popen`` is Python's wherever a module of Airflow has imported it."""
        own = self._allowed[len(ALLOWED) :]
        if any(fnmatchcase(dotted, pattern) for pattern in own):
            return True
        if not self._is_allowed(symbol.name):
            self._findings.say(pointer, f"__type__ {dotted!r} is {symbol.name}, which is not allowed: {_PERMIT}")
            return False
        functions = any(fnmatchcase(name, pattern) for pattern in _FUNCTIONS for name in (dotted, symbol.name))
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

    def _arguments(self, pointer: Pointer, value: dict[str, Any], takes: Arguments) -> None:
        given = {key: inner for key, inner in value.items() if key not in ("__type__", "__args__")}
        by_position = value.get("__args__") or []
        if isinstance(by_position, dict):
            takes, by_position = arguments.Arguments(takes.name, takes.by_name, is_open=True), []
        if not isinstance(by_position, list):
            self._findings.say((*pointer, "__args__"), f"__args__ must be a list, not {shown(by_position)}")
            return
        for at, inner in enumerate(by_position):
            if at < len(takes.positional):
                self._value((*pointer, "__args__", at), takes.positional[at], inner, takes)
            elif takes.positional and not takes.has_varargs and not takes.is_open:
                words = f"{takes.name} takes {len(takes.positional)} by position, not {len(by_position)}"
                self._findings.say((*pointer, "__args__", at), words)
                break
        for key, inner in given.items():
            if key in takes.by_name:
                self._value((*pointer, key), key, inner, takes)
            elif not takes.is_open:
                words = hint(key, takes.by_name)
                self._findings.say((*pointer, key), f"{takes.name} takes no argument {key!r}{words}", key=True)
        for name in arguments.missing(takes, given, len(by_position)):
            self._findings.say((*pointer, "__type__"), f"{takes.name} needs the argument {name!r}")

    def _value(self, pointer: Pointer, name: str, value: Any, takes: Arguments) -> None:
        is_timetable = takes.name.endswith("Timetable")
        if is_timetable and name in ("expression", "cron") and isinstance(value, str):
            check_cron(self._findings, pointer, value)
        elif is_timetable and name == "timezone" and isinstance(value, str):
            check_timezone(self._findings, pointer, value)
        elif name in takes.by_name:
            check_value(self._findings, pointer, value, takes.by_name[name])
