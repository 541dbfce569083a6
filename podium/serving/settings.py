"""Settings of the inference server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podium.project import Project


PORT, PORTS = 8000, 200


@dataclass(frozen=True)
class Limits:
    """Limits of a request.

    Parameters
    ----------
    body : int
        Most bytes of the body.
    rows : int
        Most rows.
    seconds : float
        Most seconds for the body to arrive, and for the prediction.
    """

    body: int = 16 * 2**20
    rows: int = 100_000
    seconds: float = 30.0


@dataclass(frozen=True)
class ServerSettings:
    """What to serve, and how.

    Parameters
    ----------
    project : Project
        The project, whose running stack is preferred and which holds the local copy.
    pipeline : str
        The pipeline whose version in Production is served.
    limits : Limits
        Limits of a request.
    host : str
        Address to listen on.
    port : int or None
        Port to listen on, 0 for any; None for the first free one from :data:`PORT` on.
    workers : int
        Number of worker processes.
    token : str or None
        Bearer token that requests must send; None for no authentication.
    shadow : str or None
        Alias of the version that runs as the shadow model; None for no shadow.
    tracking_uri : str or None
        MLflow server to use instead of the running stack's.
    protect : bool
        Whether to keep serving the version of the last decision if somebody moves stage or alias by hand.
    database_url : str or None
        PostgreSQL server that the stack uses instead of the embedded one.
    """

    project: Project
    pipeline: str
    limits: Limits
    host: str = "127.0.0.1"
    port: int | None = None
    workers: int = 1
    token: str | None = None
    shadow: str | None = None
    tracking_uri: str | None = None
    protect: bool = False
    database_url: str | None = None
