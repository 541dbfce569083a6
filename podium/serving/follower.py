"""The registry follower: follows an alias in the registry, and loads each new version before a worker serves it.

It is a separate process, so that requests are answered even if the registry hangs, or loading a model takes all the
memory or crashes the process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from typing import TYPE_CHECKING

from podium.errors import PodiumError, cause
from podium.registry import artifacts, client
from podium.registry.client import Registry
from podium.registry.names import registered_model
from podium.serving.local_copy import LocalCopy
from podium.serving.messages import LoadFailed, Loading, ModelReady, RegistryStatus
from podium.serving.model import LoadedModel, VersionInfo
from podium.stack import commands

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from podium.registry.versions import Version
    from podium.serving.settings import ServerSettings

POLL_SECONDS = 0.5
#: A version that could not be loaded is retried after this time: memory or disk space may have been short.
RETRY_SECONDS = 30.0
#: How often to look whether somebody has moved the stage by hand: that takes more requests than the alias.
STAGE_SECONDS = 5.0


class Follower:
    """Polls an alias and loads the version that it points at.

    Parameters
    ----------
    settings : ServerSettings
        The project, whose running stack is preferred, and the pipeline to follow.
    pipe : multiprocessing.connection.Connection
        Pipe to the main process. Sends :class:`RegistryStatus`, :class:`Loading`, :class:`LoadFailed` and
        :class:`ModelReady`; any message received requests a query now. The follower ends when the pipe closes.
    served : VersionInfo or None
        The version that is already served, if this follower replaces one that crashed.
    failed : LoadFailed or None
        The version that could not be loaded, if this follower replaces one that crashed.
    alias : str
        The alias to follow.
    uses_copy : bool
        Whether to save a local copy of each loaded version, and to start from it.
    """

    def __init__(
        self,
        settings: ServerSettings,
        pipe: Connection,
        served: VersionInfo | None = None,
        failed: LoadFailed | None = None,
        *,
        alias: str = client.PRODUCTION_ALIAS,
        uses_copy: bool = True,
    ) -> None:
        self._project = settings.project
        self._pipeline = settings.pipeline
        self._model = registered_model(settings.pipeline)
        self._pipe = pipe
        self._alias = alias
        self._uses_copy = uses_copy
        self._copy = LocalCopy(settings.project.home / "serve" / self._model)
        self._served = (served.version, served.run_id) if served else None
        self._failed: tuple[int, float] | None = (failed.version, time.monotonic()) if failed else None
        self._last_status: RegistryStatus | None = None
        self._is_starting = True
        self._configured_uri = settings.tracking_uri
        self._database_url = settings.database_url
        self._uri: str | None = None
        self._models: Registry | None = None
        self._protect = settings.protect
        self._pointed: int | None = None
        self._chosen: int | None = None
        self._due = 0.0

    def run(self) -> None:
        """Follow until the pipe closes."""
        # The next query follows in half a second, so MLflow's own retries would only delay it.
        os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            if not self._poll() and self._served is None and self._uses_copy:
                self._start_without_registry()
            self._is_starting = False
            while True:
                self._poll()
                if self._pipe.poll(POLL_SECONDS):
                    self._pipe.recv()
                    self._failed = None

    def _poll(self) -> bool:
        """Query the alias and load its version if that is new; return whether the registry responded."""
        uri = self._find_registry()
        if uri is None:
            self._send_status(RegistryStatus(None, error="no stack is running and MLFLOW_TRACKING_URI is not set"))
            return False
        try:
            version = self._wanted_version()
        except Exception as error:  # noqa: BLE001 - a database driver or a proxy may raise anything
            self._uri = None  # locate the registry again: the stack may have moved
            self._send_status(RegistryStatus(uri, error=_unreachable(uri, error)))
            return False
        self._send_status(RegistryStatus(uri, version.number if version else None))
        if version:
            self._follow(version)
        elif not self._uses_copy:
            self._served = None  # load it again when the alias is set again
        return True

    def _find_registry(self) -> str | None:
        """Return the URI of the registry: the one from the environment, else the running stack's."""
        if self._uri is None:
            status = None if self._configured_uri else commands.running(self._project)
            self._use(status.mlflow_url if status else self._configured_uri)
        return self._uri

    def _use(self, uri: str | None) -> None:
        if uri and (uri != self._uri or self._models is None):
            self._models = Registry(self._pipeline, uri)
        self._uri = uri

    def _wanted_version(self) -> Version | None:
        """Return the version to serve: usually the one that the alias points at, with one request."""
        assert self._models is not None  # noqa: S101 - a registry was found
        version = self._models.named(self._alias)
        if self._alias != client.PRODUCTION_ALIAS:
            return version
        pointed = version.number if version else None
        if pointed != self._pointed or time.monotonic() > self._due:
            self._chosen = self._models.standing().chosen(protect=self._protect)
            self._pointed, self._due = pointed, time.monotonic() + STAGE_SECONDS
        if self._chosen == pointed:
            return version
        return self._models.version(self._chosen) if self._chosen else None

    def _follow(self, version: Version) -> None:
        if self._served == (version.number, version.run_id) or self._has_failed(version.number):
            return
        info = VersionInfo.of(self._model, version)
        self._pipe.send(Loading(info))
        with self._copy.draft() as draft:
            try:
                folder = self._download(version, draft)
            except Exception as error:  # noqa: BLE001 - as above, or an object store
                # If the registry is unreachable now, the next query reports that, and the version is not to blame.
                with contextlib.suppress(Exception):
                    self._wanted_version()
                    self._fail(version.number, error)
                return
            try:
                self._load(folder, info)
            except Exception as error:  # noqa: BLE001 - a stored model may raise anything
                self._fail(version.number, error)

    def _fail(self, version: int, error: Exception) -> None:
        self._failed = (version, time.monotonic())
        self._pipe.send(LoadFailed(version, _with_type(error)))

    def _load(self, folder: Path, info: VersionInfo) -> None:
        self._send_model(LoadedModel.load(folder, info))
        if self._uses_copy:
            self._copy.save(folder, info)

    def _send_model(self, loaded: LoadedModel) -> None:
        info = loaded.info
        self._pipe.send(ModelReady(info, loaded.is_copy, pickle.dumps(loaded, protocol=pickle.HIGHEST_PROTOCOL)))
        self._served, self._failed = (info.version, info.run_id), None

    def _has_failed(self, version: int) -> bool:
        return bool(self._failed and self._failed[0] == version and time.monotonic() - self._failed[1] < RETRY_SECONDS)

    def _download(self, version: Version, draft: Path) -> Path:
        assert self._models is not None  # noqa: S101 - a registry was found
        location = self._models.location(version.number)
        if self._uri and not self._uri.startswith("http") and location.startswith(artifacts.PROXIED_ARTIFACTS):
            # Without MLflow's server, read its artifacts from the folder where the stack keeps them.
            root = commands.environment(self._project)["MLFLOW_ARTIFACTS_DESTINATION"]
            location = f"{root}/{location.removeprefix(artifacts.PROXIED_ARTIFACTS)}"
        return self._models.download(version.number, str(draft / "model"), location)

    def _start_without_registry(self) -> None:
        """Load from the embedded database, which is started just for this, else from the local copy."""
        with contextlib.suppress(PodiumError):
            if self._has_database():
                with commands.tracking(self._project) as uri:
                    self._use(uri)
                    self._poll()
                self._uri = None
        if self._served is None:
            try:
                if copy := self._copy.load():
                    self._send_model(copy)
            except Exception as error:  # noqa: BLE001 - as of any stored model
                self._pipe.send(
                    LoadFailed(0, f"the copy in {self._project.shown(self._copy.folder)}: {_with_type(error)}")
                )

    def _has_database(self) -> bool:
        """Return whether the project has a stack's database and no other MLflow is configured."""
        has_any = (self._project.home / "postgres").is_dir() or bool(self._database_url)
        return has_any and not self._configured_uri

    def _send_status(self, status: RegistryStatus) -> None:
        """Send a status if it has changed; at the start, an error is not final: the embedded database may follow."""
        if status == self._last_status or (status.error and self._is_starting):
            return
        self._last_status = status
        self._pipe.send(status)


def run_follower(follower: Follower) -> None:
    """Run the follower until interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        follower.run()


def _unreachable(uri: str, error: Exception) -> str:
    text = cause(error)
    # The message would name the errors of three libraries.
    return f"MLflow at {uri} does not respond" if "failed with exception" in text else text


def _with_type(error: Exception) -> str:
    return cause(error) if isinstance(error, PodiumError) else f"{type(error).__name__}: {cause(error)}"
