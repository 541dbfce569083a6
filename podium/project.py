"""The project: the checkout that a command works on, and the folder of its state."""

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
        Absolute path of the folder that contains ``dag_specs`` and ``config``.
    home : pathlib.Path
        Absolute path of the local stack's state (``PODIUM_HOME``). Default: ``.podium`` in the root. It may not exist.
    """

    root: Path
    home: Path

    @property
    def dag_specs(self) -> Path:
        """Folder of the YAML DAG specs."""
        return self.root / "dag_specs"

    @property
    def config(self) -> Path:
        """Folder with one folder of classifier configs per pipeline."""
        return self.root / "config"

    def path(self, relative: str | Path) -> Path:
        """Return the absolute path for a path in a spec or config, which is relative to the root."""
        return self.root / relative

    def shown(self, path: Path) -> str:
        """Return a path for messages: relative to the root if it is inside the root."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def find_project(start: Path, home: Path | None = None) -> Project:
    """Find the project around a folder, as git does: the nearest folder upwards that contains ``dag_specs``.

    Parameters
    ----------
    start : pathlib.Path
        Folder to begin with.
    home : pathlib.Path, optional
        Folder of the state. Default: ``.podium`` in the project.

    Raises
    ------
    PodiumError
        If no folder upwards contains ``dag_specs``.
    """
    origin = start.resolve()
    for folder in (origin, *origin.parents):
        if (folder / "dag_specs").is_dir():
            return Project(root=folder, home=(home or folder / ".podium").absolute())
    raise PodiumError(f"no dag_specs folder in {origin} or above: run podium inside a Podium project")
