"""A project's own estimators, transformers and metrics: declared in its ``pyproject.toml`` or by installed packages.

::

    [tool.podium]
    estimators = ["my_package.models:CenterClassifier"]
    transformers = [{name = "my_package.steps:Clipper", trusted_types = ["my_package.steps.Limits"]}]
    metrics = ["my_package.metrics:profit"]

Installed packages declare theirs as entry points of the groups ``podium.estimators``, ``podium.transformers`` and
``podium.metrics``, and further types that their models contain in the group ``podium.trusted_types``. Reading the
declarations imports nothing; a class or function is imported when a config or a spec names it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, Problem, one_line
from podium.project import Project, find_project
from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

ESTIMATORS, TRANSFORMERS, METRICS = KINDS = ("estimators", "transformers", "metrics")
TRUSTED_TYPES = "podium.trusted_types"

#: The content of the modules that were imported, by name.
_imported: dict[str, bytes] = {}

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_METHODS = {ESTIMATORS: ("fit", "predict", "get_params"), TRANSFORMERS: ("fit", "transform", "get_params")}
_KEYS = {ESTIMATORS: ("name", "trusted_types"), TRANSFORMERS: ("name", "trusted_types"), METRICS: ("name", "loss")}


@dataclass(frozen=True)
class Entry:
    """One declaration.

    Parameters
    ----------
    kind : {"estimators", "transformers", "metrics"}
        What it is.
    name : str
        As configs and specs write it.
    target : str
        Where it is: ``my_package.module:Name``.
    where : str
        Where it is declared, as messages show it.
    position : tuple of (str, int, int) or None
        File, line and column, if it is the project's.
    trusted_types : tuple of str
        Types that a fitted model contains because of it, besides its own.
    loss : bool
        Whether a metric of labels and predictions is better when lower.
    """

    kind: str
    name: str
    target: str
    where: str
    position: tuple[str, int, int] | None = None
    trusted_types: tuple[str, ...] = ()
    loss: bool = False

    @property
    def type_name(self) -> str:
        """The class as skops names it."""
        return self.target.replace(":", ".")

    def load(self) -> Any:
        """Import it.

        Raises
        ------
        PodiumError
            If it cannot be imported, or is not what it is declared as.
        """
        attribute = self.target.partition(":")[2]
        try:
            found = getattr(self._module(), attribute)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (own code can raise anything)
            raise self._error(f"cannot be imported: {type(error).__name__}: {one_line(error)}") from None
        if self.kind == METRICS:
            if not callable(found):
                raise self._error("is not a function")
            return found
        missing = [method for method in _METHODS[self.kind] if not hasattr(found, method)]
        if not isinstance(found, type) or missing:
            raise self._error(f"is not a class with {', '.join(missing or _METHODS[self.kind])}")
        if (real := f"{found.__module__}:{found.__qualname__}") != self.target:
            raise self._error(f"is {real!r}: declare it by that path")
        return found

    def _module(self) -> ModuleType:
        """Import the module; again if its file has changed, because a worker's process outlives a training."""
        name, source = self.target.partition(":")[0], self.source()
        module = importlib.import_module(name)
        if _imported.setdefault(name, source) != source:
            module = importlib.reload(module)
            _imported[name] = source
        return module

    def source(self) -> bytes:
        """Return the content of the module that defines it; empty if there is no such file."""
        try:
            spec = importlib.util.find_spec(self.target.partition(":")[0])
        except (ImportError, ValueError):
            return b""
        return Path(spec.origin).read_bytes() if spec and spec.origin and Path(spec.origin).is_file() else b""

    def _error(self, words: str) -> PodiumError:
        return PodiumError(f"{self.where}  {self.target!r} {words}")


@dataclass(frozen=True)
class OwnCode:
    """What a project and the installed packages declare.

    Parameters
    ----------
    entries : tuple of Entry
        The declarations. Of two with the same kind and name, the first counts; the project's come first.
    types : tuple of str
        Types that installed packages declare apart.
    problems : tuple of Problem
        Mistakes in the project's declarations.
    root : pathlib.Path or None
        The project's root, from which its code is imported.
    """

    entries: tuple[Entry, ...] = ()
    types: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    root: Path | None = field(default=None, compare=False)

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind."""
        return [entry.name for entry in self.entries if entry.kind == kind]

    def find(self, name: str, *kinds: str) -> Entry | None:
        """Return the declaration of a name, of any of some kinds, or None."""
        return next((entry for entry in self.entries if entry.name == name and entry.kind in (kinds or KINDS)), None)

    def load(self, entry: Entry) -> Any:
        """Import what an entry declares, from the project's root if it is not installed.

        Raises
        ------
        PodiumError
            If it cannot be imported, or is not what it is declared as.
        """
        self.make_importable()
        return entry.load()

    def scorer(self, name: str) -> Callable[[Any, Any, Any], float] | None:
        """Return a declared metric as a function of a fitted model, rows and labels; higher is better. None if absent.

        Raises
        ------
        PodiumError
            If it cannot be imported.
        """
        entry = self.find(name, METRICS)
        return _scorer(self.load(entry), loss=entry.loss) if entry else None

    def trusted_types(self) -> tuple[str, ...]:
        """Return the types that a fitted model may contain because of the project's own code."""
        self.make_importable()
        classes = [entry for entry in self.entries if entry.kind != METRICS]
        listed = [name for entry in classes for name in (entry.type_name, *entry.trusted_types)]
        return tuple(dict.fromkeys([*listed, *self.types]))

    def make_importable(self) -> None:
        """Let Python import modules from the project's root, after all other places."""
        if self.root and self.entries and str(self.root) not in sys.path:
            sys.path.append(str(self.root))


