"""The problems of one spec, and the context that its checks need."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from podium.errors import Problem, SymbolNotFoundError, did_you_mean
from podium.specs.vocabulary import TASK_DECORATORS, current_path

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.files.documents import Document
    from podium.project import Project
    from podium.source.finder import Finder, Symbol


Pointer: TypeAlias = tuple[str | int, ...]


@dataclass
class ProblemList:
    """Problems of one spec.

    Parameters
    ----------
    document : Document
        The spec.
    project : Project
        The project of the spec.
    finder : Finder
        Finds modules that the spec names.
    allowed : tuple of str
        What ``__type__`` can name; ``*`` matches any characters.
    found : dict
        Problems in the order found, each once: a mistake in ``default`` is a mistake in every DAG.
    """

    document: Document
    project: Project
    finder: Finder
    allowed: tuple[str, ...]
    found: dict[Problem, None] = field(default_factory=dict)

    def add(self, pointer: Pointer, message: str, *, key: bool = False) -> None:
        """Add a problem with the value at a pointer, or with its key.

        If the DAG inherits the value from the file's ``default``, the problem is there.
        """
        if pointer and not self.has(pointer) and self.has(("default", *pointer[1:])):
            pointer = ("default", *pointer[1:])
        self.found[self.document.problem(pointer, message, key=key)] = None

    def allows(self, dotted: str) -> bool:
        """Return whether ``__type__`` can name an import path."""
        return any(fnmatchcase(dotted, pattern) for pattern in self.allowed)

    def has(self, pointer: Pointer) -> bool:
        """Return whether the file itself has a value at a pointer."""
        value: Any = self.document.data
        for step in pointer:
            in_list = isinstance(value, list) and isinstance(step, int) and step < len(value)
            if not in_list and not (isinstance(value, dict) and step in value):
                return False
            value = value[step]
        return True

    def find(self, pointer: Pointer, dotted: Any, noun: str) -> Symbol | None:
        """Return what an import path refers to; None, after adding a problem, if it does not exist."""
        if not isinstance(dotted, str):
            self.add(pointer, f"expected the import path of {noun}, as in package.module.name")
            return None
        dotted = os.path.expandvars(dotted)
        if "$" in dotted:
            return None  # another check reports the variable that is not set
        try:
            return self.finder.find(dotted)
        except SymbolNotFoundError as error:
            self.add(pointer, f"{noun} {dotted!r} cannot be imported: {_reason(dotted, error)}")
            return None


def _reason(dotted: str, error: SymbolNotFoundError) -> str:
    """Return why an import path cannot be found; for a former path of Podium's, with the current one as the hint."""
    current = current_path(dotted)
    package, _, name = dotted.rpartition(".")
    if package in ("airflow.sdk.task", "airflow.decorators.task") and name in TASK_DECORATORS:
        return f"write {TASK_DECORATORS[name]}"
    if current == dotted:
        return str(error)
    return f"{str(error).partition(': did you mean')[0]}: did you mean {current!r}?"


def hint(word: str, known: Collection[str]) -> str:
    """Return the did-you-mean hint; a word that only differs in case counts as the closest."""
    same = [name for name in known if name.casefold() == word.casefold()]
    return did_you_mean(same[0] if same else word, known)
