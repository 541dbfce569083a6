"""The messages that the processes of an inference server send each other through pipes and the shadow's socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podium.serving.model import VersionInfo


@dataclass(frozen=True)
class RegistryStatus:
    """Result of one query to the registry. Follower to main process, main process to shadow.

    Parameters
    ----------
    uri : str or None
        Tracking URI of the registry; None if no registry is known.
    version : int or None
        The version that the followed alias points at; None if the alias is not set.
    error : str
        Why the registry did not respond; empty if it did.
    """

    uri: str | None
    version: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Loading:
    """A follower has started to load a version. Follower to main process.

    Parameters
    ----------
    info : VersionInfo
        The version.
    """

    info: VersionInfo


@dataclass(frozen=True)
class LoadFailed:
    """A version could not be loaded; the served version does not change. Follower or worker to main process.

    Parameters
    ----------
    version : int
        The version; 0 for the local copy.
    reason : str
        What failed, in one line.
    """

    version: int
    reason: str


@dataclass(frozen=True)
class ModelReady:
    """A version is loaded and ready to serve. Follower to main process, main process to workers or shadow.

    Parameters
    ----------
    info : VersionInfo
        The version.
    is_copy : bool
        Whether it was loaded from the local copy.
    pickled : bytes
        The :class:`~podium.serving.model.LoadedModel`. The follower has checked, loaded and tested it, and the pickle
        never leaves this server. skops needs seconds of Python to build a model of a thousand trees, during which
        requests would wait for the interpreter; pickle needs milliseconds.
    """

    info: VersionInfo
    is_copy: bool
    pickled: bytes


@dataclass(frozen=True)
class NowServing:
    """A worker has switched to a version. Worker to main process.

    Parameters
    ----------
    version : int
        The version.
    """

    version: int


@dataclass(frozen=True)
class Reload:
    """A client requested ``POST /reload``: query the registry now. Worker to main process, main process to follower."""


@dataclass(frozen=True)
class ServerStatus:
    """The part of ``GET /model`` that only the main process knows. Main process to workers.

    Parameters
    ----------
    fields : mapping
        JSON fields.
    """

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class ShadowStatus:
    """What ``GET /model`` shows of the shadow model. Shadow to main process.

    Parameters
    ----------
    version : int or None
        The version that runs as the shadow model; None if there is none.
    fields : mapping
        Further JSON fields: how it compares with the version in Production.
    """

    version: int | None
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class AnsweredRequest:
    """A request that a worker has answered with predictions. Worker to shadow.

    Parameters
    ----------
    version : int
        The version that made the predictions.
    body : bytes
        Body of the request.
    content_type : str
        Content type of the request.
    response : bytes
        Body of the response.
    seconds : float
        Time that the prediction took.
    dropped : int
        Number of requests that this worker has dropped since the last one that it sent.
    """

    version: int
    body: bytes
    content_type: str
    response: bytes
    seconds: float
    dropped: int
