"""What is wrong with a file, and where: the one place that decides how an error reads."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one file.

    Parameters
    ----------
    path : str
        The file, relative to the project where it lies inside it.
    line, column : int
        Position of the very key or value, both counted from 1.
    message : str
        One sentence, without a full stop, that names what was found and what would be right.
    """

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}  {self.message}"


class PodiumError(Exception):
    """Something the user can mend; shown as its message alone, without a traceback."""


class InvalidFileError(PodiumError):
    """A spec or config that does not pass, with every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'x'?"`` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else ""
