"""An Airflow coordinator, which chooses the process for each of a worker's tasks.

Airflow forks a process for every task. Most of the cost is copying the same memory pages of the worker's imports again.
A task that leaves nothing behind can declare that: its process then runs the next instance of the same mapped task.
Airflow's own code supervises, logs and kills tasks.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import os
import random
import resource
import select
import signal
import socket
import sys
import sysconfig
import threading
import time
import traceback
from pathlib import Path
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any, Self

import psutil
import structlog
from airflow.sdk.execution_time import comms, supervisor
from airflow.sdk.execution_time.coordinator import BaseCoordinator

from podium.airflow import environment, processes
from podium.data import datasets
from podium.pipeline.spec import read_pipeline
from podium.registry import tag_names
from podium.specs import dags
from podium.workers import killed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.api.datamodels._generated import TaskInstance

    from podium.training.job import Job


# Folders of modules that do not change while the stack runs.
INSTALLED = tuple(sysconfig.get_paths()[part] for part in ("stdlib", "platstdlib", "purelib", "platlib"))

# A kept process ends after this idle time or this growth of its memory.
IDLE_SECONDS = 5
GROWTH_KIB = 256 * 1024

# One byte each: the task has ended and its process waits; the worker claims the process; the process is claimed.
WAITS, CLAIM, CLAIMED = b"w", b"c", b"C"


class KeepingCoordinator(BaseCoordinator):  # type: ignore[misc]
    """Runs tasks as Airflow does, except in a process that an earlier instance of the same mapped task has left."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[Any, ...], TaskProcess] | None = None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, self._reap)

    def execute_task(self, *, what: TaskInstance, **arguments: Any) -> BaseCoordinator.ExecutionResult:
        """Run a task to its end and return its result."""
        mapped = what.map_index >= 0
        siblings = (what.dag_id, what.dag_version_id, what.run_id, what.task_id)
        process = self._claim(siblings)
        if process is None:
            if mapped:
                share_dag(what.dag_id, what.dag_version_id)
                share_rows(what.dag_id, what.dag_version_id)
            process = TaskProcess.fork()
        task = SupervisedTask.start(what=what, process=process, **arguments)
        code = task.wait()
        if process.waits and mapped and task.final_state == "success":
            self._kept = (siblings, process)
        elif process.waits:
            process.end()
        return self.ExecutionResult(code, task.final_state)

    def _claim(self, siblings: tuple[Any, ...]) -> TaskProcess | None:
        """Return the process that a sibling has left; end a process that another task has left."""
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        of, process = kept
        if of == siblings and process.claim():
            return process
        process.end()
        return None

    def _reap(self, *_: object) -> None:
        """Forget an idle process that has ended."""
        if self._kept and self._kept[1].ended():
            self._kept = None


class TaskProcess(supervisor.ProcessTracker):  # type: ignore[misc]
    """A process that runs tasks, from the side of the worker.

    Parameters
    ----------
    process : psutil.Process
        A child of this one.
    control : socket.socket
        Sends it the channels of a task, and receives that the task has ended and the process waits for another.
    """

    ProcessNotFound = psutil.NoSuchProcess
    TimeoutExpired = psutil.TimeoutExpired

    def __init__(self, process: psutil.Process, control: socket.socket) -> None:
        self._process, self.control = process, control
        self.waits = False
        #: The most memory that it has had, in bytes; known when it has ended.
        self.peak = 0
        self._code: int | None = None

    @classmethod
    def fork(cls) -> Self:
        """Start a process, which inherits the imports and data of this one."""
        control, theirs = socket.socketpair()
        pid = os.fork()
        if not pid:
            try:
                os.setpgid(0, 0)  # a signal to the task reaches what it starts too
                control.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _become_task_process(theirs)
            except BaseException:  # noqa: BLE001 - must not return into the worker's code
                traceback.print_exc()
            finally:
                os._exit(124)
        theirs.close()
        with contextlib.suppress(OSError):  # the child may have done it
            os.setpgid(pid, pid)
        return cls(psutil.Process(pid), control)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return int(self._process.pid)

    def give(self, channels: Sequence[socket.socket]) -> None:
        """Send the channels of a task's requests, output, errors and log; the process reads the task from the first."""
        self.waits = False
        with contextlib.suppress(OSError):  # it has ended, which wait() returns
            socket.send_fds(self.control, [b"t"], [channel.fileno() for channel in channels])

    def wait(self, timeout: float | None) -> int:
        """Return the exit code of a task, whether or not its process has ended too.

        Raises
        ------
        psutil.TimeoutExpired
            If the task has not ended in time.
        """
        if not self.waits and select.select([self.control], [], [], 0)[0]:
            self.waits = self._hear() == WAITS
        return 0 if self.waits else self._exit_code(timeout)

    def _exit_code(self, timeout: float | None) -> int:
        """Return the exit code of the process, and note its memory, which only its parent is told, and once."""
        if self._code is None:
            with os.fdopen(os.pidfd_open(self.pid), "rb", buffering=0) as end:
                if not select.select([end], [], [], timeout)[0]:
                    raise psutil.TimeoutExpired(timeout or 0, self.pid)
            _, status, usage = os.wait4(self.pid, 0)
            self._code, self.peak = os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def claim(self) -> bool:
        """Claim a process that waits, and return whether it will take the next task; it may have ended meanwhile."""
        with contextlib.suppress(OSError):
            self.control.sendall(CLAIM)
        return self._hear() == CLAIMED

    def ended(self) -> bool:
        """Return whether the process has ended."""
        with contextlib.suppress(psutil.TimeoutExpired):
            self._exit_code(0)
            self.control.close()
            return True
        return False

    def end(self) -> None:
        """End the process, which must be waiting."""
        self.control.close()
        self._exit_code(None)

    def _hear(self) -> bytes:
        """Return the next byte from the process; empty if it has ended."""
        try:
            return self.control.recv(1)
        except ConnectionResetError:  # it ended with unread data
            return b""


