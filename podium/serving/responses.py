"""HTTP responses of a worker, sent through ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.serving.scoring import JSON

if TYPE_CHECKING:
    from starlette.types import Message, Send

    from podium.serving.current_model import ServedModel


async def send_json(
    send: Send,
    status: int,
    body: bytes,
    served: ServedModel | None,
    extra_headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Send a JSON response whose headers name the served version."""
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode()), *(extra_headers or ())]
    headers += served.headers if served else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def with_model_headers(send: Send, served: ServedModel | None) -> Send:
    """Return a ``send`` that adds the headers that name the served version."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start" and served:
            message["headers"] = [*message["headers"], *served.headers]
        await send(message)

    return send_with_headers
