"""The environment of the stack's services: the settings of Airflow and MLflow on one machine."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from podium.settings import LOCAL_ARTIFACTS, SERVE_URL, SHARE_CORES, Settings
from podium.stack import postgres
from podium.stack.private_files import JWT_BYTES, passwords, secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podium.project import Project
    from podium.stack.ports import Ports


Environment = dict[str, str]

# Trainings run side by side: with a thread for every core each, they only slow each other down. Large ones set the
# number themselves: see podium.training.cores.
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def logs(project: Project) -> Path:
    """Return the folder of the services' log files."""
    return project.home / "logs"


def api_url(env: Mapping[str, str]) -> str:
    """Return the address of Airflow's UI and API on this machine."""
    return f"http://127.0.0.1:{env['AIRFLOW__API__PORT']}"


def service_environment(project: Project, ports: Ports, *, serves: bool = False) -> Environment:
    """Return the environment of every service of the stack.

    ``AIRFLOW__*`` and ``MLFLOW_*`` in the caller's environment override the stack's own settings.

    Parameters
    ----------
    project : Project
        The project of the stack.
    ports : Ports
        Ports of the servers.
    serves : bool
        Whether the stack has an inference server. ``PODIUM_SERVE_URL`` is its address then.
    """
    home, env = project.home, dict(os.environ)
    given = Settings.from_environment(env).database_url
    server, names = given or postgres.embedded_url(home), postgres.database_names(given)
    urls = {part: _sqlalchemy(postgres.database_url(server, name)) for part, name in names.items()}
    ours = {
        **_mlflow_settings(project, ports, urls["mlflow"]),
        **_airflow_settings(project, ports, urls["airflow"]),
        **_library_settings(),
    }
    given_artifacts = env.get("MLFLOW_ARTIFACTS_DESTINATION", "")
    local = "MLFLOW_TRACKING_URI" not in env and "://" not in given_artifacts
    # Some clients read one name, some the other; requests to the stack itself must not go through a company's proxy.
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
            SHARE_CORES: "" if THREADS.keys() & env.keys() else "1",
            SERVE_URL: f"http://127.0.0.1:{ports.serve}" if serves else "",
            LOCAL_ARTIFACTS: (given_artifacts or ours["MLFLOW_ARTIFACTS_DESTINATION"]) if local else "",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(project.root), env.get("PYTHONPATH")))),
        }
    )


def _sqlalchemy(url: str) -> str:
    """Return a database URL in SQLAlchemy's form, with the name of the driver."""
    return "postgresql+psycopg2://" + url.split("://", 1)[1]


def _mlflow_settings(project: Project, ports: Ports, database: str) -> Environment:
    return {
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports.mlflow}",
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_ARTIFACTS_DESTINATION": str(project.home / "mlflow" / "artifacts"),
        # Podium does not use its jobs (scorers, prompt optimisation), which cost a process each.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # MLflow logs to standard error, so that Airflow's page would show plain information as errors.
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # MLflow would request the run from the server once more, only to print its address.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }


def _library_settings() -> Environment:
    return {
        **THREADS,
        # Threads of OpenMP that wait must sleep. Spinning, two of them took 12 times the processor time of one where
        # other processes ran.
        "OMP_WAIT_POLICY": "PASSIVE",
        # Arrow's allocator would have a thread of its own in the process that forks the workers.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "DO_NOT_TRACK": "1",
        # Deprecations inside Airflow and its providers: users of Podium cannot fix them.
        "PYTHONWARNINGS": "ignore::DeprecationWarning,ignore::PendingDeprecationWarning",
    }


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
            "fernet_key": secret(home, "fernet_key"),
            "execution_api_server_url": f"http://127.0.0.1:{ports.airflow}/execution/",
            "simple_auth_manager_users": "admin:admin",
            "simple_auth_manager_passwords_file": passwords(home),
            "max_map_length": 10_000,
            "parallelism": workers,
            "max_active_tasks_per_dag": 3 * workers,  # the executor decides how many run
        },
        "sdk": {
            "coordinators": json.dumps({"podium": {"classpath": "podium.workers.coordinator.KeepingCoordinator"}}),
            "queue_to_coordinator": json.dumps({"default": "podium"}),
        },
        "api": {
            "host": "127.0.0.1",
            "port": ports.airflow,
            "base_url": f"http://127.0.0.1:{ports.airflow}",
            "secret_key": secret(home, "api_key"),
            "workers": 1,  # more take 4 s of a core each to start, and one serves 16 tasks
        },
        "api_auth": {"jwt_secret": secret(home, "jwt_secret", JWT_BYTES)},
        "database": {
            "sql_alchemy_conn": database,
            "check_migrations": False,  # the stack runs the migrations itself
        },
        "logging": {"base_log_folder": logs(project) / "tasks"},
        "scheduler": {
            "scheduler_idle_sleep_time": 0.1,
            # A killed task is detected and retried within a minute instead of five.
            "task_instance_heartbeat_timeout": 60,
            "task_instance_heartbeat_timeout_detection_interval": 5,
        },
        "dag_processor": {
            "refresh_interval": 5,  # seconds between searches of the folder for new DAG files
            "bundle_refresh_check_interval": 2,
        },
        "dag_factory": {"enable_telemetry": False},
    }
    return {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, keys in settings.items()
        for key, value in keys.items()
    }
