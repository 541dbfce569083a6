"""The process of a server that follows an alias in the registry, and opens what it names before anything serves it.

It is a process of its own, so that whatever a registry or a model file does to it, requests are answered meanwhile: a
registry that hangs, a model that takes all the memory, or ends the process that opens it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, cause
from podium.registry import artifacts, client
from podium.registry.client import Registry
from podium.registry.names import registered_model
from podium.serving.local_copy import Copies
from podium.serving.model import About, Champion
from podium.stack import commands

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from podium.registry.versions import Version
    from podium.serving.settings import ServerSettings
from podium.serving.messages import Failed, Look, Opened, Opening

POLL_SECONDS = 0.5
#: A version that could not be opened may have lacked memory or a disk: it is tried again after so long.
RETRY_SECONDS = 30.0
#: How often to ask for a stack, where MLflow is one that the environment names.
STACK_SECONDS = 3.0


class Follower:
    """Looks at an alias, and says what comes of it through a pipe.

    Parameters
    ----------
    settings : ServerSettings
        Whose running stack is asked for its registry first, and what is followed.
    pipe : multiprocessing.connection.Connection
        Takes :class:`Look`, :class:`Opening`, :class:`Failed` and :class:`Opened`; anything that comes out of it asks
        for a look at once, and its end ends the process.
    served : About or None
        What is served already, where a follower before this one has died.
    alias : str
        What to follow.
    keeps : bool
        Whether to keep a copy of what is opened, and to start from it.
    """

    def __init__(
        self,
        settings: ServerSettings,
        pipe: Connection,
        served: About | None = None,
        failed: Failed | None = None,
        *,
        alias: str = client.PRODUCTION_ALIAS,
        keeps: bool = True,
    ) -> None:
        self._project = settings.project
        self._pipeline = settings.pipeline
        self._model = registered_model(settings.pipeline)
        self._pipe = pipe
        self._alias = alias
        self._keeps = keeps
        self._copies = Copies(settings.project.home / "serve" / self._model)
        self._served = (served.version, served.run_id) if served else None
        self._failed: tuple[int, float] | None = (failed.version, time.monotonic()) if failed else None
        self._said: Any = None
        self._is_starting = True
        self._given = settings.tracking_uri
        self._database_url = settings.database_url
        self._uri: str | None = None
        self._looked_for_stack = 0.0
        self._models: Registry | None = None

    def run(self) -> None:
        """Follow until the pipe closes."""
        # A registry that is away is asked again half a second later, which is better than MLflow's own patience.
        os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            if not self._look() and self._served is None and self._keeps:
                self._start_without_registry()
            self._is_starting = False
            while True:
                self._look()
                if self._pipe.poll(POLL_SECONDS):
                    self._pipe.recv()
                    self._failed = None

    def _look(self) -> bool:
        """Look at the alias and open what it names if that is new; tell whether the registry has answered."""
        uri = self._find_registry()
        if uri is None:
            self._say(Look(None, error="no registry runs, and MLFLOW_TRACKING_URI names none"))
            return False
        try:
            version = self._named()
        except Exception as error:  # noqa: BLE001 - whatever a database's driver or a proxy between may raise
            self._uri = None  # so that it is looked for anew: the stack may have moved
            self._say(Look(uri, error=_unreachable(uri, error)))
            return False
        self._say(Look(uri, version.number if version else None))
        if version:
            self._follow(version)
        elif not self._keeps:
            self._served = None  # and opened again when it is named again
        return True

    def _find_registry(self) -> str | None:
        """Return the registry: that of the running stack, else the one that the environment names."""
        stale = self._uri == self._given and time.monotonic() - self._looked_for_stack > STACK_SECONDS
        if self._uri is None or stale:
            self._looked_for_stack = time.monotonic()
            status = commands.running(self._project)
            self._use(status.mlflow_url if status else self._given)
        return self._uri

    def _use(self, uri: str | None) -> None:
        if uri and (uri != self._uri or self._models is None):
            self._models = Registry(self._pipeline, uri)
        self._uri = uri

    def _named(self) -> Version | None:
        """Return the version that the alias names, with one request."""
        assert self._models is not None  # noqa: S101 - there is a registry
        return self._models.named(self._alias)

    def _follow(self, version: Version) -> None:
        if self._served == (version.number, version.run_id) or self._has_failed(version.number):
            return
        about = About.of(self._model, version)
        self._say(Opening(about))
        with self._copies.draft() as draft:
            try:
                folder = self._download(version, draft)
            except Exception as error:  # noqa: BLE001 - as above, and of an object store
                # Where the registry went away meanwhile, the next look says so, and nothing is wrong with the version.
                with contextlib.suppress(Exception):
                    self._named()
                    self._fail(version.number, error)
                return
            try:
                self._serve(folder, about)
            except Exception as error:  # noqa: BLE001 - whatever a stored model raises speaks against that model
                self._fail(version.number, error)

    def _fail(self, version: int, error: Exception) -> None:
        self._failed = (version, time.monotonic())
        self._say(Failed(version, _with_type(error)))

    def _serve(self, folder: Path, about: About) -> None:
        champion = Champion.opened(folder, about)
        self._hand_over(champion)
        if self._keeps:
            self._copies.keep(folder, about)

    def _hand_over(self, champion: Champion) -> None:
        about = champion.about
        self._say(Opened(about, champion.is_copy, pickle.dumps(champion, protocol=pickle.HIGHEST_PROTOCOL)))
        self._served, self._failed = (about.version, about.run_id), None

    def _has_failed(self, version: int) -> bool:
        return bool(self._failed and self._failed[0] == version and time.monotonic() - self._failed[1] < RETRY_SECONDS)

    def _download(self, version: Version, draft: Path) -> Path:
        assert self._models is not None  # noqa: S101 - there is a registry
        location = self._models.location(version.number)
        if self._uri and not self._uri.startswith("http") and location.startswith(artifacts.PROXIED_ARTIFACTS):
            # What MLflow's server would hand through lies where the stack has it keep them.
            kept = commands.environment(self._project)["MLFLOW_ARTIFACTS_DESTINATION"]
            location = f"{kept}/{location.removeprefix(artifacts.PROXIED_ARTIFACTS)}"
        return self._models.download(version.number, str(draft / "model"), location)

    def _start_without_registry(self) -> None:
        """Start from what the embedded database holds, which is started for that moment, else from the last copy."""
        with contextlib.suppress(PodiumError):
            if self._has_database():
                with commands.tracking(self._project) as uri:
                    self._use(uri)
                    self._look()
                self._uri = None
        if self._served is None:
            try:
                if copy := self._copies.opened():
                    self._hand_over(copy)
            except Exception as error:  # noqa: BLE001 - as of any stored model
                self._say(Failed(0, f"the copy in {self._project.shown(self._copies.folder)}: {_with_type(error)}"))

    def _has_database(self) -> bool:
        """Tell whether a stack has been here, and no MLflow was named that just does not answer."""
        has_any = (self._project.home / "postgres").is_dir() or bool(self._database_url)
        return has_any and not self._given

    def _say(self, message: Any) -> None:
        """Say something, but no look that shows what the one before has shown, or that another follows at the start."""
        if isinstance(message, Look):
            if message == self._said or (message.error and self._is_starting):
                return
            self._said = message
        self._pipe.send(message)


def follow(follower: Follower) -> None:
    """Be the process of a follower."""
    with contextlib.suppress(KeyboardInterrupt):
        follower.run()


def _unreachable(uri: str, error: Exception) -> str:
    text = cause(error)
    # With the names of three libraries' errors around it.
    return f"no MLflow answers at {uri}" if "failed with exception" in text else text


def _with_type(error: Exception) -> str:
    return cause(error) if isinstance(error, PodiumError) else f"{type(error).__name__}: {cause(error)}"
