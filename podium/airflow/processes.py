"""The permission to run another instance of the same mapped task in the process of a task."""

from __future__ import annotations

_keep = False


def keep_process() -> None:
    """Allow another instance of the same mapped task to run in this process, because this one leaves nothing behind.

    It has no effect if the task then fails, if it leaves threads or processes, or with another coordinator than
    :class:`podium.workers.coordinator.KeepingCoordinator`.
    """
    global _keep  # noqa: PLW0603
    _keep = True


def forget() -> None:
    """Withdraw the permission that an earlier task in this process gave."""
    global _keep  # noqa: PLW0603
    _keep = False


def may_be_kept() -> bool:
    """Return whether the task has called :func:`keep_process`."""
    return _keep
