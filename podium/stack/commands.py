"""The local stack as commands see it: start it, find it, use it, stop it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import psutil

from podium import signals
from podium.errors import PodiumError
from podium.stack import ports, postgres, services
from podium.stack.state import state_file
from podium.stack.supervisor import GRACE_SECONDS, become_subreaper, sweep

if TYPE_CHECKING:
    from podium.project import Project


Report = Callable[[str], None]
LOCK_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Status:
    """A stack that runs.

    Parameters
    ----------
    airflow_url, mlflow_url : str
        Where Airflow's UI and API, and MLflow, are.
    serve_url : str
        Where the inference server is; empty where there is none.
    user, password : str or None
        How to log in to Airflow; None where the user's own settings decide.
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


def environment(project: Project) -> dict[str, str]:
    """Return the environment that the services get, or would get; creates the secrets in it where they are missing."""
    return services.environment(project, ports.remembered(project.home))


def running(project: Project) -> Status | None:
    """Return the stack that runs on this project's state, None when there is none or it does not answer."""
    state = _read_state(project)
    if not state or not state["ready"] or not _process(state["guardian"]):
        return None
    if not services.answers(f"{state['airflow']}/api/v2/monitor/health"):
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
        logs=services.logs(project),
    )


@contextmanager
def ensure(project: Project, *, watch: bool = False, report: Report = lambda _line: None) -> Iterator[Status]:
    """Use the stack that runs, or start one and stop it at the end.

    A second user's ``with`` may outlast the first's: the stack is stopped when the last has left.

    Parameters
    ----------
    watch : bool
        Whether a stack that has to be started watches the config folders.
    report : callable
        Takes one line about each service that is ready or restarted.

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
                yield found
                return
            flags = ["--watch"] if watch else []
            with found as lock, _Stack(project, lock, flags, report) as stack:
                stack.up.result()
                yield _answering(project)
                fcntl.flock(users, fcntl.LOCK_UN)
                fcntl.flock(users, fcntl.LOCK_EX)


@contextmanager
def tracking(project: Project) -> Iterator[str]:
    """Give the tracking URI for reading what MLflow holds, and start no more for it than that takes.

    Where no stack runs, that is the database alone: it is there in 0.3 s, a stack in 5 s. The schema has to be there;
    before the first run a stack makes it.
    """
    status = running(project)
    if uri := status.mlflow_url if status else services.given_mlflow():
        yield uri
        return
    with signals.as_interrupts():
        found = _lock_or_status(project)
        if isinstance(found, Status):
            yield found.mlflow_url
            return
        with found as lock, _Stack(project, lock, ["--store"], lambda _line: None) as stack:
            stack.up.result()
            store = environment(project)["MLFLOW_BACKEND_STORE_URI"]
            if postgres.revision(store):
                yield store
                return
    with ensure(project) as new:
        yield new.mlflow_url


def _answering(project: Project) -> Status:
    status = running(project)
    if status is None:
        raise PodiumError("Airflow was ready and then did not answer")
    return status


def up(project: Project, *, report: Report, when_up: Callable[[Status, bool], None]) -> None:
    """Run the stack until Ctrl-C, SIGTERM or :func:`down`; return at once when it runs already.

    Parameters
    ----------
    report : callable
        Takes one line about each service that is ready or restarted.
    when_up : callable
        Told the running stack, and whether it is a new one.

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
                when_up(found, False)
                return
            with found as lock, _Stack(project, lock, ["--watch", "--foreground"], report) as stack:
                stack.up.result()
                when_up(_answering(project), True)
                stack.end.result()
    except KeyboardInterrupt:
        report("stopped")


def down(project: Project) -> bool:
    """Stop the stack and wait until all of it is gone.

    Returns
    -------
    bool
        Whether there was one.
    """
    state = _read_state(project)
    guardian = _process(state["guardian"]) if state else None
    if not state or not guardian:
        return False
    guardian.terminate()
    _wait_until_free(project)
    while state["foreground"] and (owner := _process(state["owner"])):
        with suppress(psutil.TimeoutExpired):
            owner.wait(0.05)  # and look again, as this waits for ever for a process that nobody collects
    return True


