"""The Airflow trigger that starts a run when a classifier config is added to a folder or changes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from watchfiles import awatch

from podium.airflow.delivery import Delivery
from podium.airflow.environment import project
from podium.configs.files import config_files
from podium.errors import InvalidFileError
from podium.files.documents import load_document
from podium.files.writers import LONGEST_WAIT, is_being_written, is_open_for_writing, quiet_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


Snapshot = dict[str, list[int]]

# A burst of changes, such as a copy of many files, is over when nothing has changed for SETTLED_MS; it is reported
# after BURST_MS at the latest. If a file does not parse, the trigger waits up to PATIENCE_SECONDS for its writer.
SETTLED_MS = 150
BURST_MS = 1500
PATIENCE_SECONDS = 3.0
REPORTED = "reported"


class ConfigFolderTrigger(BaseEventTrigger):  # type: ignore[misc]
    """Fires once for every burst of new or changed config files in a folder.

    A file that a process still has open for writing is left for later. A file also counts as changed if another one of
    the same name but for its suffix is removed, because only one of the two can be trained.

    Reported files are kept in Airflow's asset state store when a run has followed. So a restarted triggerer reports the
    files dropped while it was not running, and none twice, and files that are dropped while the DAG is paused are
    reported when it is unpaused.

    Parameters
    ----------
    folder : str
        Folder to watch, relative to the project's root. Created if it does not exist.
    rescan_seconds : float
        Also check the folder at this interval, for file systems without notifications, such as network mounts.
    """

    def __init__(self, folder: str, rescan_seconds: float = 2.0) -> None:
        super().__init__()
        self.folder = folder
        self.rescan_seconds = rescan_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and arguments with which Airflow creates this trigger again."""
        return "podium.airflow.ConfigFolderTrigger", {
            "folder": self.folder,
            "rescan_seconds": self.rescan_seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event with the file names whenever files have been added or changed."""
        folder = project().path(self.folder)
        reported: Snapshot = await self._recall()
        remembered = reported
        since: dict[str, float] = {}
        delivery, event = Delivery(self.folder), None
        async for _ in checks(folder, self.rescan_seconds):
            # Stored only at a check after the event, when the triggerer has passed the event on.
            if event is None or await delivery.is_taken():
                event = None
                if remembered != reported:
                    await self._remember(reported)
                    remembered = reported
            elif await delivery.is_due():
                yield event
            found = without_unfinished(snapshot(folder), reported, folder)
            changed = changes(reported, found)
            since = {name: since.get(name, time.time()) for name in changed}
            if changed and all(settled(folder / name, since[name]) for name in changed):
                reported = found
                await delivery.begin()
                event = TriggerEvent({"folder": self.folder, "changed": changed})
                yield event
            elif not changed:
                reported = found

    async def _recall(self) -> Snapshot:
        if self.asset_state_store is None:
            return {}
        return await self.asset_state_store.aget(REPORTED) or {}

    async def _remember(self, reported: Snapshot) -> None:
        if self.asset_state_store is not None:
            await self.asset_state_store.aset(REPORTED, reported)


async def checks(folder: Path, rescan_seconds: float) -> AsyncIterator[None]:
    """Yield at once, after every burst of changes in a folder, and at an interval."""
    polling: bool | None = None
    while True:
        _make(folder)
        yield
        try:
            async for _ in awatch(
                folder,
                watch_filter=None,
                step=SETTLED_MS,
                debounce=BURST_MS,
                rust_timeout=int(rescan_seconds * 1000),
                yield_on_timeout=True,
                recursive=False,
                force_polling=polling,
            ):
                yield
                if _removed(folder):
                    break
        except OSError:
            # No notifications, for example because the limit of inotify watches is reached.
            polling = True
            await asyncio.sleep(rescan_seconds)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _removed(folder: Path) -> bool:
    return not folder.is_dir()


def snapshot(folder: Path) -> Snapshot:
    """Return every config file in a folder with its modification time in ns, its size in bytes and its inode."""
    found: Snapshot = {}
    for path in config_files(folder):
        try:
            status = path.stat()
        except OSError:  # removed since it was listed
            continue
        found[path.name] = [status.st_mtime_ns, status.st_size, status.st_ino]
    return found


def without_unfinished(found: Snapshot, reported: Snapshot, folder: Path) -> Snapshot:
    """Return a snapshot in which files that are being written are still as they were reported."""
    kept: Snapshot = {}
    for name, state in found.items():
        if state == reported.get(name) or not is_being_written(folder / name):
            kept[name] = state
        elif name in reported:
            kept[name] = reported[name]
    return kept


def changes(reported: Snapshot, found: Snapshot) -> list[str]:
    """Return the files that are new, have changed, or have lost a file of the same name with another suffix."""
    removed = {Path(name).stem for name in reported.keys() - found.keys()}
    return [name for name, state in found.items() if reported.get(name) != state or Path(name).stem in removed]


def settled(path: Path, since: float) -> bool:
    """Return whether a file is complete.

    It is if it parses, or has not changed for a while. Where nobody can say whether it is still open, it must also have
    been quiet for as long as it was being written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    since : float
        When its first change was noticed, in seconds since the epoch.
    """
    quiet = quiet_seconds(path)
    written = time.time() - quiet - since
    if is_open_for_writing(path) is None and quiet < min(written, LONGEST_WAIT):
        return False
    try:
        load_document(path, path.name)
    except InvalidFileError:
        return quiet > PATIENCE_SECONDS
    return True
