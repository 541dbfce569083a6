"""A child process of the inference server, connected to the main process by a pipe."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podium import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess


FORK = multiprocessing.get_context("fork")


@dataclass
class ChildProcess:
    """A child process of the server.

    Parameters
    ----------
    process : multiprocessing.Process
        The process; its name says what it does.
    pipe : multiprocessing.connection.Connection
        The main process's end of the pipe.
    started : float
        Monotonic time of its start.
    version : int or None
        The version that it serves, if it is a worker.
    """

    process: BaseProcess
    pipe: Connection
    started: float = field(default_factory=time.monotonic)
    version: int | None = None

    @classmethod
    def fork(cls, run: Callable[[Connection], None], name: str, siblings: Iterable[ChildProcess]) -> ChildProcess:
        """Fork a process that calls a function with its end of a new pipe.

        Parameters
        ----------
        run : callable
            The function.
        name : str
            Name of the process, as reports show it.
        siblings : iterable of ChildProcess
            The other children, whose pipes the new process inherits and closes.
        """
        ours, theirs = FORK.Pipe()
        inherited = [ours, *(child.pipe for child in siblings)]

        def begin() -> None:
            # The end of a pipe is seen only when all its holders have closed it, and this process must notice when the
            # main process has ended.
            for pipe in inherited:
                pipe.close()
            # Ctrl-C in a terminal signals all processes, but the main process stops this one.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.STOP)
            run(theirs)

        process = FORK.Process(target=begin, name=name, daemon=False)
        with signals.held_back():
            process.start()
        theirs.close()
        return cls(process, ours)

    def send(self, message: Any) -> None:
        """Send a message. If the process has ended, reading its pipe will show that."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def join(self) -> str:
        """Wait for the end of the process and return how it ended."""
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"exited with code {code}"
