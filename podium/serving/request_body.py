"""Reads the body of a request within the limits of size and time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from podium.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive

    from podium.serving.settings import Limits


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limits: Limits) -> bytes:
    """Read the body of a request, and never more of it than allowed.

    Raises
    ------
    RequestError
        413 if the body is too large, 408 if it does not arrive in time, 400 if the client closes the connection.
    """
    too_large = RequestError(413, "RESOURCE_EXHAUSTED", f"the body exceeds the limit of {limits.body:,} bytes")
    if int(headers.get(b"content-length", b"0")) > limits.body:
        raise too_large
    message = await _receive(receive, time.monotonic() + limits.seconds)
    if not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limits.body:
            raise too_large
        return body
    parts, size, deadline = [message["body"]], len(message["body"]), time.monotonic() + limits.seconds
    while message.get("more_body"):
        message = await _receive(receive, deadline)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limits.body:
            raise too_large
    return b"".join(parts)


async def _receive(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            message = await receive()
    except TimeoutError:
        raise RequestError(408, "DEADLINE_EXCEEDED", "the body did not arrive in time") from None
    if message["type"] == "http.disconnect":
        raise RequestError(400, "CANCELLED", "the connection was closed before the whole body arrived")
    return message
