"""``POST /invocations``: predictions for the rows of a request."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from podium.errors import RequestError
from podium.serving import openapi, prometheus
from podium.serving.request_body import read_body
from podium.serving.responses import send_json

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from podium.serving.current_model import CurrentModel, ServedModel
    from podium.serving.scoring import Predictions
    from podium.serving.settings import Limits
    from podium.serving.shadow_channel import ShadowSender

log = logging.getLogger(__name__)

#: A slower model, or a larger request, predicts in a thread, so that other requests need not wait.
FAST_SECONDS, SMALL_BYTES = 0.02, 64 * 1024
THREADS = 4


class Invocations:
    """ASGI application for ``POST /invocations``.

    Parameters
    ----------
    current : CurrentModel
        The model that is served.
    limits : Limits
        Limits of a request.
    shadow : ShadowSender or None
        Gets each answered request; None if there is no shadow model.
    """

    def __init__(self, current: CurrentModel, limits: Limits, shadow: ShadowSender | None) -> None:
        self._current = current
        self._limits = limits
        self._shadow = shadow
        self._threads = ThreadPoolExecutor(THREADS, "invocation")
        self._counters = {status: prometheus.REQUESTS.labels(str(status)) for status in (200, *openapi.ERRORS)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        served, rows, are_labels = self._current.served, 0, True
        try:
            headers = dict(scope["headers"])
            body = await read_body(headers, receive, self._limits)
            served = self._current.served  # it may have changed while the body arrived
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            prediction_started = time.perf_counter()
            remaining = self._limits.seconds - (prediction_started - started)
            predictions = await self._predict(served, body, content_type, remaining)
            seconds = time.perf_counter() - prediction_started
            status, response, rows, are_labels = 200, predictions.body, predictions.rows, predictions.are_labels
        except RequestError as refusal:
            status, response = refusal.status, refusal.as_json()
        except Exception:
            log.exception("request failed")
            status, response = 500, RequestError(500, "INTERNAL_ERROR", "internal server error").as_json()
        # Count before the response is sent, so that a client that has it finds it counted.
        (self._counters.get(status) or prometheus.REQUESTS.labels(str(status))).inc()
        prometheus.SECONDS.observe(time.perf_counter() - started)
        prometheus.ROWS.inc(rows)
        await send_json(send, status, response, served)
        if status == HTTPStatus.OK and are_labels and self._shadow and served:
            is_sent = self._shadow.send(served.loaded.info.version, body, content_type, response, seconds)
            prometheus.SHADOWED.labels("passed on" if is_sent else "dropped").inc()

    async def _predict(
        self, served: ServedModel | None, body: bytes, content_type: str, remaining: float
    ) -> Predictions:
        if served is None:
            raise self._current.unavailable()
        arguments = (body, content_type, self._limits.rows)
        if served.seconds < FAST_SECONDS and len(body) < SMALL_BYTES:
            # With many models, a thread would take as long as the prediction.
            return served.scorer.predict(*arguments)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(remaining):
                return await loop.run_in_executor(self._threads, served.scorer.predict, *arguments)
        except TimeoutError:
            message = f"the prediction took longer than {self._limits.seconds:g} s"
            raise RequestError(504, "DEADLINE_EXCEEDED", message) from None
