"""A load of requests over HTTP, from one process that takes little of the machine: it shares it with the server."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 30


@dataclass
class Load:
    """What came of a load.

    Parameters
    ----------
    seconds : list of float
        Each answer's time.
    statuses : dict of str to int
        How many answers had which status; ``closed`` counts connections that ended without an answer.
    wall : float
        How long it all took.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    wall: float = 0.0
    times: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return len(self.seconds) / self.wall

    def percentile(self, share: float) -> float:
        """Return the time, in milliseconds, that this share of the answers took at most."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class _Connection(asyncio.Protocol):
    """Sends the same request again as soon as the last one was answered, until the time is over."""

    def __init__(self, request: bytes, load: Load, until: float) -> None:
        self._request, self._load, self._until = request, load, until
        self._received = bytearray()
        self._length = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._send()

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._length:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            headers = bytes(self._received[:end]).lower()
            after = headers.split(b"content-length:", 1)[1]
            self._length = end + 4 + int(after.split(b"\r\n", 1)[0])
        if len(self._received) < self._length:
            return
        now = time.perf_counter()
        self._load.seconds.append(now - self._started)
        self._load.times.append(now)
        status = self._received[9:12].decode()
        self._load.statuses[status] = self._load.statuses.get(status, 0) + 1
        self._received.clear()
        self._length = 0
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or time.perf_counter() < self._until:
            self._load.statuses["closed"] = self._load.statuses.get("closed", 0) + 1
        if not self.ended.done():
            self.ended.set_result(None)


async def load(url: str, body: bytes, connections: int, seconds: float) -> Load:
    """Ask a server the same question over so many connections, each waiting for its answer, for so long."""
    parts = urlsplit(url)
    head = f"POST /invocations HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    found, started = Load(), time.perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(request, found, started + seconds), parts.hostname, parts.port)
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(protocol.ended for _, protocol in opened))
    found.wall = time.perf_counter() - started
    return found
