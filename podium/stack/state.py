"""The process between ``podium up`` and the services: ``python -m podium.stack.main_process``.

It holds the other end of a pipe to the command that started it, and stops everything when the pipe closes, so that
nothing outlives that command, however it ended. The command in turn cleans up if this process is killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from podium.project import Project


def state_file(project: Project) -> Path:
    """Return the file that says which stack runs here."""
    return project.home / "stack.json"
