"""The stack's main process, between a command and the services: ``python -m podium.stack.main_process``.

It holds the other end of a pipe to the command that started it, and stops everything when the pipe closes, so that
nothing outlives that command, however it ended. The command in turn cleans up if this process is killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from podium.errors import PodiumError
from podium.project import Project, find_project
from podium.settings import SERVE_URL, Settings
from podium.specs import files
from podium.stack import ports, services
from podium.stack import state as states
from podium.stack.environment import api_url, service_environment
from podium.stack.failures import sentence
from podium.stack.supervisor import Supervisor, become_subreaper

if TYPE_CHECKING:
    from podium.stack.environment import Environment


def main() -> None:
    """Run the stack until the pipe on standard input closes or a signal comes; events go to standard output."""
    watch, foreground, store = (flag in sys.argv for flag in ("--watch", "--foreground", "--store"))
    try:
        _run(_project(), watch=watch, foreground=foreground, store=store)
    except PodiumError as error:
        _fail(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the terminal shows one sentence
        with suppress(OSError):  # the log may be on the disk that is full
            traceback.print_exc()
        _fail(f"the stack cannot run: {sentence(error)}")


def _project() -> Project:
    settings = Settings.from_environment()
    return find_project(settings.project or Path.cwd(), settings.home)


def _run(project: Project, *, watch: bool, foreground: bool, store: bool) -> None:
    become_subreaper()
    chosen, _claims = ports.choose(project.home)
    served = files.served(project) if watch else None
    env = service_environment(project, chosen, serves=served is not None)
    state = {
        "owner": states.identity(os.getppid()),
        "main_process": states.identity(os.getpid()),
        "foreground": foreground,
        "airflow": api_url(env),
        "mlflow": env["MLFLOW_TRACKING_URI"],
        "serve": env[SERVE_URL],
        "passwords": env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"],
    }
    try:
        states.write(project, state | {"ready": False})
        supervisor = Supervisor(_say, sys.stdin.fileno(), SpecWatch(project, env), project.home)
        if store:
            supervisor.add(services.database(project, env))
        else:
            supervisor.add(services.services(project, env, watch=watch, served=served))

        def when_up() -> None:
            states.write(project, state | {"ready": True})
            _say("up")

        supervisor.run(when_up)
    finally:
        states.state_file(project).unlink(missing_ok=True)


class SpecWatch:
    """Makes Airflow parse its DAG files again when a spec has changed.

    Airflow checks the modification time of the DAG files once a second, and does not know the specs that they read.
    Parsing every few seconds instead would take a third of a core.

    Parameters
    ----------
    project : Project
        The project whose ``dag_specs`` to watch.
    env : dict of str to str
        The stack's environment, for the folder of the DAG files.
    """

    def __init__(self, project: Project, env: Environment) -> None:
        self._specs = project.dag_specs
        self._dags = Path(env["AIRFLOW__CORE__DAGS_FOLDER"])
        self._seen = self._look()
        self._due: list[float] = []

    def __call__(self) -> None:
        """Check once; called about once a second."""
        if (now := self._look()) != self._seen:
            self._seen = now
            # Twice, because Airflow passes over a change made while it was parsing.
            self._due = [time.monotonic(), time.monotonic() + 3]
        if self._due and self._due[0] <= time.monotonic():
            self._due.pop(0)
            for dag_file in self._dags.glob("*.py"):
                with suppress(OSError):  # a file that is not ours to change is parsed at Airflow's own interval
                    dag_file.touch()

    def _look(self) -> dict[str, tuple[int, int]]:
        try:
            found = {entry.path: entry.stat() for entry in os.scandir(self._specs)}
        except OSError:
            return {}
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def _fail(message: str) -> NoReturn:
    _say("failed", message)
    sys.exit(1)


def _say(event: str, *values: str) -> None:
    with suppress(BrokenPipeError):  # the command has ended, which the pipe on standard input says too
        sys.stdout.write(json.dumps([event, *values]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
