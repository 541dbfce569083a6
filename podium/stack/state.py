"""The file ``stack.json``: which stack runs on a project's state, and in which processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from pathlib import Path

    from podium.project import Project


State = dict[str, Any]


def state_file(project: Project) -> Path:
    """Return the file that says which stack runs here."""
    return project.home / "stack.json"


def read(project: Project) -> State | None:
    """Return the state that the last stack wrote; None if it has stopped in order."""
    try:
        state: State = json.loads(state_file(project).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return state


def write(project: Project, state: State) -> None:
    """Write the state so that a reader finds all of it or nothing."""
    draft = state_file(project).with_suffix(".new")
    draft.write_text(json.dumps(state))
    draft.replace(state_file(project))


def identity(pid: int) -> list[float]:
    """Return what distinguishes a process from a later one with the same pid."""
    return [pid, psutil.Process(pid).create_time()]


def main_process(state: State) -> psutil.Process | None:
    """Return the stack's main process, None if it has ended."""
    # Releases up to 0.1.0 wrote it under another name; `podium down` must stop a stack that one of them has started.
    return process(state["main_process"] if "main_process" in state else state["guardian"])


def process(known: list[float]) -> psutil.Process | None:
    """Return a process by its :func:`identity`, None if it has ended."""
    try:
        found = psutil.Process(int(known[0]))
        return found if found.create_time() == known[1] and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
