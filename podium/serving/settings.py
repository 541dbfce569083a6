"""What to serve, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podium.project import Project


PORT, PORTS = 8000, 200


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Parameters
    ----------
    body : int
        Bytes of its body.
    rows : int
        Rows.
    seconds : float
        Until it is answered.
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
        Where the stack and the copy are.
    pipeline : str
        Its registered model's version in Production is served.
    limits : Limits
        What a request may ask for.
    host : str
        Address to listen on.
    port : int or None
        Port to listen on, 0 for any; None for the first free one from :data:`PORT` on.
    workers : int
        Processes that answer.
    token : str or None
        What requests have to bear.
    shadow : str or None
        Alias of a version that gets each request too, in the background.
    tracking_uri : str or None
        MLflow server to follow if the project has no stack running.
    database_url : str or None
        PostgreSQL server of the stack, instead of the embedded one.
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
    database_url: str | None = None
