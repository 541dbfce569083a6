"""Whether a file is still being written."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds without a change after which a file counts as complete, even if a process still has it open.
LONGEST_WAIT = 60.0
#: Errors of a lease that mean that the kernel or the file system cannot answer.
_NO_ANSWER = {errno.EACCES, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ENOLCK}


def is_open_for_writing(path: Path) -> bool | None:
    """Return whether a process has a file open for writing; None if that cannot be found out.

    Linux grants a read lease on a file only if nobody has it open for writing. That holds for the writers of all users,
    and for local file systems.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        # A process that opens the file for writing in this instant signals the holder; SIGIO would end it.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return None if error.errno in _NO_ANSWER else True
    except AttributeError:  # not Linux
        return None
    finally:
        os.close(descriptor)
    return False


def is_being_written(path: Path) -> bool:
    """Return whether a process has a file open for writing and has changed it within :data:`LONGEST_WAIT` seconds."""
    return bool(is_open_for_writing(path)) and quiet_seconds(path) < LONGEST_WAIT


def quiet_seconds(path: Path) -> float:
    """Return for how long a file has not changed; infinity if it does not exist."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
