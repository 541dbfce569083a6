"""The process between ``podium up`` and the services: ``python -m podium.stack.main_process``.

It holds the other end of a pipe to the command that started it, and stops everything when the pipe closes, so that
nothing outlives that command, however it ended. The command in turn cleans up if this process is killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from podium.errors import PodiumError
from podium.project import Project, find_project
from podium.settings import SERVE_URL, Settings
from podium.specs import files
from podium.stack import ports, services
from podium.stack.state import state_file
from podium.stack.supervisor import Supervisor, become_subreaper


def main() -> None:
    """Run the stack until the pipe on standard input closes or a signal comes; events go to standard output."""
    watch, foreground, store = (flag in sys.argv for flag in ("--watch", "--foreground", "--store"))
    try:
        _run(_project(), watch=watch, foreground=foreground, store=store)
    except PodiumError as error:
        _say("failed", str(error))
        sys.exit(1)


def _project() -> Project:
    settings = Settings.from_environment()
    return find_project(settings.project or Path.cwd(), settings.home)


def _run(project: Project, *, watch: bool, foreground: bool, store: bool) -> None:
    become_subreaper()
    state = {"owner": _identity(os.getppid()), "guardian": _identity(os.getpid()), "foreground": foreground}
    chosen, _claims = ports.choose(project.home)
    served = files.served(project) if watch else None
    env = services.environment(project, chosen, serves=served is not None)
    state |= {"airflow": services.api_url(env), "mlflow": env["MLFLOW_TRACKING_URI"]}
    state |= {"serve": env[SERVE_URL]}
    state |= {"passwords": env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]}
    try:
        _write(state_file(project), state | {"ready": False})
        supervisor = Supervisor(_say, sys.stdin.fileno(), SpecWatch(project, env))
        if store:
            supervisor.add(services.database(project, env))
        else:
            supervisor.add(services.services(project, env, watch=watch, served=served))

        def when_up() -> None:
            _write(state_file(project), state | {"ready": True})
            _say("up")

        supervisor.run(when_up)
    finally:
        state_file(project).unlink(missing_ok=True)


class SpecWatch:
    """Has Airflow parse its DAG files again when a spec has changed.

    Airflow looks at the DAG files' own time of change once a second, and knows nothing of the specs that they read.
    Parsing every few seconds instead, just in case, takes a third of a core.

    Parameters
    ----------
    project : Project
        Whose ``dag_specs`` to look at.
    env : dict of str to str
        The stack's environment, for the folder of the DAG files.
    """

    def __init__(self, project: Project, env: services.Environment) -> None:
        self._specs = project.dag_specs
        self._dags = Path(env["AIRFLOW__CORE__DAGS_FOLDER"])
        self._seen = self._look()
        self._due: list[float] = []

    def __call__(self) -> None:
        """Look once; called about once a second."""
        if (now := self._look()) != self._seen:
            self._seen = now
            # Twice, because Airflow passes over a change made while it was parsing.
            self._due = [time.monotonic(), time.monotonic() + 3]
        if self._due and self._due[0] <= time.monotonic():
            self._due.pop(0)
            for dag_file in self._dags.glob("*.py"):
                dag_file.touch()

    def _look(self) -> dict[str, tuple[int, int]]:
        try:
            found = {entry.path: entry.stat() for entry in os.scandir(self._specs)}
        except FileNotFoundError:
            return {}
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def _identity(pid: int) -> list[float]:
    """Return what tells a process from a later one with the same pid."""
    return [pid, psutil.Process(pid).create_time()]


def _write(path: Path, state: dict[str, Any]) -> None:
    """Write the state so that a reader finds all of it or none."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(state))
    draft.replace(path)


def _say(event: str, *values: str) -> None:
    with suppress(BrokenPipeError):  # the command is gone, and the pipe on standard input says so too
        sys.stdout.write(json.dumps([event, *values]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
