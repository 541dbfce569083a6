"""Why a task's process was killed, and whether another try can help."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

GB = 1e9
# A process that had this share of the memory to itself will not get more of it in another try.
LARGE_SHARE = 0.5
_OOM_COUNTER = "oom_kill "
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Killed:
    """A process that was ended by SIGKILL.

    Parameters
    ----------
    peak : int
        The most memory that it had, in bytes.
    limit : int
        The memory of this machine or container, in bytes.
    out_of_memory : bool
        Whether the kernel has killed a process for its memory meanwhile.
    """

    peak: int
    limit: int
    out_of_memory: bool

    def __str__(self) -> str:
        reached = f"it had reached {self.peak / GB:.1f} GB of {self.limit / GB:.1f} GB"
        if self.out_of_memory or self._is_large:
            return f"killed, most likely for its memory: {reached}"
        return f"killed by SIGKILL: {reached}"

    @property
    def may_retry(self) -> bool:
        """Whether another try can help: others may have had the memory, or somebody has killed it by hand."""
        return not self._is_large

    @property
    def _is_large(self) -> bool:
        return self.peak >= LARGE_SHARE * self.limit


def memory_limit() -> int:
    """Return the memory that processes here can have together, in bytes: the machine's, or less in a container."""
    limit = int(psutil.virtual_memory().total)
    for file in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            limit = min(limit, int(file.read_text()))
    return limit


def out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for their memory since it was started."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith(_OOM_COUNTER):
                return int(line.removeprefix(_OOM_COUNTER))
    return 0
