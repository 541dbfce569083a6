"""The local stack for commands: start it, find it, use it, stop it."""

from __future__ import annotations

import fcntl
import json
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil

from podium import signals
from podium.errors import PodiumError
from podium.stack import failures, ports, postgres, tracking_uri
from podium.stack import state as states
from podium.stack.environment import logs, service_environment
from podium.stack.starting import Report, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podium.project import Project


LOCK_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Status:
    """A running stack.

    Parameters
    ----------
    airflow_url, mlflow_url : str
        Address of Airflow's UI and API, and of MLflow.
    serve_url : str
        Address of the inference server; empty if there is none.
    user, password : str or None
        Login for Airflow; None if the user configured Airflow's logins.
    pid : int
        The ``podium`` command that the stack belongs to.
    foreground : bool
        Whether that is ``podium up``; otherwise it is a command that stops the stack when it ends.
    logs : pathlib.Path
        Folder of the services' logs.
    """

    airflow_url: str
    mlflow_url: str
    serve_url: str
    user: str | None
    password: str | None
    pid: int
    foreground: bool
    logs: Path

    def as_json(self) -> dict[str, Any]:
        """Return what ``podium status --json`` prints."""
        return {
            "airflow": {"url": self.airflow_url, "user": self.user, "password": self.password},
            "mlflow": {"url": self.mlflow_url},
            "serve": {"url": self.serve_url or None},
            "pid": self.pid,
            "logs": str(self.logs),
        }


@failures.of_the_machine()
def environment(project: Project) -> dict[str, str]:
    """Return the environment of the services, whether or not they run; creates missing secrets."""
    return service_environment(project, ports.remembered(project.home))


def running(project: Project) -> Status | None:
    """Return the stack that runs on this project's state, None if there is none or it is still starting.

    No request is sent: a service may answer late or be starting again, and the main process keeps it running.
    """
    state = states.read(project)
    if not state or not state["ready"] or not states.main_process(state):
        return None
    user, password = _login(Path(state["passwords"]))
    return Status(
        airflow_url=state["airflow"],
        mlflow_url=state["mlflow"],
        serve_url=state["serve"],
        user=user,
        password=password,
        pid=int(state["owner"][0]),
        foreground=state["foreground"],
        logs=logs(project),
    )


@contextmanager
def ensure(project: Project, *, watch: bool = False, report: Report = lambda _line: None) -> Iterator[Status]:
    """Use the running stack, or start one and stop it at the end.

    If several commands use a stack, it is stopped when the last of them has left its ``with``.

    Parameters
    ----------
    project : Project
        The project of the stack.
    watch : bool
        Whether a stack that is started here watches the config folders.
    report : callable
        Called with one line about each service that is ready or restarted.

    Raises
    ------
    PodiumError
        If a service does not start; its last log lines are in the message.
    """
    with _open(project, "users.lock") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with signals.as_interrupts():
            found = _lock_or_status(project)
            if isinstance(found, Status):
                _check_same_mlflow(found)
                yield found
                return
            flags = ["--watch"] if watch else []
            with found as lock, Stack(project, lock, flags, report) as stack:
                stack.up.result()
                yield _started(project)
                fcntl.flock(users, fcntl.LOCK_UN)
                fcntl.flock(users, fcntl.LOCK_EX)


@contextmanager
def tracking(project: Project) -> Iterator[str]:
    """Give the tracking URI for reading MLflow, and start no more for it than necessary.

    ``MLFLOW_TRACKING_URI`` takes precedence over a running stack.

    If no stack runs, that is the database alone: it starts in 0.3 s, a stack in 5 s. The schema must exist; before the
    first run a whole stack is started, which creates it.
    """
    if uri := tracking_uri.given():
        yield uri
        return
    if status := running(project):
        yield status.mlflow_url
        return
    with signals.as_interrupts():
        found = _lock_or_status(project)
        if isinstance(found, Status):
            yield found.mlflow_url
            return
        with found as lock, Stack(project, lock, ["--store"], lambda _line: None) as stack:
            stack.up.result()
            store = environment(project)["MLFLOW_BACKEND_STORE_URI"]
            if postgres.revision(store):
                yield store
                return
    with ensure(project) as new:
        yield new.mlflow_url


def up(project: Project, *, report: Report, when_up: Callable[[Status, bool], None]) -> None:
    """Run the stack until Ctrl-C, SIGTERM or :func:`down`; return at once if it already runs.

    Parameters
    ----------
    project : Project
        The project of the stack.
    report : callable
        Called with one line about each service that is ready or restarted.
    when_up : callable
        Called with the running stack, and whether it is a new one.

    Raises
    ------
    PodiumError
        If a service does not start or cannot be kept running.
    """
    try:
        with signals.as_interrupts():
            found = _lock_or_status(project)
            while isinstance(found, Status) and not found.foreground:
                report(f"waiting for another podium command (pid {found.pid}) to end")
                _wait_until_free(project)
                found = _lock_or_status(project)
            if isinstance(found, Status):
                _check_same_mlflow(found)
                when_up(found, False)
                return
            with found as lock, Stack(project, lock, ["--watch", "--foreground"], report) as stack:
                stack.up.result()
                when_up(_started(project), True)
                stack.end.result()
    except KeyboardInterrupt:
        report("stopped")


def down(project: Project) -> bool:
    """Stop the stack and wait until all its processes have ended.

    Returns
    -------
    bool
        Whether a stack was running.
    """
    state = states.read(project)
    main_process = states.main_process(state) if state else None
    if not state or not main_process:
        return False
    main_process.terminate()
    _wait_until_free(project)
    while state["foreground"] and (owner := states.process(state["owner"])):
        with suppress(psutil.TimeoutExpired):
            owner.wait(0.05)  # and look again: it never returns for a process that its parent does not collect
    return True


def _check_same_mlflow(status: Status) -> None:
    """Check that a running stack records in the MLflow that the user names.

    Raises
    ------
    PodiumError
        If it does not: its tasks would record elsewhere.
    """
    uri = tracking_uri.given()
    if uri and uri.rstrip("/") != status.mlflow_url.rstrip("/"):
        stop = "podium down" if status.foreground else f"stop the command with pid {status.pid}"
        words = f"the running stack records at {status.mlflow_url}, not at {uri}"
        raise PodiumError(f"MLFLOW_TRACKING_URI: {words}: {stop} first, or unset the variable")


def _started(project: Project) -> Status:
    status = running(project)
    if status is None:
        raise PodiumError(f"the stack stopped as soon as it was ready; see {logs(project)}")
    return status


def _lock_or_status(project: Project) -> IO[str] | Status:
    """Take the stack's lock, or return the running stack of the command that holds it."""
    lock = _open(project, "stack.lock")
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if status := running(project):
                lock.close()
                return status
            # Its holder is starting or stopping: either event ends the wait, and no call waits for both.
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return lock


def _wait_until_free(project: Project) -> None:
    """Wait until no process holds the stack's lock: all its processes have ended then."""
    with _open(project, "stack.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


@failures.of_the_machine()
def _open(project: Project, name: str) -> IO[str]:
    project.home.mkdir(parents=True, exist_ok=True)
    return (project.home / name).open("w")


def _login(passwords: Path) -> tuple[str | None, str | None]:
    """Return the first user of Airflow's SimpleAuthManager."""
    try:
        return next(iter(json.loads(passwords.read_text()).items()))  # type: ignore[no-any-return]
    except (FileNotFoundError, ValueError, StopIteration):
        return None, None
