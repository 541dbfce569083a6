"""The signals that stop a command: Ctrl-C, SIGTERM and a closed terminal."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on these signals."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextmanager
def ignored() -> Iterator[None]:
    """Ignore these signals: a second Ctrl-C while services are being stopped changes nothing."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def held_back() -> Iterator[None]:
    """Block these signals while a process is forked: the new one is not ready for them until it is set up."""
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
