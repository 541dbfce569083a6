"""The shadow: a process that sends each answered request to another version and records how the two compare."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from multiprocessing import connection
from typing import TYPE_CHECKING

from podium.registry.client import Registry
from podium.serving.comparison import Comparison
from podium.serving.messages import ModelReady, RegistryStatus, ShadowStatus
from podium.serving.scoring import Scorer
from podium.serving.shadow_channel import LARGEST

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from podium.serving.messages import AnsweredRequest
    from podium.serving.model import LoadedModel, VersionInfo

RECORD_SECONDS = 10.0


class Shadow:
    """Runs the shadow model until the pipe closes.

    Parameters
    ----------
    pipeline : str
        The pipeline in whose registry comparisons are recorded.
    receiver : socket.socket
        Receives :class:`~podium.serving.messages.AnsweredRequest` from the workers.
    pipe : multiprocessing.connection.Connection
        Receives :class:`~podium.serving.messages.ModelReady`, the version to run, and
        :class:`~podium.serving.messages.RegistryStatus`, where the registry is; sends
        :class:`~podium.serving.messages.ShadowStatus`.
    """

    def __init__(self, pipeline: str, receiver: socket.socket, pipe: Connection) -> None:
        self._pipeline = pipeline
        self._receiver = receiver
        self._pipe = pipe
        self._buffer = bytearray(2 * LARGEST)
        self._info: VersionInfo | None = None
        self._scorer: Scorer | None = None
        self._comparison: Comparison | None = None
        self._uri: str | None = None
        self._recorded_rows = 0

    def run(self) -> None:
        """Compare, and record every few seconds and at the end."""
        os.nice(10)  # requests have priority
        os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
        due = time.monotonic() + RECORD_SECONDS
        with contextlib.suppress(EOFError, OSError):
            while True:
                ready = connection.wait([self._receiver, self._pipe], max(0.0, due - time.monotonic()))
                if self._pipe in ready:
                    self._handle(self._pipe.recv())
                elif self._receiver in ready:
                    self._compare()
                if time.monotonic() >= due:
                    self._record()
                    due = time.monotonic() + RECORD_SECONDS
        self._receiver.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # requests sent before the end count too
            while self._compare():
                pass
        self._record(is_last=True)

    def _handle(self, message: ModelReady | RegistryStatus) -> None:
        if isinstance(message, RegistryStatus):
            self._uri = message.uri or self._uri
            if message.version is not None or message.error:
                return
            self._record(is_last=True)
            self._info = self._scorer = self._comparison = None
        else:
            self._record(is_last=True)
            loaded: LoadedModel = pickle.loads(message.pickled)  # noqa: S301 - from a process of this server
            self._info, self._scorer, self._comparison = loaded.info, Scorer(loaded.model), None
            loaded.time_prediction()  # so that the first request is not slower than the others
        self._send_status()

    def _compare(self) -> bool:
        """Receive the next answered request and compare; return False if the workers have closed the socket."""
        size = self._receiver.recv_into(self._buffer)
        if not size:
            return False
        request: AnsweredRequest = pickle.loads(memoryview(self._buffer)[:size])  # noqa: S301 - from a worker of this server
        if self._info is None or self._scorer is None or self._info.version == request.version:
            return True
        if self._comparison is None or self._comparison.production != request.version:
            # Agreement with the previous version in Production says nothing about this one.
            self._record(is_last=True)
            self._comparison, self._recorded_rows = Comparison(self._info, request.version), 0
        self._comparison.add(self._scorer, request)
        return True

    def _send_status(self) -> None:
        fields = self._comparison.as_json() if self._comparison else {}
        with contextlib.suppress(OSError):
            self._pipe.send(ShadowStatus(self._info.version if self._info else None, fields))

    def _record(self, *, is_last: bool = False) -> None:
        """Write the comparison to MLflow if it has changed; if that fails, the next record includes it."""
        comparison = self._comparison
        if comparison is None or comparison.rows == self._recorded_rows:
            return
        with contextlib.suppress(Exception):  # the registry may be unreachable
            comparison.record(Registry(self._pipeline, self._uri), is_last=is_last)
            self._recorded_rows = comparison.rows
        self._send_status()
