"""What the local stack consists of: its settings, its ports, its secrets and its services."""

from __future__ import annotations

import http.client
import importlib.metadata
import json
import os
import secrets
import sys
import threading
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from signal import SIGINT
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from podium.errors import PodiumError
from podium.settings import LOCAL_ARTIFACTS, SERVE_URL, Settings
from podium.stack import postgres
from podium.stack.supervisor import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from podium.project import Project
    from podium.stack.ports import Ports


Environment = dict[str, str]

# A Fernet key has to have 32 bytes; a key for SHA-512 should have 64 (RFC 7518, section 3.2).
FERNET_BYTES, JWT_BYTES = 32, 64


def logs(project: Project) -> Path:
    """Return the folder of the services' log files."""
    return project.home / "logs"


def environment(project: Project, ports: Ports, *, serves: bool = False) -> Environment:
    """Return the environment that every service of the stack gets.

    What the caller's environment has of ``AIRFLOW__*`` and ``MLFLOW_*`` wins over the stack's own settings.

    Parameters
    ----------
    serves : bool
        Whether the stack has an inference server, which ``PODIUM_SERVE_URL`` names.
    """
    home, env = project.home, dict(os.environ)
    given = Settings.from_environment(env).database_url
    server, names = given or postgres.embedded_url(home), postgres.database_names(given)
    urls = {part: _sqlalchemy(postgres.database_url(server, name)) for part, name in names.items()}
    ours = {
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports.mlflow}",
        "MLFLOW_BACKEND_STORE_URI": urls["mlflow"],
        "MLFLOW_ARTIFACTS_DESTINATION": str(home / "mlflow" / "artifacts"),
        # Its jobs (scorers, prompt optimisation) are not used here and cost a process each.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # On standard error, so that Airflow's page would show what is only information as errors.
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # MLflow would ask the server for the run once more, only to print where it is.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        # Trainings run side by side: with a thread for every core each, they only get in each other's way.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # Arrow's allocator would have a thread of its own in the process that forks the workers.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "DO_NOT_TRACK": "1",
        # Deprecations inside Airflow and its providers: nothing that a user of Podium could mend.
        "PYTHONWARNINGS": "ignore::DeprecationWarning,ignore::PendingDeprecationWarning",
        **_airflow_settings(project, ports, urls["airflow"]),
    }
    given_artifacts = env.get("MLFLOW_ARTIFACTS_DESTINATION", "")
    local = "MLFLOW_TRACKING_URI" not in env and "://" not in given_artifacts
    # One name is read by some clients, the other by others; behind a company's proxy ours must not go through it.
    direct = ",".join(filter(None, ("127.0.0.1,localhost", env.get("no_proxy") or env.get("NO_PROXY"))))
    return (
        ours
        | env
        | {
            "NO_PROXY": direct,
            "no_proxy": direct,
            "AIRFLOW_HOME": str(home / "airflow"),
            "PODIUM_PROJECT": str(project.root),
            "PODIUM_HOME": str(home),
            SERVE_URL: f"http://127.0.0.1:{ports.serve}" if serves else "",
            LOCAL_ARTIFACTS: (given_artifacts or ours["MLFLOW_ARTIFACTS_DESTINATION"]) if local else "",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(project.root), env.get("PYTHONPATH")))),
        }
    )