def current() -> OwnCode:
    """Return the own code of this process's project: that of ``PODIUM_PROJECT``, or around the working directory."""
    settings = Settings.from_environment()
    try:
        return of(find_project(settings.project or Path.cwd(), settings.home))
    except PodiumError:
        return OwnCode(*_installed())


def of(project: Project) -> OwnCode:
    """Return the own code of a project. Nothing is imported."""
    file = project.root / "pyproject.toml"
    try:
        found = file.stat()
    except OSError:
        return OwnCode(*_installed(), root=project.root)
    return _of(file, project.shown(file), found.st_mtime_ns, found.st_size)


@cache
def _of(file: Path, shown: str, *_: int) -> OwnCode:
    try:
        text = file.read_text(encoding="utf-8")
        settings = tomllib.loads(text).get("tool", {}).get("podium", {})
    except (OSError, ValueError):  # the check of specs reports it
        text, settings = "", {}
    reader = _Reader(shown, text)
    own = [entry for kind in KINDS for entry in reader.entries(kind, settings.get(kind, []))]
    entries, types = _installed()
    return OwnCode((*own, *entries), types, tuple(reader.problems), file.parent)


class _Reader:
    """Reads the declarations of one ``pyproject.toml``."""

    def __init__(self, shown: str, text: str) -> None:
        self._shown, self._text = shown, text
        self.problems: list[Problem] = []

    def entries(self, kind: str, declared: Any) -> Iterator[Entry]:
        if not isinstance(declared, list):
            self._add(kind, f'[tool.podium] {kind} must be a list such as ["my_package.module:Name"]')
            return
        for one in declared:
            value = one if isinstance(one, dict) else {"name": one}
            target = value.get("name")
            if not isinstance(target, str) or not _TARGET.fullmatch(target):
                self._add(str(target), f"[tool.podium] {kind}: {target!r} must have the form 'my_package.module:Name'")
            elif wrong := self._wrong(kind, value):
                self._add(target, f"[tool.podium] {kind}: {target!r} {wrong}")
            else:
                line, column = self._position(target)
                name = target.partition(":")[2]
                where = f"{self._shown}:{line}:{column}"
                types, loss = tuple(value.get("trusted_types", ())), bool(value.get("loss", False))
                yield Entry(kind, name, target, where, (self._shown, line, column), types, loss)

    @staticmethod
    def _wrong(kind: str, value: dict[str, Any]) -> str:
        unknown = [key for key in value if key not in _KEYS[kind]]
        if unknown:
            return f"has the unknown key {unknown[0]!r}: known are {', '.join(_KEYS[kind])}"
        types = value.get("trusted_types", [])
        if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
            return "takes a list of strings as trusted_types"
        return "" if isinstance(value.get("loss", False), bool) else "takes true or false as loss"

    def _add(self, word: str, message: str) -> None:
        self.problems.append(Problem(self._shown, *self._position(word), message))

    def _position(self, word: str) -> tuple[int, int]:
        before = self._text.partition(word)[0] if word in self._text else ""
        return before.count("\n") + 1, len(before) - before.rfind("\n")


@cache
def _installed() -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return what installed packages declare, and the types that they declare apart."""
    entries = [
        Entry(kind, point.name, point.value, f"entry point podium.{kind} of {point.dist.name if point.dist else '?'}")
        for kind in KINDS
        for point in importlib.metadata.entry_points(group=f"podium.{kind}")
    ]
    types = [point.value.replace(":", ".") for point in importlib.metadata.entry_points(group=TRUSTED_TYPES)]
    return tuple(entries), tuple(types)


def _scorer(found: Callable[..., Any], *, loss: bool) -> Callable[[Any, Any, Any], float]:
    """Return a metric as a scorer: a function of labels and predictions becomes one, a scorer is used as it is."""
    from sklearn.metrics import make_scorer

    required = [
        parameter
        for parameter in inspect.signature(found).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    is_scorer = hasattr(found, "_score_func") or len(required) == 3  # noqa: PLR2004 (estimator, X, y)
    scorer: Callable[[Any, Any, Any], float] = found if is_scorer else make_scorer(found, greater_is_better=not loss)
    return scorer
