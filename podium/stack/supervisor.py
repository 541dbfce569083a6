"""Keep a set of processes running: started in order, restarted when they die, ended with their supervisor."""

from __future__ import annotations

# Why not a library: `airflow standalone` starts Airflow's four services but neither waits for health nor restarts,
# and leaves them all behind when it is killed. honcho and supervisord know neither dependencies nor health checks, and
# none of them, circus included, ends grandchildren (Airflow's task processes) after a SIGKILL.
import ctypes
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from podium.errors import PodiumError
from podium.stack import disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path


POLL_SECONDS = 0.15  # between health checks of a service that is starting
TICK_SECONDS = 1.0
START_SECONDS = 600  # sixty times what the slowest needs on two idle cores
GRACE_SECONDS = 2.0
KILL_SECONDS = 10.0  # for the kernel to end a killed process, under load
RESTARTS, RESTART_WINDOW = 3, 300.0
LOG_LINES = 12


@dataclass(frozen=True)
class Service:
    """A process to run.

    Parameters
    ----------
    name : str
        Name in messages.
    argv : sequence of str
        Command that runs in the foreground.
    env : mapping of str to str
        The whole environment of the process.
    log : pathlib.Path
        File for the output.
    ready : callable
        Called with the pid and the start time (seconds since the epoch); returns whether the service is ready. It is
        called repeatedly, so a slow answer may count as no answer.
    after : tuple of str
        Services that must be ready before this one starts.
    once : bool
        Whether the command ends: it is ready when it has ended with exit code 0.
    needed : callable, optional
        Called just before the start; if it returns False, the service counts as ready without having run.
    stop_signal : signal.Signals
        Signal that stops the service.
    grace : float
        Seconds to stop, before the signal goes to all its descendants.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    ready: Callable[[int, float], bool]
    after: tuple[str, ...] = ()
    once: bool = False
    needed: Callable[[], bool] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 2 * GRACE_SECONDS


@dataclass
class _State:
    """The state of a service."""

    service: Service
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    ready: bool = False
    was_ready: bool = False
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))


class Supervisor:
    """Runs services in one thread, until it is stopped or one of them cannot be kept running.

    Parameters
    ----------
    report : callable
        Called with an event (``ready``, ``restart`` or ``full``), the service's name, and the seconds it took or the
        reason.
    lifeline : int
        A file descriptor that becomes readable (at end of file) when the process that needs the services ends.
    tick : callable
        Called about once a second.
    home : pathlib.Path, optional
        Folder that the services write to. While its disk is full, services that have ended wait for space, and are not
        given up.
    """

    def __init__(
        self,
        report: Callable[[str, str, str], None],
        lifeline: int,
        tick: Callable[[], None] = lambda: None,
        home: Path | None = None,
    ) -> None:
        self._states: dict[str, _State] = {}
        self._report = report
        self._lifeline = lifeline
        self._tick = tick
        self._home = home
        self._is_full = False
        self._stopping = False
        self._woken, waker = socket.socketpair()
        self._woken.setblocking(False)
        waker.setblocking(False)
        self._waker = waker
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # wakes the loop

    def add(self, services: Iterable[Service]) -> None:
        """Add services; not in the constructor, because a signal may come while they are prepared."""
        self._states |= {service.name: _State(service) for service in services}

    def run(self, when_up: Callable[[], None]) -> None:
        """Start all services, call ``when_up`` once all are ready, and return when stopped.

        Raises
        ------
        PodiumError
            If a service does not start, or keeps dying; all services have been stopped by then.
        """
        announced = False
        try:
            while not self._stopping:
                self._handle_deaths()
                self._start_possible()
                self._check_health()
                if not announced and self._all_ready():
                    announced = True
                    when_up()
                self._tick()
                self._wait(TICK_SECONDS if self._all_ready() else POLL_SECONDS)
        finally:
            self._stop_all()

    def _stop(self, *_signal: object) -> None:
        self._stopping = True

    def _all_ready(self) -> bool:
        return all(state.ready for state in self._states.values())

    def _wait(self, seconds: float) -> None:
        """Wait for a signal, the end of the lifeline or the time."""
        woken = self._woken.fileno()
        readable, _, _ = select.select([self._lifeline, woken], [], [], seconds)
        if woken in readable:
            self._woken.recv(4096)
        if self._lifeline in readable:
            self._stopping = True

    def _start_possible(self) -> None:
        if self._waits_for_space():
            return
        for state in self._states.values():
            if state.process or state.ready or not all(self._states[name].ready for name in state.service.after):
                continue
            if state.service.needed and not state.service.needed():
                state.ready = True
                continue
            try:
                _start(state)
            except OSError as error:
                if error.errno != errno.ENOSPC or not self._home:
                    raise
                self._hold(state)
                return

    def _hold(self, state: _State) -> None:
        """Let a service wait for space on the disk, and say so once."""
        state.process, state.ready = None, False
        if not self._is_full and self._home:
            self._is_full = True
            self._report("full", state.service.name, disk.shortage(self._home))

    def _waits_for_space(self) -> bool:
        """Return whether services wait until there is space on the disk again."""
        if self._is_full and self._home and not disk.shortage(self._home):
            self._is_full = False
        return self._is_full

    def _check_health(self) -> None:
        for state in self._states.values():
            if state.ready or not state.process or (state.service.once and state.process.poll() is None):
                continue
            if state.service.ready(state.process.pid, state.started):
                state.ready = state.was_ready = True
                self._report("ready", state.service.name, f"{time.time() - state.started:.1f}")
            elif time.time() - state.started > START_SECONDS and not self._is_full:
                raise _failure(state.service, f"was not ready after {START_SECONDS} s")

    def _handle_deaths(self) -> None:
        for state in self._states.values():
            code = state.process.poll() if state.process else None
            if state.process is None or code is None or (state.service.once and code == 0):
                continue
            self._clear_family(state.process)
            reason = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            if self._is_full or (self._home and disk.is_low(self._home)):
                self._hold(state)
                continue
            now = time.monotonic()
            used_up = len(state.restarts) == RESTARTS and now - state.restarts[0] < RESTART_WINDOW
            if not state.was_ready or used_up:
                raise _failure(state.service, reason + (f" for the {RESTARTS + 1}th time" if used_up else ""))
            state.restarts.append(now)
            state.process, state.ready = None, False
            self._report("restart", state.service.name, reason)
        _reap_strangers({state.process.pid for state in self._states.values() if state.process})

    def _clear_family(self, dead: subprocess.Popen[bytes]) -> None:
        """Kill the remains of a dead service: its process group, and its orphans, which the subreaper inherits."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(dead.pid, signal.SIGKILL)
        services = {state.process.pid for state in self._states.values() if state.process}
        orphans = [child for child in psutil.Process().children() if child.pid not in services]
        _kill([process for orphan in orphans for process in _family(orphan)])

    def _stop_all(self) -> None:
        """Stop the services and their descendants; services that others need are stopped last."""
        left = {state.service.name: state for state in self._states.values() if state.process}
        while left:
            needed = {name for state in left.values() for name in state.service.after}
            last = [state for name, state in left.items() if name not in needed] or list(left.values())
            _stop_together(last)
            for state in last:
                del left[state.service.name]
        sweep(os.getsid(0))


