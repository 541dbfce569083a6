"""The space on the disk of the stack's state."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MB = 10**6
# What a run of a few trainings writes: the databases with their logs, models and plots, and the services' logs.
NEEDED_MB = 100
# With less, a service that has ended may have ended for lack of space: PostgreSQL writes 16 MB at once.
LOW_MB = 40


def is_low(folder: Path) -> bool:
    """Return whether so little space is left that services and tasks may fail for it."""
    return _free(folder) < LOW_MB * MB


def shortage(folder: Path) -> str:
    """Return that there is too little space for the stack, as a sentence; empty if there is enough."""
    free = _free(folder)
    if free >= NEEDED_MB * MB:
        return ""
    left = "no space left" if free < MB else f"only {free // MB} MB left"
    return f"{left} on {folder} (needs about {NEEDED_MB} MB)"


def _free(folder: Path) -> int:
    """Return the bytes that a user may still write; a folder that does not exist is that of its nearest parent."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return shutil.disk_usage(there).free