class SupervisedTask(supervisor.ActivitySubprocess):  # type: ignore[misc]
    """A task whose process may already exist, and whose end is noticed at once, with its reason.

    Airflow's supervisor waits for the channels of a task. These are closed shortly before its process can be reaped; if
    it checks in between, it sleeps for ``[workers] min_heartbeat_interval``, five seconds, and nothing wakes it.
    """

    @classmethod
    def start(
        cls,
        *,
        what: TaskInstance,
        process: TaskProcess,
        dag_rel_path: str | os.PathLike[str],
        bundle_info: Any,
        logger: Any = None,
        sentry_integration: str = "",
        **arguments: Any,
    ) -> Self:
        """Send a task to a process."""
        ours, theirs = zip(*(socket.socketpair() for _ in range(4)), strict=True)
        process.give(theirs)
        for channel in theirs:
            channel.close()
        requests, stdout, stderr, logs = ours
        task = cls(
            id=what.id,
            pid=process.pid,
            process=process,
            process_log=logger or structlog.get_logger(logger_name="task").bind(),
            stdin=requests,
            new_process_group=True,
            **arguments,
        )
        task._register_pipe_readers(stdout, stderr, requests, logs, data={})
        task._on_child_started(
            ti=what, dag_rel_path=dag_rel_path, bundle_info=bundle_info, sentry_integration=sentry_integration
        )
        task._last_heartbeat_attempt = time.monotonic()  # the message that it starts was the first one
        task._kills = killed.out_of_memory_kills()
        return task

    _kills: int = 0
    _ended_by_airflow: bool = False

    def kill(self, *arguments: Any, **named: Any) -> None:
        """End the task, for example because somebody has marked it as failed."""
        self._ended_by_airflow = True
        super().kill(*arguments, **named)

    def _handle_request(self, msg: Any, *arguments: Any) -> None:
        if isinstance(msg, comms.SetRenderedMapIndex):
            # The message that a killed task has failed would remove its name otherwise.
            self._rendered_map_index = msg.rendered_map_index
        super()._handle_request(msg, *arguments)

    def update_task_state_if_needed(self) -> None:
        """Report the state of an ended task; say why it was killed, and retry it only if that can help."""
        if self._exit_code == -signal.SIGKILL and not self._ended_by_airflow:
            out_of_memory = killed.out_of_memory_kills() > self._kills
            reason = killed.Killed(self._process.peak, killed.memory_limit(), out_of_memory)
            self.process_log.error(str(reason))
            if not reason.may_retry:
                self._should_retry = False
            record_killed(self.ti, self._rendered_map_index, str(reason))
        super().update_task_state_if_needed()

    def _monitor_subprocess(self) -> None:
        with contextlib.ExitStack() as stack:
            for fd in (os.pidfd_open(self.pid), os.dup(self._process.control.fileno())):
                ends = stack.enter_context(os.fdopen(fd, "rb", buffering=0))
                self.selector.register(ends, EVENT_READ, (lambda _: False, self.selector.unregister))
            super()._monitor_subprocess()


