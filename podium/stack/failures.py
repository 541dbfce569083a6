"""Failures of the machine, such as a full disk or a missing permission, in one sentence."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from podium.errors import PodiumError, one_line
from podium.stack import disk

if TYPE_CHECKING:
    from collections.abc import Iterator


def sentence(error: BaseException) -> str:
    """Return what an error says: the file and the reason if it is the operating system's."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = Path(str(error.filename)).parent if error.filename else Path.cwd()
        return disk.shortage(where) or f"no space left on {where}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, OSError):
        return one_line(error)
    return f"{type(error).__name__}: {one_line(error)}"


@contextmanager
def of_the_machine() -> Iterator[None]:
    """Raise an ``OSError`` as a :class:`PodiumError`, which a command shows without a traceback."""
    try:
        yield
    except OSError as error:
        raise PodiumError(f"the stack cannot start: {sentence(error)}") from error
