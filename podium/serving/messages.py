"""A worker of the inference server: its routes, its limits, and the model that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.serving.model import About

if TYPE_CHECKING:
    from podium.serving.model import About


@dataclass(frozen=True)
class Took:
    """A worker answers with a version from now on."""

    version: int


@dataclass(frozen=True)
class Reload:
    """Somebody asks for a look at the registry."""


@dataclass(frozen=True)
class Look:
    """What a look at the registry has shown.

    Parameters
    ----------
    uri : str or None
        The registry; None where there is none.
    wanted : int or None
        The version that the alias names, if it names one.
    error : str
        Why the registry did not answer; empty when it did.
    """

    uri: str | None
    wanted: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Opening:
    """A version is being opened."""

    about: About


@dataclass(frozen=True)
class Failed:
    """A version could not be opened, and what is served stays."""

    version: int
    reason: str


@dataclass(frozen=True)
class Opened:
    """A version is ready to be served.

    Parameters
    ----------
    about : About
        What is known of it.
    is_copy : bool
        Whether it is the last good copy.
    pickled : bytes
        The :class:`~podium.serving.model.Champion`. It was checked, loaded and tried in this process, and only goes
        to others of the same server: skops builds a model of a thousand trees in seconds of Python, during which
        requests would wait for the interpreter, and pickle in milliseconds.
    """

    about: About
    is_copy: bool
    pickled: bytes


@dataclass(frozen=True)
class Asked:
    """What a worker has answered.

    Parameters
    ----------
    version : int
        The version that answered.
    body, content_type : bytes, str
        The request.
    answer : bytes
        The answer's body.
    seconds : float
        What it took to answer.
    dropped : int
        How many requests the worker has dropped since the last that it passed on.
    """

    version: int
    body: bytes
    content_type: str
    answer: bytes
    seconds: float
    dropped: int