def become_subreaper() -> None:
    """Make orphans among this process's descendants its children, so that it can find and end them.

    Linux only; elsewhere orphans are found by their process group.
    """
    if sys.platform == "linux":
        _libc().prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def sweep(session: int, grace: float = 0.0) -> None:
    """Kill every descendant of this process, and every other process of a session.

    Parameters
    ----------
    session : int
        Session of the supervisor. Services stay in it, which identifies them even if this process cannot inherit
        orphans.
    grace : float
        Seconds for processes that are already ending.
    """
    if grace:
        psutil.wait_procs(_left(session), timeout=grace)
    while left := _left(session):
        if not _kill(left):
            return


def _left(session: int) -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    for pid in set(psutil.pids()) - {os.getpid(), *(process.pid for process in found)}:
        with suppress(OSError, psutil.NoSuchProcess):
            if os.getsid(pid) == session and (process := psutil.Process(pid)).status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _start(state: _State) -> None:
    service = state.service
    state.started = time.time()
    libc, parent = _libc(), os.getpid()

    def die_with_parent() -> None:
        libc.prctl(1, service.stop_signal, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    with service.log.open("ab") as log:
        state.process = subprocess.Popen(
            service.argv,
            env=service.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            cwd="/" if service.name == "postgres" else None,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread only
        )


def _stop_together(states: list[_State]) -> None:
    """Stop services, then all their descendants, then kill the remaining ones."""
    families = [process for state in states if state.process for process in _family(state.process)]
    for state in states:
        if state.process and state.process.poll() is None:
            state.process.send_signal(state.service.stop_signal)
    _, alive = psutil.wait_procs(families, timeout=max(state.service.grace for state in states))
    # Airflow's scheduler waits for running tasks unless they are stopped as well.
    for process in alive:
        _send(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(alive, timeout=GRACE_SECONDS)
    _kill(alive)


def _family(root: subprocess.Popen[bytes] | psutil.Process) -> list[psutil.Process]:
    try:
        process = psutil.Process(root.pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Sequence[psutil.Process]) -> bool:
    """Kill processes, wait until they have ended, and return whether any has."""
    for process in processes:
        _send(process, signal.SIGKILL)
    ended, _ = psutil.wait_procs(processes, timeout=KILL_SECONDS)
    return bool(ended)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def _reap_strangers(services: set[int]) -> None:
    """Collect the exit status of orphans, for which no other process waits; that of services is left to ``Popen``."""
    if sys.platform != "linux":
        return
    try:
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in services:
                return
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        return


def _failure(service: Service, what: str) -> PodiumError:
    """Return the error that says which service failed, how, and its last log lines."""
    lines = service.log.read_text(errors="replace").splitlines()[-LOG_LINES:] if service.log.exists() else []
    return PodiumError("\n".join([f"{service.name} {what}; its log, {service.log}, ends:", *(f"  {x}" for x in lines)]))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
