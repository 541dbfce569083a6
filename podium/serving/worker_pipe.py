"""A worker's end of the pipe to the main process: receives models and status, reports switches and reloads."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from podium.errors import cause
from podium.serving.messages import LoadFailed, ModelReady, NowServing, Reload, ServerStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from podium.serving.current_model import CurrentModel


#: Fields of ``GET /model`` until the main process has sent its own.
UNKNOWN: Mapping[str, Any] = {
    "production": None,
    "failed": None,
    "loading": None,
    "registry": {"uri": None, "reachable": False, "error": "the registry has not been queried yet"},
    "mlflow": None,
    "workers": [],
}


class WorkerPipe:
    """A worker's end of the pipe to the main process.

    Parameters
    ----------
    current : CurrentModel
        The model that the worker serves.
    pipe : multiprocessing.connection.Connection
        Receives :class:`~podium.serving.messages.ModelReady` and :class:`~podium.serving.messages.ServerStatus`; sends
        :class:`~podium.serving.messages.NowServing`, :class:`~podium.serving.messages.LoadFailed` and
        :class:`~podium.serving.messages.Reload`.
    """

    def __init__(self, current: CurrentModel, pipe: Connection) -> None:
        self._current = current
        self._pipe = pipe
        self._sending = threading.Lock()
        self._server_fields = UNKNOWN

    def listen(self) -> None:
        """Handle messages until the main process closes the pipe."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                match self._pipe.recv():
                    case ModelReady() as ready:
                        self.switch(ready)
                    case ServerStatus(fields):
                        self._server_fields = fields

    def switch(self, ready: ModelReady) -> None:
        """Serve another model and report that; if it fails here, keep the current one and report why."""
        try:
            self._current.replace(ready)
        except Exception as error:  # noqa: BLE001 - the current model stays, whatever a stored model raises
            self._send(LoadFailed(ready.info.version, cause(error)))
        else:
            self._send(NowServing(ready.info.version))

    def reload(self) -> None:
        """Request a query of the registry now."""
        self._send(Reload())

    def model_status(self) -> dict[str, Any]:
        """Return what ``GET /model`` shows."""
        return {"name": self._current.name, **self._current.as_json(), **self._server_fields, "pid": os.getpid()}

    def _send(self, message: Any) -> None:
        with self._sending:
            self._pipe.send(message)
