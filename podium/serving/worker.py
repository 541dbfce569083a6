"""A worker of the inference server: its routes, its limits, and the model that answers."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException

from podium.errors import RequestError, cause
from podium.serving import openapi, prometheus
from podium.serving.messages import Failed, Opened
from podium.serving.scoring import JSON, Answer, Scorer

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from podium.serving.model import Champion
    from podium.serving.settings import Limits
    from podium.serving.shadow import Passage
from podium.serving.messages import Reload, Took

log = logging.getLogger(__name__)

OPEN_PATHS = ("/ping", "/health")
#: A request that takes so long, or has so many bytes, is answered in a thread, so that others need not wait for it.
QUICK_SECONDS, QUICK_BYTES = 0.02, 64 * 1024
THREADS = 4
#: How long a connection may be idle.
KEEP_ALIVE_SECONDS = 60
#: How long a thread may hold the interpreter while another waits for it. Python's own 5 ms are felt during a swap.
SWITCH_SECONDS = 0.001


#: What ``/model`` shows until the main process says more.
UNKNOWN: Mapping[str, Any] = {
    "production": None,
    "failed": None,
    "loading": None,
    "registry": {"uri": None, "reachable": False, "error": "it has not been asked yet"},
    "mlflow": None,
    "workers": [],
}


@dataclass(frozen=True)
class Serving:
    """A model that answers requests.

    Parameters
    ----------
    champion : Champion
        The model.
    seconds : float
        What it takes to answer its input example.
    since : str
        Since when it answers, ISO 8601.
    """

    champion: Champion
    seconds: float
    since: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    @cached_property
    def scorer(self) -> Scorer:
        """What answers."""
        return Scorer(self.champion.served)

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer says of the model."""
        about = self.champion.about
        return [
            (b"x-podium-model", quote(about.model).encode()),
            (b"x-podium-model-version", str(about.version).encode()),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what ``GET /model`` says of it."""
        about, signature = self.champion.about, self.champion.served.metadata.signature
        return {
            "version": about.version,
            "config": about.config,
            "estimator": about.estimator,
            "run_id": about.run_id,
            "since": self.since,
            "metrics": dict(about.metrics),
            "signature": {
                part: json.loads(text) if text else None for part, text in (signature.to_dict() or {}).items()
            },
            "is_copy": self.champion.is_copy,
        }


class Worker:
    """One process's ASGI application.

    Parameters
    ----------
    model : str
        Name of the registered model.
    limits : Limits
        What a request may ask for.
    token : str or None
        What a request has to bear; None when anybody may ask.
    passage : Passage or None
        Where to pass on what was answered; None where nobody shadows.
    pipe : multiprocessing.connection.Connection
        To the server's main process. It sends :class:`~podium.serving.messages.Opened` and the state that ``/model``
        shows, and receives :class:`Took`, :class:`~podium.serving.messages.Failed` and :class:`Reload`.
    """

    def __init__(
        self, model: str, limits: Limits, token: str | None, pipe: Connection, passage: Passage | None = None
    ) -> None:
        self.serving: Serving | None = None
        self._state: Mapping[str, Any] = UNKNOWN
        self._model = model
        self.limits = limits
        self._token = f"Bearer {token}".encode() if token else None
        self._pipe = pipe
        self._passage = passage
        self._telling = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, "invocation")
        self._routes = self._other_routes()
        self._document: tuple[Serving | None, bytes] | None = None
        self._counted = {status: prometheus.REQUESTS.labels(str(status)) for status in (200, *openapi.REFUSALS)}

    def listen(self) -> None:
        """Take what the main process sends, until it is gone."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                message = self._pipe.recv()
                if isinstance(message, Opened):
                    self.take(message)
                else:
                    self._state = message

    def take(self, opened: Opened) -> None:
        """Answer with another model from now on, after it has answered here what it will be asked first."""
        try:
            champion: Champion = pickle.loads(opened.pickled)  # noqa: S301 - from the main process of this server
            serving = Serving(champion, champion.ask())
            serving.scorer, serving.headers  # noqa: B018 - made before the first request needs them
        except Exception as error:  # noqa: BLE001 - the one before goes on answering
            self._tell(Failed(opened.about.version, cause(error)))
            return
        self.serving = serving
        prometheus.VERSION.labels(self._model).set(opened.about.version)
        self._tell(Took(opened.about.version))

    def _tell(self, message: Any) -> None:
        with self._telling:
            self._pipe.send(message)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if self._token and scope["path"] not in OPEN_PATHS and not self._is_allowed(scope):
            refusal = RequestError(401, "UNAUTHENTICATED", "'Authorization: Bearer TOKEN' is missing or wrong")
            await self._send(send, refusal.status, refusal.as_json(), self.serving, [(b"www-authenticate", b"Bearer")])
        elif scope["path"] == "/invocations" and scope["method"] == "POST":
            # Past FastAPI's own routing and what it wraps around it.
            await self._invoke(scope, receive, send)
        else:
            await self._routes(scope, receive, self._naming(send))

    def _is_allowed(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._token or b"")

    async def _invoke(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        serving, rows = self.serving, 0
        try:
            headers = dict(scope["headers"])
            body = await self._body(headers, receive)
            serving = self.serving  # the one that answers, while all of the body arrived
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            left = self.limits.seconds - (time.perf_counter() - started)
            asked = time.perf_counter()
            answer = await self._answer(serving, body, content_type, left)
            took = time.perf_counter() - asked
            status, text, rows = 200, answer.body, answer.rows
        except RequestError as refusal:
            status, text = refusal.status, refusal.as_json()
        except Exception:
            log.exception("a request could not be answered")
            status, text = 500, RequestError(500, "INTERNAL_ERROR", "the server has failed to answer").as_json()
        # Before the answer, so that whoever has it finds it counted.
        (self._counted.get(status) or prometheus.REQUESTS.labels(str(status))).inc()
        prometheus.SECONDS.observe(time.perf_counter() - started)
        prometheus.ROWS.inc(rows)
        await self._send(send, status, text, serving)
        if status == HTTPStatus.OK and self._passage and serving:
            is_passed = self._passage.pass_on(serving.champion.about.version, body, content_type, text, took)
            prometheus.SHADOWED.labels("passed on" if is_passed else "dropped").inc()

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read the body, and no more of it than is taken."""
        most = self.limits.body
        too_long = RequestError(413, "RESOURCE_EXHAUSTED", f"the body has more than {most:,} bytes, the limit")
        if int(headers.get(b"content-length", b"0")) > most:
            raise too_long
        message = await self._received(receive, time.monotonic() + self.limits.seconds)
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > most:
                raise too_long
            return body
        parts, size, deadline = [message["body"]], len(message["body"]), time.monotonic() + self.limits.seconds
        while message.get("more_body"):
            message = await self._received(receive, deadline)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise too_long
        return b"".join(parts)

    async def _received(self, receive: Receive, deadline: float) -> Message:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise RequestError(408, "DEADLINE_EXCEEDED", "the body did not arrive in time") from None
        if message["type"] == "http.disconnect":
            raise RequestError(400, "CANCELLED", "the connection was closed before all of the body had arrived")
        return message

    async def _answer(self, serving: Serving | None, body: bytes, content_type: str, left: float) -> Answer:
        if serving is None:
            raise self._nothing()
        arguments = (body, content_type, self.limits.rows)
        if serving.seconds < QUICK_SECONDS and len(body) < QUICK_BYTES:
            # A thread would take as long again as many a model.
            return serving.scorer.answer(*arguments)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(left):
                return await loop.run_in_executor(self._threads, serving.scorer.answer, *arguments)
        except TimeoutError:
            message = f"the answer took longer than {self.limits.seconds:g} s"
            raise RequestError(504, "DEADLINE_EXCEEDED", message) from None

    @staticmethod
    async def _send(
        send: Send, status: int, body: bytes, serving: Serving | None, more: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode()), *(more or ())]
        headers += serving.headers if serving else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _naming(self, send: Send) -> Send:
        """Return a ``send`` that adds to every answer which model is there."""
        serving = self.serving

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start" and serving:
                message["headers"] = [*message["headers"], *serving.headers]
            await send(message)

        return named

    def _nothing(self) -> RequestError:
        return RequestError(503, "TEMPORARILY_UNAVAILABLE", f"nothing is in Production of {self._model} yet")

    def _other_routes(self) -> ASGIApp:  # noqa: C901 (ten routes, of a line or two each)
        from mlflow.version import VERSION

        app = FastAPI(title=self._model, version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
        as_json: dict[str, Any] = {"response_class": Response}
        guarded: dict[str, Any] = {**as_json, "responses": openapi.refusals(401)}

        @app.get("/ping", **as_json, responses=openapi.refusals(503))
        @app.get("/health", **as_json, responses=openapi.refusals(503))
        async def health() -> Response:
            """Tell whether there is a model that answers."""
            if self.serving:
                return Response("\n", media_type=JSON)
            refusal = self._nothing()
            return Response(refusal.as_json(), refusal.status, media_type=JSON)

        @app.get("/version", **guarded)
        async def version() -> Response:
            """Tell MLflow's release."""
            return Response(VERSION, media_type=JSON)

        @app.get("/model", **guarded)
        async def model() -> Response:
            """Tell which version answers, what is known of it, and how the registry and the workers are."""
            return Response(json.dumps(self._about()), media_type=JSON)

        @app.post("/reload", status_code=202, **guarded)
        async def reload() -> Response:
            """Look at the registry at once, and try again a version that could not be loaded."""
            self._tell(Reload())
            return Response(json.dumps(self._about()), 202, media_type=JSON)

        @app.get("/metrics", **guarded)
        def metrics() -> Response:
            """Give figures to Prometheus."""
            return Response(prometheus.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

        @app.get("/openapi.json", include_in_schema=False)
        async def document() -> Response:
            if self._document is None or self._document[0] is not self.serving:
                serving = self.serving
                made = openapi.with_model(app.openapi(), serving.champion if serving else None)
                self._document = (serving, json.dumps(made).encode())
            return Response(self._document[1], media_type=JSON)

        @app.get("/invocations", include_in_schema=False)
        async def wrong_method() -> Response:
            raise HTTPException(405, "Method Not Allowed", {"allow": "POST"})

        @app.exception_handler(HTTPException)
        async def refused(request: Request, error: HTTPException) -> Response:
            message = f"{request.method} {request.url.path}: {error.detail}"
            refusal = RequestError(error.status_code, "ENDPOINT_NOT_FOUND", message)
            return Response(refusal.as_json(), refusal.status, error.headers, media_type=JSON)

        return app

    def _about(self) -> dict[str, Any]:
        nothing = dict.fromkeys(("version", "config", "estimator", "run_id", "since", "signature"))
        found = self.serving.as_json() if self.serving else {**nothing, "metrics": {}, "is_copy": False}
        return {"name": self._model, **found, **self._state, "pid": os.getpid()}


def work(worker: Worker, listener: socket.socket) -> None:
    """Be a worker's process: answer on a socket until the main process tells or is gone, and finish what has begun."""
    import uvicorn

    sys.setswitchinterval(SWITCH_SECONDS)
    server = uvicorn.Server(
        uvicorn.Config(
            worker,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(worker.limits.seconds) + 1,
        )
    )

    def listen() -> None:
        worker.listen()
        server.should_exit = True

    threading.Thread(target=listen, daemon=True).start()
    server.run(sockets=[listener])