class _Stack:
    """A stack of this process: starts the guardian, listens to it, and cleans up after it.

    Attributes
    ----------
    up : Future of None
        Done when everything is ready.
    end : Future of None
        Done when everything has been stopped; holds the error if it was not asked for.
    """

    def __init__(self, project: Project, lock: IO[str], flags: list[str], report: Report) -> None:
        self.up: Future[None] = Future()
        self.end: Future[None] = Future()
        self._project = project
        self._report = report
        self._lock = lock
        self._flags = flags

    def __enter__(self) -> Self:
        become_subreaper()
        logs = services.logs(self._project)
        _put_aside_logs(logs)
        env = os.environ | {"PODIUM_PROJECT": str(self._project.root), "PODIUM_HOME": str(self._project.home)}
        with (logs / "podium.log").open("ab") as log:
            self._guardian = subprocess.Popen(
                [sys.executable, "-m", "podium.stack.main_process", *self._flags],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[self._lock.fileno()],  # so that the lock outlives this process if that is killed
                start_new_session=True,  # so that Ctrl-C reaches this process alone, which knows the order
                text=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with signals.ignored():
            assert self._guardian.stdin  # noqa: S101 - it is a pipe
            self._guardian.stdin.close()
            self.end.exception()

    def _listen(self) -> None:
        failure: PodiumError | None = None
        assert self._guardian.stdout  # noqa: S101 - it is a pipe
        for line in self._guardian.stdout:
            event, *values = json.loads(line)
            if event == "failed":
                failure = PodiumError(values[0])
            elif event == "up":
                self.up.set_result(None)
            else:
                self._report(_sentence(event, *values))
        code = self._guardian.wait()
        if code and not failure:
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            failure = PodiumError(
                f"the stack's supervisor {how}, so all was stopped; see {services.logs(self._project)}"
            )
        # Orphans come to this process if the guardian was killed; those that it has told to end need a moment.
        sweep(self._guardian.pid, grace=GRACE_SECONDS)
        if code < 0:
            state_file(self._project).unlink(missing_ok=True)
        if not self.up.done():
            self.up.set_exception(failure or KeyboardInterrupt())
        self.end.set_exception(failure) if failure else self.end.set_result(None)


def _sentence(event: str, name: str, value: str) -> str:
    if event == "ready":
        return f"{name:<16} ready in {value} s"
    return f"{name:<16} {value}; starting it again"


def _lock_or_status(project: Project) -> IO[str] | Status:
    """Take the stack's lock, or find the running stack of whoever has it."""
    lock = _open(project, "stack.lock")
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if status := running(project):
                lock.close()
                return status
            # Its holder is starting or stopping: either event ends this, and no call waits for both.
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return lock


def _wait_until_free(project: Project) -> None:
    """Wait until nobody holds the stack's lock, which is when every process of it has ended."""
    with _open(project, "stack.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def _open(project: Project, name: str) -> IO[str]:
    project.home.mkdir(parents=True, exist_ok=True)
    return (project.home / name).open("w")


def _read_state(project: Project) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(state_file(project).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return state


def _process(identity: list[float]) -> psutil.Process | None:
    """Return a process by pid and time of creation, None if it has ended."""
    try:
        process = psutil.Process(int(identity[0]))
        return process if process.create_time() == identity[1] and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _login(passwords: Path) -> tuple[str | None, str | None]:
    """Return the first user of Airflow's SimpleAuthManager."""
    try:
        return next(iter(json.loads(passwords.read_text()).items()))  # type: ignore[no-any-return]
    except (FileNotFoundError, ValueError, StopIteration):
        return None, None


def _put_aside_logs(folder: Path) -> None:
    """Start every log anew and keep the one before, so that logs do not grow for ever."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
