"""Where things are: the checkout that a command works on, and the folder that holds its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.errors import PodiumError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    """A checkout with a ``dag_specs`` folder.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds ``dag_specs``, ``config`` and the rest. Absolute.
    home : pathlib.Path
        State of the local stack (``PODIUM_HOME``, by default ``.podium`` in the root). Absolute; may not exist yet.
    """

    root: Path
    home: Path

    @property
    def dag_specs(self) -> Path:
        """Folder of the YAML DAG specs."""
        return self.root / "dag_specs"

    @property
    def config(self) -> Path:
        """Folder that holds one folder of classifier configs per pipeline."""
        return self.root / "config"

    def path(self, relative: str | Path) -> Path:
        """Return a path written in a spec or config, which counts from the root, as an absolute one."""
        return self.root / relative

    def shown(self, path: Path) -> str:
        """Return a path as messages show it: relative to the root where it lies inside."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def find_project(start: Path, home: Path | None = None) -> Project:
    """Find the project around a folder, as git does: the nearest one upwards that has ``dag_specs``.

    Parameters
    ----------
    start : pathlib.Path
        Where to begin.
    home : pathlib.Path, optional
        Folder of the state; ``.podium`` in the project when left out.

    Raises
    ------
    PodiumError
        If no folder upwards has a ``dag_specs``.
    """
    origin = start.resolve()
    for folder in (origin, *origin.parents):
        if (folder / "dag_specs").is_dir():
            return Project(root=folder, home=(home or folder / ".podium").absolute())
    raise PodiumError(f"no dag_specs folder in {origin} or above: run podium inside a Podium project")
