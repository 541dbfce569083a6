"""Podium's errors, and the form of a message about a mistake in a file.

::

    Exception
    ├── PodiumError                something that the user can fix
    │   ├── InvalidFileError       a spec or config with mistakes
    │   ├── MissingExtraError      a package of one of Podium's extras is not installed
    │   ├── UnreachableError       an inference server does not respond
    │   └── RefusedError           an inference server does not serve a version correctly
    ├── RequestError               a request that an inference server refuses, with its HTTP status
    ├── FileSyntaxError            a file that is not valid YAML or JSON; becomes a Problem
    └── SymbolNotFoundError        an import path that does not exist; becomes a Problem
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


#: Longest cause in a message, in characters.
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
        The file, relative to the project if it is inside it.
    line, column : int
        Position of the key or value, both counted from 1.
    message : str
        One sentence, without a full stop, that names the mistake and the fix.
    """

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}  {self.message}"


class PodiumError(Exception):
    """An error that the user can fix; only its message is shown, without a traceback."""


class InvalidFileError(PodiumError):
    """A spec or config with mistakes; `problems` has all of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


class MissingExtraError(PodiumError):
    """A package of one of Podium's extras is not installed.

    Parameters
    ----------
    what : str
        What needs the package, as the subject of a sentence.
    package : str
        The package.
    extra : str
        The extra.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs the package {package}: pip install 'podium-ml[{extra}]'")


class UnreachableError(PodiumError):
    """An inference server does not respond."""


class RefusedError(PodiumError):
    """An inference server serves another version, or its predictions differ from those of the version."""


class RequestError(Exception):
    """A request that an inference server refuses.

    Parameters
    ----------
    status : int
        HTTP status of the response.
    code : str
        MLflow's name for the kind of error.
    message : str
        The message, one sentence.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)

    def as_json(self) -> bytes:
        """Return the response body, in the form of MLflow's errors."""
        return json.dumps({"error_code": self.code, "message": self.message}).encode()


class FileSyntaxError(Exception):
    """A YAML or JSON file cannot be parsed beyond a position; becomes a :class:`Problem`."""

    def __init__(self, position: Position, message: str) -> None:
        self.position, self.message = position, message
        super().__init__(message)


class SymbolNotFoundError(Exception):
    """An import path in a spec does not exist; becomes a :class:`Problem`."""


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, or the name of its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def cause(error: BaseException) -> str:
    """Return the cause in the message of an MLflow error, in one line of at most :data:`LONGEST_CAUSE` characters.

    MLflow's message has the data and the whole signature before the cause, and notes on releases after it.
    """
    text = " ".join(str(getattr(error, "message", "") or error).partition(" IMPORTANT: ")[0].split())
    before, _, last = text.rpartition(" Error: ")
    text = (last.strip("'") if before else last).rstrip(".")
    return (text if len(text) <= LONGEST_CAUSE else f"{text[:LONGEST_CAUSE]} …") or type(error).__name__


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'x'?"`` for the closest known word, or an empty string."""
    close = closest(word, known)
    return f": did you mean {close!r}?" if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is closest, if one is close; one that only differs in case is the closest."""
    words = list(known)
    folded = {name.casefold(): name for name in reversed(words)}
    if word.casefold() in folded:
        return folded[word.casefold()]
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return close[0] if close else next(map(folded.get, difflib.get_close_matches(word.casefold(), folded, n=1)), None)
