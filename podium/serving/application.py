"""The ASGI application of a worker: checks the token and dispatches each request."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from podium.errors import RequestError
from podium.serving.responses import send_json, with_model_headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from podium.serving.current_model import CurrentModel

#: Routes that do not require the token.
OPEN_PATHS = ("/ping", "/health")


class Application:
    """The ASGI application of a worker.

    Parameters
    ----------
    current : CurrentModel
        The model that is served.
    invocations : ASGI application
        Answers ``POST /invocations``.
    routes : ASGI application
        Answers all other routes.
    token : str or None
        Bearer token that requests must send; None for no authentication.
    """

    def __init__(self, current: CurrentModel, invocations: ASGIApp, routes: ASGIApp, token: str | None) -> None:
        self._current = current
        self._invocations = invocations
        self._routes = routes
        self._authorization = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] not in OPEN_PATHS and not self._is_authorized(scope):
            refusal = RequestError(401, "UNAUTHENTICATED", "'Authorization: Bearer TOKEN' is missing or wrong")
            headers = [(b"www-authenticate", b"Bearer")]
            await send_json(send, refusal.status, refusal.as_json(), self._current.served, headers)
        elif scope["path"] == "/invocations" and scope["method"] == "POST":
            # FastAPI's routing would cost time on the one route that must be fast.
            await self._invocations(scope, receive, send)
        else:
            await self._routes(scope, receive, with_model_headers(send, self._current.served))

    def _is_authorized(self, scope: Scope) -> bool:
        if self._authorization is None:
            return True
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._authorization)
