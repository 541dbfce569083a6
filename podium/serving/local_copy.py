"""The local copy of the last model served; a server starts from it if the registry is unreachable."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from podium.serving.model import LoadedModel, VersionInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


DESCRIPTION = "champion.json"
DRAFT = "draft-"


class LocalCopy:
    """A folder with the copy: the model's own folder, and a JSON file that names it.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of one registered model; created on demand.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Create a temporary folder for a download. What was not saved by then is removed at the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=self.folder, ignore_cleanup_errors=True) as folder:
            yield self.folder / folder

    def save(self, model: Path, info: VersionInfo) -> None:
        """Make a model's folder, which is in a draft, the copy. If interrupted, the old copy stays."""
        with self._locked():
            name = f"{info.version}-{info.run_id}"
            if not (self.folder / name).exists():
                model.rename(self.folder / name)
            description = self.folder / f"{DESCRIPTION}.new"
            description.write_text(json.dumps({"folder": name, **asdict(info)}))
            description.replace(self.folder / DESCRIPTION)
            for other in self.folder.iterdir():
                # Another server of this project may have a draft here.
                if other.is_dir() and other.name != name and not other.name.startswith(DRAFT):
                    shutil.rmtree(other, ignore_errors=True)

    def load(self) -> LoadedModel | None:
        """Load the copy with the same checks as a new version. Returns None if there is no copy.

        Raises
        ------
        PodiumError
            If it could run code, or cannot predict.
        """
        if not (self.folder / DESCRIPTION).is_file():
            return None
        with self._locked():
            description = json.loads((self.folder / DESCRIPTION).read_text())
            folder = self.folder / description.pop("folder")
            return LoadedModel.load(folder, VersionInfo(**description), is_copy=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
