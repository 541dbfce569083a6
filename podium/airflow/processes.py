"""Whether the process of a task may run another instance of the same mapped task afterwards."""

from __future__ import annotations

_keep = False


def keep_process() -> None:
    """Let another instance of the same mapped task run in this process, because this one leaves nothing behind.

    It has no effect if the task then fails, if it leaves threads or processes, or under another coordinator than
    :class:`podium.workers.coordinator.KeepingCoordinator`.
    """
    global _keep  # noqa: PLW0603
    _keep = True


def forget() -> None:
    """Forget what an earlier task in this process has said."""
    global _keep  # noqa: PLW0603
    _keep = False


def may_be_kept() -> bool:
    """Return whether the task has called :func:`keep_process`."""
    return _keep