def _become_task_process(control: socket.socket) -> None:
    """Run the tasks that arrive on a socket; this never returns.

    A task's channels replace standard input, output and errors, and a log whose file descriptor never changes, so that
    the loggers that a task has created also work in the next one.
    """
    log = os.open(os.devnull, os.O_WRONLY)
    with Path(os.devnull).open("r+b") as null:
        supervisor._fork_main(null, null, null, log, functools.partial(_run_tasks, control, log, null.fileno()))  # noqa: SLF001


def _run_tasks(control: socket.socket, log: int, null: int) -> None:
    folder, environment, memory = Path.cwd(), dict(os.environ), _greatest_memory()
    places = {0: True, 1: True, 2: True, log: False}  # and whether the task's own child processes inherit it
    while True:
        _, channels, _, _ = socket.recv_fds(control, 1, len(places))
        for (place, inherited), channel in zip(places.items(), channels, strict=True):
            os.dup2(channel, place, inherited)
            os.close(channel)
        processes.forget()
        random.seed()
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()
        supervisor._reset_signals()  # noqa: SLF001
        contextvars.copy_context().run(supervisor._subprocess_main)  # noqa: SLF001
        if not processes.may_be_kept() or _left_behind() or _greatest_memory() - memory > GROWTH_KIB:
            return
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.stdout.flush()
        sys.stderr.flush()
        ctypes.CDLL(None).fflush(None)
        for place, inherited in places.items():
            os.dup2(null, place, inherited)
        control.sendall(WAITS)
        if not _claimed(control):
            return


def _left_behind() -> bool:
    """Return whether threads or processes of the ended task are left."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return threading.active_count() > 1
    return True


def _greatest_memory() -> int:
    """Return the peak memory of this process in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _claimed(control: socket.socket) -> bool:
    """Wait for the worker to claim this process, confirm it, and return whether it did."""
    control.settimeout(IDLE_SECONDS)
    with contextlib.suppress(TimeoutError):
        if control.recv(1):
            control.settimeout(None)
            control.sendall(CLAIMED)
            return True
    return False


@functools.lru_cache(maxsize=64)
def share_dag(dag_id: str, _version: object) -> None:
    """Build a DAG for the mapped tasks that this process forks; they check whether its spec has changed.

    A DAG that imports the user's own modules is not shared: tasks must run these as they are when the task starts.
    """
    known = set(sys.modules)
    with contextlib.suppress(Exception):  # the task reports the error in its own log
        dags.load_dags(environment.project(), dag_id)
    own = [name for name in sys.modules.keys() - known if not _is_installed(name)]
    for name in own:
        del sys.modules[name]
    if own:
        dags.forget_built()


def _is_installed(name: str) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    return name.startswith("podium.") or file is None or file.startswith(INSTALLED)


def share_rows(dag_id: str, version: object) -> None:
    """Load the rows of a pipeline for the mapped tasks that this process forks.

    A task looks up its rows by their digest, so that it loads them itself if they differ. Files are left to the task:
    reading them may start threads, which a process that forks must not have. What a task has read, this process maps.
    """
    job = _job(dag_id, version)
    with contextlib.suppress(Exception):  # the task reports the error in its own log
        if job and datasets.is_at_hand(job.dataset, job.split):
            datasets.load(job.dataset, job.split)


def record_killed(task: TaskInstance, name: str | None, reason: str) -> None:
    """Close the MLflow run of a training whose process was killed, with the reason."""
    job = _job(task.dag_id, task.dag_version_id)
    if job is None or name is None:
        return
    of_this_task = f"tags.`{tag_names.DAG_RUN}` = '{task.run_id}' and tags.`{tag_names.CONFIG}` = '{name}'"
    with contextlib.suppress(Exception):  # the next step closes it
        environment.registry(job.pipeline).close_unfinished(of_this_task, f"{name}: {reason}")


@functools.lru_cache(maxsize=64)
def _job(dag_id: str, _version: object) -> Job | None:
    """Return the training job of a DAG, None if it is not Podium's; cached, as that takes all specs."""
    with contextlib.suppress(Exception):
        return read_pipeline(environment.project(), dag_id).job
    return None
