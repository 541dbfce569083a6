"""The shadow of a server: a process that asks another version what Production was asked, and records how they compare.

Workers pass on what they have answered through a socket that keeps messages apart and holds a bounded number of bytes;
where it is full they drop the message. So no request waits for the shadow, and no process for another.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import socket
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import TYPE_CHECKING

from podium.errors import RequestError
from podium.registry import tag_names
from podium.registry.client import Registry
from podium.serving.messages import Look, Opened
from podium.serving.scoring import Scorer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from podium.serving.model import About, Champion
from podium.serving.messages import Asked

EXPERIMENT_SUFFIX = "-shadow"
#: Tag of a run: the version that it is of.
VERSION = "podium.shadow_version"
RECORD_SECONDS = 10.0
#: How many answers' times the medians are of.
TIMES = 10_000
#: Bytes that may wait, if the system allows it, and that one message may have.
BUFFER, LARGEST = 4 * 2**20, 2**20


def channel() -> tuple[socket.socket, socket.socket]:
    """Return the end that workers write to and the one that the shadow reads from."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # Where the system allows less, often 200 kB, requests that are larger than that are dropped.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    ours.setblocking(False)
    return ours, theirs


class Passage:
    """The worker's end: passes on, or drops and counts."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._dropped = 0

    def pass_on(self, version: int, body: bytes, content_type: str, answer: bytes, seconds: float) -> bool:
        """Pass on what was answered, and tell whether there was room for it."""
        message = Asked(version, body, content_type, answer, seconds, self._dropped)
        if len(body) + len(answer) < LARGEST:
            with contextlib.suppress(OSError):  # no room
                self._end.send(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
                self._dropped = 0
                return True
        self._dropped += 1
        return False


@dataclass
class Tally:
    """How a version compares with the one in Production.

    Parameters
    ----------
    about : About
        The version.
    against : int
        Version in Production.
    rows, agreed, refused, dropped : int
        Rows asked about, those with the same answer, those that it could not answer, and requests that were dropped.
    """

    about: About
    against: int
    rows: int = 0
    agreed: int = 0
    refused: int = 0
    dropped: int = 0
    own: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))
    production: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))

    def metrics(self) -> dict[str, float]:
        """Return the figures that gates can ask for."""
        return {
            "shadow_agreement": self.agreed / self.rows,
            "shadow_latency_ms": statistics.median(self.own) * 1000,
            "shadow_rows": float(self.rows),
        }

    def add(self, scorer: Scorer, asked: Asked) -> None:
        """Ask the version what Production was asked."""
        theirs = json.loads(asked.answer)["predictions"]
        started = time.perf_counter()
        try:
            ours = json.loads(scorer.answer(asked.body, asked.content_type, len(theirs)).body)["predictions"]
        except RequestError:
            ours = []
            self.refused += len(theirs)
        self.own.append(time.perf_counter() - started)
        self.production.append(asked.seconds)
        self.rows += len(theirs)
        self.agreed += sum(a == b for a, b in zip(ours, theirs, strict=False))
        self.dropped += asked.dropped


class Shadow:
    """Asks the version that it is given, until its pipe closes.

    Parameters
    ----------
    pipeline : str
        Whose registry it records in.
    end : socket.socket
        What brings :class:`Asked`.
    pipe : multiprocessing.connection.Connection
        Brings :class:`~podium.serving.messages.Opened`, the version to ask, and
        :class:`~podium.serving.messages.Look`, where the registry is; takes what ``/model`` shows of the shadow.
    """

    def __init__(self, pipeline: str, end: socket.socket, pipe: Connection) -> None:
        self._pipeline = pipeline
        self._end = end
        self._pipe = pipe
        self._buffer = bytearray(2 * LARGEST)
        self._about: About | None = None
        self._scorer: Scorer | None = None
        self._tally: Tally | None = None
        self._uri: str | None = None
        self._recorded = 0

    def run(self) -> None:
        """Ask, and record every few seconds and at the end."""
        os.nice(10)  # requests go first
        os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
        due = time.monotonic() + RECORD_SECONDS
        with contextlib.suppress(EOFError, OSError):
            while True:
                ready = connection.wait([self._end, self._pipe], max(0.0, due - time.monotonic()))
                if self._pipe in ready:
                    self._take(self._pipe.recv())
                elif self._end in ready:
                    self._compare()
                if time.monotonic() >= due:
                    self._record()
                    due = time.monotonic() + RECORD_SECONDS
        self._end.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # what was passed on before the end counts too
            while self._compare():
                pass
        self._record(is_last=True)

    def _take(self, message: Opened | Look) -> None:
        if isinstance(message, Look):
            self._uri = message.uri or self._uri
            if message.wanted is not None or message.error:
                return
            self._record(is_last=True)
            self._about = self._scorer = self._tally = None
            self._tell()
        else:
            self._record(is_last=True)
            champion: Champion = pickle.loads(message.pickled)  # noqa: S301 - from a process of this server
            self._about, self._scorer, self._tally = champion.about, Scorer(champion.served), None
            champion.ask()  # so that the first question is not slower than the others
            self._tell()

    def _compare(self) -> bool:
        """Take the next question; tell whether there was one."""
        size = self._end.recv_into(self._buffer)
        if not size:
            return False
        asked: Asked = pickle.loads(memoryview(self._buffer)[:size])  # noqa: S301 - from a worker of this server
        if self._about is None or self._scorer is None or self._about.version == asked.version:
            return True
        if self._tally is None or self._tally.against != asked.version:
            # To agree with the version before says nothing about this one.
            self._record(is_last=True)
            self._tally, self._recorded = Tally(self._about, asked.version), 0
        self._tally.add(self._scorer, asked)
        return True

    def _tell(self) -> None:
        tally = self._tally
        more = {"against": tally.against, "dropped": tally.dropped, **tally.metrics()} if tally else {}
        with contextlib.suppress(OSError):
            self._pipe.send({"version": self._about.version if self._about else None, **more})

    def _record(self, *, is_last: bool = False) -> None:
        """Write what is new into MLflow; what cannot be written now is part of the next time."""
        tally = self._tally
        if tally is None or tally.rows == self._recorded:
            return
        with contextlib.suppress(Exception):  # the registry may be away
            self._write(tally, is_last=is_last)
            self._recorded = tally.rows
        self._tell()

    def _write(self, tally: Tally, *, is_last: bool) -> None:
        from mlflow.entities import Metric

        models = Registry(self._pipeline, self._uri)
        run = _run(models, tally)
        metrics = {
            **tally.metrics(),
            "production_latency_ms": statistics.median(tally.production) * 1000,
            "refused_rows": float(tally.refused),
            "dropped_requests": float(tally.dropped),
        }
        now = int(time.time() * 1000)
        models.client.log_batch(run, [Metric(name, value, now, tally.rows) for name, value in metrics.items()])
        models.tag_version(
            tally.about.version,
            {tag_names.SHADOW: json.dumps(tally.metrics()), tag_names.SHADOW_AGAINST: str(tally.against)},
        )
        if is_last:
            models.client.set_terminated(run)


def _run(models: Registry, tally: Tally) -> str:
    """Return the run of a version and the one that it was compared with, made if it is not there yet."""
    tags = {VERSION: str(tally.about.version), tag_names.SHADOW_AGAINST: str(tally.against)}
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    for run in models.runs(query, EXPERIMENT_SUFFIX):
        return str(run.info.run_id)
    name = f"version {tally.about.version} beside {tally.against}"
    note = f"What {tally.about} answers to the questions that version {tally.against} in Production was asked."
    created = models.client.create_run(
        models.experiment_id(EXPERIMENT_SUFFIX), run_name=name, tags={**tags, "mlflow.note.content": note}
    )
    return str(created.info.run_id)