def services(project: Project, env: Environment, *, watch: bool, served: str | None = None) -> list[Service]:
    """Return the stack's services, each after those that it needs; prepares the database server's files.

    Parameters
    ----------
    env : dict of str to str
        As :func:`environment` gives it.
    watch : bool
        Whether to run the triggerer, which watches the config folders.
    served : str, optional
        The DAG whose model in Production to serve at ``PODIUM_SERVE_URL``; none when left out.
    """
    folder = logs(project)
    migration = Migration(project.home / "airflow" / "migrated.json", env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    health = f"{api_url(env)}/api/v2/monitor/health"

    def service(name: str, argv: Sequence[str], ready: Callable[[int, float], bool], after: tuple[str, ...]) -> Service:
        return Service(name=name, argv=argv, env=env, log=folder / f"{name}.log", ready=ready, after=after)

    def job(name: str, *options: str, after: tuple[str, ...]) -> Service:
        # Now and then the triggerer hangs after its worker has ended, so that patience would only take time.
        return replace(service(name, _python("airflow", name, *options), partial(_beats, health, name), after), grace=2)

    database = _database(project, env, folder)
    migrate = service("airflow-migrate", _python("airflow", "db", "migrate"), migration.record, _names(database))
    migrated = (migrate.name,)
    api = service(
        "airflow-api", _python("airflow", "api-server"), partial(_serves_tasks, health, api_url(env)), migrated
    )
    mlflow = [] if given_mlflow() else [_mlflow(service, env, _names(database))]
    return [
        *database,
        replace(migrate, once=True, needed=migration.needed),
        api,
        *mlflow,
        # The API reads the others' log files itself, so nobody needs to serve them.
        job("scheduler", "--skip-serve-logs", after=migrated),
        job("dag-processor", after=migrated),
        *([job("triggerer", "--skip-serve-logs", after=migrated)] if watch else []),
        *([_serve(service, env[SERVE_URL], served, _names(mlflow))] if served else []),
    ]


def database(project: Project, env: Environment) -> list[Service]:
    """Return what has to run for MLflow's store to be read without its server: the embedded database, or nothing."""
    return _database(project, env, logs(project))


def given_mlflow() -> str | None:
    """Return the MLflow that the user has named, None where the stack is to run one.

    Raises
    ------
    PodiumError
        If it is a server that does not answer: MLflow's own client would try for minutes.
    """
    uri = Settings.from_environment().tracking_uri
    if uri and uri.startswith("http") and not answers(f"{uri.rstrip('/')}/health"):
        raise PodiumError(f"MLFLOW_TRACKING_URI: no MLflow answers at {uri}")
    return uri


def api_url(env: Mapping[str, str]) -> str:
    """Return the address of Airflow's UI and API as this machine reaches it."""
    return f"http://127.0.0.1:{env['AIRFLOW__API__PORT']}"


def answers(url: str) -> bool:
    """Tell whether a GET of a URL succeeds."""
    return _get(url) is not None


def get_json(url: str) -> Any:
    """Return what a GET of a URL answers, None when it does not succeed."""
    body = _get(url)
    return json.loads(body) if body else None


@dataclass(frozen=True)
class Migration:
    """Airflow's database schema: a note says which release brought which database to which revision.

    Asking Airflow itself takes 3 s, which is half a start.

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
        """Tell whether the database is not known to be at the installed release's schema."""
        try:
            noted = json.loads(self.note.read_text())
        except (FileNotFoundError, ValueError):
            return True
        return bool(noted != self._now() or noted["revision"] is None)

    def record(self, _pid: int, _started: float) -> bool:
        """Note that the database has been migrated."""
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.note.write_text(json.dumps(self._now()))
        return True

    def _now(self) -> dict[str, str | None]:
        release = importlib.metadata.version("apache-airflow-core")
        revision = postgres.revision(self.url) if self.url.startswith("postgresql") else None
        return {"release": release, "revision": revision}


def _database(project: Project, env: Environment, folder: Path) -> list[Service]:
    """Return the embedded server, or nothing to run where the user has named another one."""
    if {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "MLFLOW_TRACKING_URI"} <= os.environ.keys():
        return []
    given = Settings.from_environment().database_url
    url = given or postgres.embedded_url(project.home)
    why_not = partial(postgres.create_databases, url, list(postgres.database_names(given).values()))
    if given:
        if reason := why_not():
            raise PodiumError(f"PODIUM_DATABASE_URL: {reason}")
        return []
    argv = postgres.prepare(project.home)
    # SIGINT is PostgreSQL's "fast" stop; on SIGTERM it waits for its clients to leave.
    return [
        Service("postgres", argv, env, folder / "postgres.log", lambda *_: not why_not(), stop_signal=SIGINT, grace=30)
    ]


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
    """Tell whether a URL answers, and it is this process, not another that took the port first."""
    port = urlsplit(url).port
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        listening = {socket.laddr.port for each in family for socket in each.net_connections("tcp") if socket.laddr}
        return port in listening and answers(url)
    return False


def _serves_tasks(health: str, url: str, pid: int, since: float) -> bool:
    """Tell whether Airflow's API answers, and let it make ready what the first task would wait for.

    With the first request from a task it builds what serves them, 2 s of one core, which is idle at that time: the
    scheduler takes longer to start.
    """
    if not _serves(health, pid, since):
        return False
    threading.Thread(target=_get, args=(f"{url}/execution/health",), daemon=True).start()
    return True


def _beats(health: str, job: str, _pid: int, since: float) -> bool:
    """Tell whether one of Airflow's jobs has given a sign of life since it was started."""
    part = job.replace("-", "_")
    status = (get_json(health) or {}).get(part) or {}
    beat = status.get(f"latest_{part}_heartbeat")
    return bool(beat and datetime.fromisoformat(beat).timestamp() > since)


def _get(url: str) -> bytes | None:
    """Return the body of a successful GET. The standard library's client spares every start httpx's 0.2 s."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.netloc, timeout=3)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        return body if response.status == http.HTTPStatus.OK else None
    finally:
        connection.close()


def _sqlalchemy(url: str) -> str:
    """Return a database URL as SQLAlchemy wants it, with the driver's name."""
    return "postgresql+psycopg2://" + url.split("://", 1)[1]


def _airflow_settings(project: Project, ports: Ports, database: str) -> Environment:
    """Return Airflow's settings for a stack on one machine, as ``AIRFLOW__SECTION__KEY``."""
    home = project.home
    # A short training waits half of its time, for servers and disks.
    workers = max(4, 2 * len(os.sched_getaffinity(0)))
    settings: dict[str, dict[str, object]] = {
        "core": {
            "executor": "podium.workers.executor.WarmExecutor",
            "dags_folder": project.root / "dags",
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "fernet_key": _secret(home, "fernet_key"),
            "execution_api_server_url": f"http://127.0.0.1:{ports.airflow}/execution/",
            "simple_auth_manager_users": "admin:admin",
            "simple_auth_manager_passwords_file": _passwords(home),
            "max_map_length": 10_000,
            "parallelism": workers,
            "max_active_tasks_per_dag": 3 * workers,  # the executor knows better how many
        },
        "sdk": {
            "coordinators": json.dumps({"podium": {"classpath": "podium.workers.coordinator.KeepingCoordinator"}}),
            "queue_to_coordinator": json.dumps({"default": "podium"}),
        },
        "api": {
            "host": "127.0.0.1",
            "port": ports.airflow,
            "base_url": f"http://127.0.0.1:{ports.airflow}",
            "secret_key": _secret(home, "api_key"),
            "workers": 1,  # more take 4 s of a core each to start, and one serves 16 tasks
        },
        "api_auth": {"jwt_secret": _secret(home, "jwt_secret", JWT_BYTES)},
        "database": {
            "sql_alchemy_conn": database,
            "check_migrations": False,  # the stack has seen to it
        },
        "logging": {"base_log_folder": logs(project) / "tasks"},
        "scheduler": {
            "scheduler_idle_sleep_time": 0.1,
            # A killed task is found dead, and tried again, within a minute and not five.
            "task_instance_heartbeat_timeout": 60,
            "task_instance_heartbeat_timeout_detection_interval": 5,
        },
        "dag_processor": {
            "refresh_interval": 5,  # how often the folder is looked through for new DAG files
            "bundle_refresh_check_interval": 2,
        },
        "dag_factory": {"enable_telemetry": False},
    }
    return {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, keys in settings.items()
        for key, value in keys.items()
    }


def _secret(home: Path, name: str, length: int = FERNET_BYTES) -> str:
    """Return a secret that is made once and kept in a file only its owner reads, of so many bytes in base 64."""
    return _private(home / "secrets" / name, urlsafe_b64encode(secrets.token_bytes(length)).decode()).read_text()


def _passwords(home: Path) -> Path:
    """Return the file in which Airflow's SimpleAuthManager keeps its users' passwords, with one for ``admin``."""
    return _private(home / "secrets" / "passwords.json", json.dumps({"admin": secrets.token_urlsafe(12)}))


def _private(path: Path, text: str) -> Path:
    """Write a file that only its owner reads, unless it is there; of two writers at once the first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path
