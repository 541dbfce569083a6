"""The machine's cores, which the trainings that run at once share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING, Any

from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Values of the training part, rows times columns, from which more threads make a fit faster.
LARGE = 500_000


class Cores:
    """The cores for one training: those of the machine, divided by the number of large trainings that run.

    The stack starts with one thread for OpenMP and BLAS. A training of many rows sets OpenMP's number before each of
    its fits, so that the number follows what else runs. Every training keeps a locked file in a folder meanwhile; the
    kernel unlocks it when a process ends in any way. Trainings of few rows are not counted.

    BLAS keeps one thread: those of OpenBLAS spin while they wait, so that small matrices took ten times the processor
    time where other processes ran.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of these files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limited: tuple[int, Any] | None = None

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Count this training as running, and reset the number of threads afterwards."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        draft, own = self._folder / f".{name}", self._folder / name
        descriptor = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            draft.rename(own)  # a file that others see is locked
            yield
        finally:
            own.unlink(missing_ok=True)
            os.close(descriptor)
            if self._limited:
                self._limited[1].restore_original_limits()

    def divide(self) -> int:
        """Set the number of threads to this training's share of the cores, and return it."""
        import joblib
        from threadpoolctl import threadpool_limits

        threads = max(1, int(joblib.cpu_count()) // max(1, self.running()))
        if self._limited is None or self._limited[0] != threads:
            if self._limited:
                self._limited[1].restore_original_limits()
            self._limited = threads, threadpool_limits(threads, user_api="openmp")
        return threads

    def running(self) -> int:
        """Return the number of trainings that are counted."""
        return sum(_is_locked(file) for file in self._folder.glob("[!.]*"))


def _is_locked(file: Path) -> bool:
    """Return whether a process has locked a file; if none has, its process was killed, and the file is removed."""
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            file.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


_current: Cores | None = None


@contextlib.contextmanager
def shared(home: Path, values: int) -> Iterator[None]:
    """Let the fits inside have threads for this training's share of the cores, as :func:`divide` says.

    Parameters
    ----------
    home : pathlib.Path
        The folder of the stack's state.
    values : int
        Rows times columns of the training part.
    """
    global _current  # noqa: PLW0603
    if values < LARGE or not Settings.from_environment().share_cores:
        yield
        return
    _current = Cores(home / "trainings")
    try:
        with _current.claimed():
            yield
    finally:
        _current = None


def divide() -> None:
    """Set the number of threads for the next fit, if this training is one that shares the cores."""
    if _current:
        _current.divide()
