"""The findings: what the checks of one spec find, and what they need to look around."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from podium.errors import Problem, SymbolNotFoundError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.files.documents import Document
    from podium.project import Project
    from podium.source.finder import Finder, Symbol


Pointer: TypeAlias = tuple[str | int, ...]


@dataclass
class Findings:
    """Problems of one spec.

    Parameters
    ----------
    document : Document
        The spec.
    project : Project
        Where its files lie.
    finder : Finder
        Where its modules lie.
    allowed : tuple of str
        What ``__type__`` may name, with ``*`` for any text.
    problems : dict
        Problems in the order found, each once: what a ``default`` block says wrong would be wrong in every DAG.
    """

    document: Document
    project: Project
    finder: Finder
    allowed: tuple[str, ...]
    problems: dict[Problem, None] = field(default_factory=dict)

    def say(self, pointer: Pointer, message: str, *, key: bool = False) -> None:
        """Note a mistake in what a pointer leads to, or in its key.

        A DAG has what it does not say itself from the file's ``default``: the mistake is then there.
        """
        if pointer and not self.has(pointer) and self.has(("default", *pointer[1:])):
            pointer = ("default", *pointer[1:])
        self.problems[self.document.problem(pointer, message, key=key)] = None

    def allows(self, dotted: str) -> bool:
        """Return whether ``__type__`` may name this."""
        return any(fnmatchcase(dotted, pattern) for pattern in self.allowed)

    def has(self, pointer: Pointer) -> bool:
        """Return whether the file itself has what a pointer leads to."""
        value: Any = self.document.data
        for step in pointer:
            in_list = isinstance(value, list) and isinstance(step, int) and step < len(value)
            if not in_list and not (isinstance(value, dict) and step in value):
                return False
            value = value[step]
        return True

    def find(self, pointer: Pointer, dotted: Any, noun: str) -> Symbol | None:
        """Return what an import path in the spec stands for, or None, noted, if there is nothing."""
        if not isinstance(dotted, str):
            self.say(pointer, f"expected the import path of {noun}, as in package.module.name")
            return None
        dotted = os.path.expandvars(dotted)
        if "$" in dotted:
            return None  # its being unset is a problem of its own
        try:
            return self.finder.find(dotted)
        except SymbolNotFoundError as error:
            self.say(pointer, f"{noun} {dotted!r} cannot be imported: {error}")
            return None


def hint(word: str, known: Collection[str]) -> str:
    """Return the did-you-mean; a word that is right but for its case is the closest."""
    same = [name for name in known if name.casefold() == word.casefold()]
    return did_you_mean(same[0] if same else word, known)
