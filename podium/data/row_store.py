"""The folder in which processes share the rows that one of them has read, typed and split."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.metadata
import logging
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.data import row_files
from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)

# A store has at most so many data sets; the one that was used longest ago goes first.
MOST_FILES = 8
# A file that is not complete after this time was left by a process that was killed.
DRAFT_SECONDS = 3600
# Packages that decide what the rows are.
_PACKAGES = ("numpy", "pandas", "pyarrow", "scikit-learn")


class RowStore:
    """The folder in which processes share rows.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; it is created, and only its owner can read it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, *key: str) -> dict[str, Any] | None:
        """Return the values with a key, None if there are none or their file is damaged."""
        path = self._path(key)
        try:
            values = row_files.read(path)
            os.utime(path)
        except (OSError, ValueError):
            return None
        return values

    def has(self, *key: str) -> bool:
        """Return whether there is a file with a key."""
        return self._path(key).is_file()

    def get(self, key: tuple[str, ...], make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return the values with a key; if there are none, make and store them, while other processes wait.

        Values that cannot be stored are returned as they are made.

        Parameters
        ----------
        key : tuple of str
            What the values follow from, apart from the code that makes them.
        make : callable
            Returns the values.
        """
        if (found := self.find(*key)) is not None:
            return found
        with self._lock(key):
            if (found := self.find(*key)) is not None:
                return found
            made = make()
            return made if not self._write(key, made) else self.find(*key) or made

    def _write(self, key: tuple[str, ...], values: Mapping[str, Any]) -> bool:
        """Store values and return whether they could be."""
        path = self._path(key)
        draft = self._folder / f".{path.stem}-{secrets.token_hex(4)}"
        try:
            self._make_room()
            row_files.write(draft, values)
            draft.replace(path)
        except (row_files.UnsupportedValueError, OSError) as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            if isinstance(error, OSError):
                log.warning("the rows are not shared with other processes: %s", error)
            return False
        return True

    def _make_room(self) -> None:
        """Remove the files used longest ago, and what killed processes left. Who has mapped a file keeps it."""
        files = sorted(self._folder.glob("[!.]*.rows"), key=_used, reverse=True)
        drafts = [file for file in self._folder.glob(".*-*") if _used(file) < time.time() - DRAFT_SECONDS]
        for file in (*files[MOST_FILES - 1 :], *drafts):
            file.unlink(missing_ok=True)

    def _path(self, key: tuple[str, ...]) -> Path:
        name = hashlib.sha256("\0".join((*key, _code())).encode()).hexdigest()
        return self._folder / f"{name}.rows"

    @contextlib.contextmanager
    def _lock(self, key: tuple[str, ...]) -> Iterator[None]:
        """Hold the lock on a key, one of sixteen; without a folder for it there is no lock."""
        with contextlib.ExitStack() as stack:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                path = self._folder / f".{self._path(key).stem[0]}.lock"
                descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            except OSError as error:
                log.warning("the rows are not shared with other processes: %s", error)
            else:
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield


def of_environment() -> RowStore | None:
    """Return the store of the stack that this process belongs to, None outside a stack."""
    home = Settings.from_environment().home
    return RowStore(home / "rows") if home else None


def _used(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@functools.cache
def _code() -> str:
    """Return a digest of the code that makes rows: this package's modules, and releases of others."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    parts = [hashlib.sha256(module.read_bytes()).hexdigest() for module in modules]
    return " ".join([*parts, *map(_release, _PACKAGES)])


def _release(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
