"""The signals that ask a command to end: Ctrl-C, SIGTERM and a terminal that is closed."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Have each of them end a ``with`` as Ctrl-C does, rather than the process."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextmanager
def ignored() -> Iterator[None]:
    """Ignore them: a second Ctrl-C while things are being stopped changes nothing."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def held_back() -> Iterator[None]:
    """Keep them waiting while a process is forked: in the new one they would be an error, until it is set up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    before = [signal.signal(number, handler) for number in STOP]
    try:
        yield
    finally:
        for number, earlier in zip(STOP, before, strict=True):
            signal.signal(number, earlier)
