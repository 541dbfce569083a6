"""Podium's settings in environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Name of the variable for the folder in which a local MLflow server keeps its artifacts. The stack sets it.
LOCAL_ARTIFACTS = "PODIUM_LOCAL_ARTIFACTS"
#: Name of the variable for the address of the stack's own inference server; empty if it has none. The stack sets it.
SERVE_URL = "PODIUM_SERVE_URL"

#: Name of the variable that lets large trainings share the cores. The stack sets it, unless its user set the number of
#: threads.
SHARE_CORES = "PODIUM_SHARE_CORES"


@dataclass(frozen=True)
class Settings:
    """Settings of one process, read once when a command, a step or a service starts.

    Parameters
    ----------
    project : pathlib.Path or None
        ``PODIUM_PROJECT``: the project, instead of the one around the working directory.
    home : pathlib.Path or None
        ``PODIUM_HOME``: the folder of all state; ``.podium`` in the project if None.
    tracking_uri : str or None
        ``MLFLOW_TRACKING_URI``: the MLflow server to use, instead of the local stack's.
    database_url : str or None
        ``PODIUM_DATABASE_URL``: the PostgreSQL server to use, instead of the embedded one.
    serve_token : str or None
        ``PODIUM_SERVE_TOKEN``: the bearer token that requests to inference servers must send.
    serve_url : str or None
        :data:`SERVE_URL`: the address of the stack's own inference server.
    local_artifacts : pathlib.Path or None
        :data:`LOCAL_ARTIFACTS`: the folder of MLflow's artifacts, if it is on this machine.
    share_cores : bool
        :data:`SHARE_CORES`: whether large trainings set the number of their threads.
    """

    project: Path | None = None
    home: Path | None = None
    tracking_uri: str | None = None
    database_url: str | None = None
    serve_token: str | None = None
    serve_url: str | None = None
    local_artifacts: Path | None = None
    share_cores: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a variable that is empty counts as unset."""

        def path(name: str) -> Path | None:
            return Path(environ[name]) if environ.get(name) else None

        return cls(
            project=path("PODIUM_PROJECT"),
            home=path("PODIUM_HOME"),
            tracking_uri=environ.get("MLFLOW_TRACKING_URI") or None,
            database_url=environ.get("PODIUM_DATABASE_URL") or None,
            serve_token=environ.get("PODIUM_SERVE_TOKEN") or None,
            serve_url=environ.get(SERVE_URL) or None,
            local_artifacts=path(LOCAL_ARTIFACTS),
            share_cores=bool(environ.get(SHARE_CORES)),
        )
