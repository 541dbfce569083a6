"""A stack from the side of the command that starts it: the main process, its events and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import IO, TYPE_CHECKING, Self

from podium import signals
from podium.errors import PodiumError
from podium.stack import failures
from podium.stack.environment import logs
from podium.stack.state import state_file
from podium.stack.supervisor import GRACE_SECONDS, become_subreaper, sweep

if TYPE_CHECKING:
    from pathlib import Path

    from podium.project import Project


Report = Callable[[str], None]


class Stack:
    """A stack of this process: starts the main process, reads its events, and cleans up after it.

    Attributes
    ----------
    up : Future of None
        Done when all services are ready.
    end : Future of None
        Done when all services have stopped; holds the error if the stack failed.
    """

    def __init__(self, project: Project, lock: IO[str], flags: list[str], report: Report) -> None:
        self.up: Future[None] = Future()
        self.end: Future[None] = Future()
        self._project = project
        self._report = report
        self._lock = lock
        self._flags = flags
        self._log = logs(project) / "podium.log"

    @failures.of_the_machine()
    def __enter__(self) -> Self:
        become_subreaper()
        _rotate_logs(self._log.parent)
        env = os.environ | {"PODIUM_PROJECT": str(self._project.root), "PODIUM_HOME": str(self._project.home)}
        with self._log.open("ab") as log:
            self._main_process = subprocess.Popen(
                [sys.executable, "-m", "podium.stack.main_process", *self._flags],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[self._lock.fileno()],  # so that the lock outlives this process if that is killed
                start_new_session=True,  # so that Ctrl-C reaches this process alone, which stops things in order
                text=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with signals.ignored():
            assert self._main_process.stdin  # noqa: S101 - it is a pipe
            self._main_process.stdin.close()
            self.end.exception()

    def _listen(self) -> None:
        failure: PodiumError | None = None
        assert self._main_process.stdout  # noqa: S101 - it is a pipe
        for line in self._main_process.stdout:
            event, *values = json.loads(line)
            if event == "failed":
                failure = PodiumError(values[0])
            elif event == "up":
                self.up.set_result(None)
            else:
                self._report(_sentence(event, *values))
        code = self._main_process.wait()
        if code and not failure:
            failure = self._unexpected_end(code)
        # If the main process was killed, its orphans come to this process; those that are ending get some time.
        sweep(self._main_process.pid, grace=GRACE_SECONDS)
        if code < 0:
            state_file(self._project).unlink(missing_ok=True)
        if not self.up.done():
            self.up.set_exception(failure or KeyboardInterrupt())
        self.end.set_exception(failure) if failure else self.end.set_result(None)

    def _unexpected_end(self, code: int) -> PodiumError:
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            last = self._log.read_text(errors="replace").rstrip().rpartition("\n")[2].strip()
            how = f"failed: {last or f'exit code {code}'}"
        return PodiumError(f"the stack's main process {how}, so everything was stopped; see {self._log}")


def _sentence(event: str, name: str, value: str) -> str:
    if event == "full":
        return f"{value}: services that have ended start again when there is space"
    if event == "ready":
        return f"{name:<16} ready in {value} s"
    return f"{name:<16} {value}; starting it again"


def _rotate_logs(folder: Path) -> None:
    """Start every log anew and keep the previous one, so that logs do not grow for ever."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
