"""Every error of Podium's, and how a mistake in a file reads.

::

    Exception
    ├── PodiumError                something that the user can mend
    │   ├── InvalidFileError       a spec or config with mistakes
    │   ├── MissingExtraError      a package that one of Podium's extras brings
    │   ├── UnreachableError       an inference server that does not answer
    │   └── RefusedError           an inference server that does not serve a version as it should
    ├── RequestError               a request that an inference server refuses, with its HTTP status
    ├── FileSyntaxError            a text that is not YAML or JSON; becomes a Problem
    └── SymbolNotFoundError        a dotted name that stands for nothing; becomes a Problem
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


#: Most characters of a cause in a message.
LONGEST_CAUSE = 400


class Position(NamedTuple):
    """A place in a file, both counted from 1."""

    line: int
    column: int


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
    """Something that the user can mend: shown as its message alone, without a traceback."""


class InvalidFileError(PodiumError):
    """A spec or config with mistakes, and every one of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


class MissingExtraError(PodiumError):
    """A package is not installed that one of Podium's extras brings.

    Parameters
    ----------
    what : str
        What needs it, as the subject of a sentence.
    package : str
        The package.
    extra : str
        The extra.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package}: pip install 'podium-ml[{extra}]'")


class UnreachableError(PodiumError):
    """An inference server does not answer."""


class RefusedError(PodiumError):
    """An inference server answers, but not with the version that it should serve, or not as that version predicts."""


class RequestError(Exception):
    """A request that the inference server does not answer with predictions.

    Parameters
    ----------
    status : int
        HTTP status of the answer.
    code : str
        MLflow's name for the kind of error.
    message : str
        What is wrong, in one sentence.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)

    def as_json(self) -> bytes:
        """Return the body of the answer, in the form of MLflow's errors."""
        return json.dumps({"error_code": self.code, "message": self.message}).encode()


class FileSyntaxError(Exception):
    """The text of a YAML or JSON file cannot be read past a position; it becomes a :class:`Problem`."""

    def __init__(self, position: Position, message: str) -> None:
        self.position, self.message = position, message
        super().__init__(message)


class SymbolNotFoundError(Exception):
    """A dotted name in a spec stands for nothing; it becomes a :class:`Problem`."""


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, or the name of its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def cause(error: BaseException) -> str:
    """Return the cause that an error of MLflow's names, in one line of at most :data:`LONGEST_CAUSE` characters.

    Before the cause, MLflow shows the data and the whole signature, and after it what changed in some release.
    """
    text = " ".join(str(getattr(error, "message", "") or error).partition(" IMPORTANT: ")[0].split())
    before, _, last = text.rpartition(" Error: ")
    text = (last.strip("'") if before else last).rstrip(".")
    return (text if len(text) <= LONGEST_CAUSE else f"{text[:LONGEST_CAUSE]} …") or type(error).__name__


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'x'?"`` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else ""
