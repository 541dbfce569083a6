"""The processes of the inference server, each at the other end of a pipe."""

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
class Child:
    """A process of the server.

    Parameters
    ----------
    process : multiprocessing.Process
        The process.
    pipe : multiprocessing.connection.Connection
        This end of the pipe to it.
    version : int or None
        What it answers with.
    """

    process: BaseProcess
    pipe: Connection
    started: float = field(default_factory=time.monotonic)
    version: int | None = None

    @classmethod
    def forked(cls, run: Callable[[Connection], None], name: str, others: Iterable[Child]) -> Child:
        """Fork a process that does something with its end of a pipe, and lets go of what it inherits of the others'."""
        ours, theirs = FORK.Pipe()
        inherited = [ours, *(child.pipe for child in others)]

        def begin() -> None:
            # A pipe is closed when its last holder has closed it; this process is to know when the main one is gone.
            for pipe in inherited:
                pipe.close()
            # Ctrl-C in a terminal goes to all processes, and this one is told by the main one.
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

    def tell(self, message: Any) -> None:
        """Send a message; a process that has ended is noticed where its pipe is read."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def end(self) -> str:
        """Collect a process that has ended, and return how."""
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"has ended with exit code {code}"
