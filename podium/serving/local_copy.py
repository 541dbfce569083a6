"""The last good copy of a champion: what a server starts from when there is no registry."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from podium.serving.model import About, Champion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


NOTE = "champion.json"
DRAFT = "draft-"


class Copies:
    """The folder that holds the copy: the model's own folder, and beside it a note that names it.

    Parameters
    ----------
    folder : pathlib.Path
        Of one registered model; made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Give a new folder to download into; what is not kept is removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=self.folder, ignore_cleanup_errors=True) as folder:
            yield self.folder / folder

    def keep(self, model: Path, about: About) -> None:
        """Make a model's folder, which lies in a draft, the copy. Who is killed meanwhile leaves the one before."""
        with self._locked():
            name = f"{about.version}-{about.run_id}"
            if not (self.folder / name).exists():
                model.rename(self.folder / name)
            note = self.folder / f"{NOTE}.new"
            note.write_text(json.dumps({"folder": name, **asdict(about)}))
            note.replace(self.folder / NOTE)
            for other in self.folder.iterdir():
                # Another server of this project may have a draft of its own.
                if other.is_dir() and other.name != name and not other.name.startswith(DRAFT):
                    shutil.rmtree(other, ignore_errors=True)

    def opened(self) -> Champion | None:
        """Open the copy, checked and asked as if it were new; None where there is none.

        Raises
        ------
        PodiumError
            If it is not harmless any more, or does not answer.
        """
        if not (self.folder / NOTE).is_file():
            return None
        with self._locked():
            note = json.loads((self.folder / NOTE).read_text())
            folder = self.folder / note.pop("folder")
            return Champion.opened(folder, About(**note), is_copy=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
