"""HTTP checks of servers: whether they answer, and what.

A slow answer proves nothing on a machine under load, so that only repeated requests decide.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

# Seconds for one request, and for a server that may be under load to answer one at all.
REQUEST_SECONDS = 3.0
ANSWER_SECONDS = 60.0
POLL_SECONDS = 0.5


def answers(url: str) -> bool:
    """Return whether one GET of a URL succeeds within :data:`REQUEST_SECONDS`, for a caller that repeats it."""
    return _get(url) is not None


def get_json(url: str) -> Any:
    """Return the JSON that a GET of a URL returns, None if it does not succeed."""
    try:
        return json.loads(_get(url) or b"null")
    except ValueError:
        return None


def answers_in_time(url: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Return whether a GET of a URL succeeds, with as many tries as fit into a time.

    A refused connection, an unknown host or a status 4xx ends it at once: no slow server would do that.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            status, _ = _request(url, left)
            if status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                return status == http.HTTPStatus.OK
        except (ConnectionRefusedError, socket.gaierror):
            return False
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
    return False


def _get(url: str) -> bytes | None:
    try:
        status, body = _request(url, REQUEST_SECONDS)
    except (OSError, http.client.HTTPException):
        return None
    return body if status == http.HTTPStatus.OK else None


def _request(url: str, seconds: float) -> tuple[int, bytes]:
    """Return the status and body of a GET. The standard library's client saves every start httpx's 0.2 s."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.netloc, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
