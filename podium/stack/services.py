"""The services of the local stack: their commands, their order and their readiness."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from signal import SIGINT
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from podium.errors import PodiumError
from podium.settings import SERVE_URL, Settings
from podium.stack import http_checks, postgres, postgres_server, tracking_uri
from podium.stack.environment import api_url, logs
from podium.stack.supervisor import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from podium.project import Project
    from podium.stack.environment import Environment


# Seconds for one attempt to connect to the starting embedded server; the supervisor repeats it.
CONNECT_SECONDS = 5


def services(project: Project, env: Environment, *, watch: bool, served: str | None = None) -> list[Service]:
    """Return the stack's services, each after those that it needs; prepares the database server's files.

    Parameters
    ----------
    project : Project
        The project of the stack.
    env : dict of str to str
        The result of :func:`podium.stack.environment.service_environment`.
    watch : bool
        Whether to run the triggerer, which watches the config folders.
    served : str, optional
        The DAG whose model in Production is served at ``PODIUM_SERVE_URL``. Default: none.
    """
    folder = logs(project)
    migration = Migration(project.home / "airflow" / "migrated.json", env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    health = f"{api_url(env)}/api/v2/monitor/health"

    def service(name: str, argv: Sequence[str], ready: Callable[[int, float], bool], after: tuple[str, ...]) -> Service:
        return Service(name=name, argv=argv, env=env, log=folder / f"{name}.log", ready=ready, after=after)

    def job(name: str, *options: str, after: tuple[str, ...]) -> Service:
        # Now and then the triggerer hangs after its worker has ended, so a longer grace period would only take time.
        return replace(service(name, _python("airflow", name, *options), partial(_beats, health, name), after), grace=2)

    database_server = database(project, env)
    migrate = service("airflow-migrate", _python("airflow", "db", "migrate"), migration.record, _names(database_server))
    migrated = (migrate.name,)
    api = service(
        "airflow-api", _python("airflow", "api-server"), partial(_serves_tasks, health, api_url(env)), migrated
    )
    mlflow = [] if tracking_uri.given() else [_mlflow(service, env, _names(database_server))]
    return [
        *database_server,
        replace(migrate, once=True, needed=migration.needed),
        api,
        *mlflow,
        # The API reads the others' log files itself, so no service has to serve them.
        job("scheduler", "--skip-serve-logs", after=migrated),
        job("dag-processor", after=migrated),
        *([job("triggerer", "--skip-serve-logs", after=migrated)] if watch else []),
        *([_serve(service, env[SERVE_URL], served, _names(mlflow))] if served else []),
    ]


def database(project: Project, env: Environment) -> list[Service]:
    """Return the embedded database server, or no service if the user configured another server."""
    if {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "MLFLOW_TRACKING_URI"} <= os.environ.keys():
        return []
    given = Settings.from_environment().database_url
    names = list(postgres.database_names(given).values())
    if given:
        if reason := postgres.create_databases(given, names):
            raise PodiumError(f"PODIUM_DATABASE_URL: {' '.join(reason.split())}")
        return []

    def ready(_pid: int, _since: float) -> bool:
        return not postgres.create_databases(postgres.embedded_url(project.home), names, CONNECT_SECONDS)

    argv = postgres_server.prepare(project.home)
    # SIGINT is PostgreSQL's "fast" stop; on SIGTERM it waits for its clients to leave.
    return [Service("postgres", argv, env, logs(project) / "postgres.log", ready, stop_signal=SIGINT, grace=30)]


@dataclass(frozen=True)
class Migration:
    """The migration of Airflow's database schema; a note says which release migrated which database to which revision.

    A check by Airflow itself takes 3 s, which is half a start.

    Parameters
    ----------
    note : pathlib.Path
        File with the release and the revision of the last migration.
    url : str
        The database.
    """

    note: Path
    url: str

    def needed(self) -> bool:
        """Return whether the database may have another schema than the installed release."""
        try:
            noted = json.loads(self.note.read_text())
        except (FileNotFoundError, ValueError):
            return True
        return bool(noted != self._now() or noted["revision"] is None)

    def record(self, _pid: int, _started: float) -> bool:
        """Write the note that the database has been migrated."""
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.note.write_text(json.dumps(self._now()))
        return True

    def _now(self) -> dict[str, str | None]:
        release = importlib.metadata.version("apache-airflow-core")
        revision = postgres.revision(self.url) if self.url.startswith("postgresql") else None
        return {"release": release, "revision": revision}


def _mlflow(service: Callable[..., Service], env: Environment, after: tuple[str, ...]) -> Service:
    url = env["MLFLOW_TRACKING_URI"]
    return service("mlflow", _python("mlflow", str(urlsplit(url).port)), partial(_serves, f"{url}/health"), after)


def _serve(service: Callable[..., Service], url: str, dag_id: str, after: tuple[str, ...]) -> Service:
    argv = (sys.executable, "-m", "podium", "serve", dag_id, "--port", str(urlsplit(url).port))
    return service("serve", argv, partial(_serves, f"{url}/version"), after)


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "podium.stack.launch", *arguments)


def _names(services: Iterable[Service]) -> tuple[str, ...]:
    return tuple(service.name for service in services)


def _serves(url: str, pid: int, _since: float) -> bool:
    """Return whether a URL answers, and from this process, not from another that took the port first."""
    port = urlsplit(url).port
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        listening = {socket.laddr.port for each in family for socket in each.net_connections("tcp") if socket.laddr}
        return port in listening and http_checks.answers(url)
    return False


def _serves_tasks(health: str, url: str, pid: int, since: float) -> bool:
    """Return whether Airflow's API answers; if it does, send the request that prepares it for tasks.

    With the first request from a task it builds what serves them, 2 s of one core, which is idle at that time: the
    scheduler takes longer to start.
    """
    if not _serves(health, pid, since):
        return False
    threading.Thread(target=http_checks.answers, args=(f"{url}/execution/health",), daemon=True).start()
    return True


def _beats(health: str, job: str, _pid: int, since: float) -> bool:
    """Return whether one of Airflow's jobs has sent a heartbeat since it was started."""
    part = job.replace("-", "_")
    status = (http_checks.get_json(health) or {}).get(part) or {}
    beat = status.get(f"latest_{part}_heartbeat")
    return bool(beat and datetime.fromisoformat(beat).timestamp() > since)
