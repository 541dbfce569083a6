"""The routes of a worker other than ``POST /invocations``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response
from mlflow.version import VERSION
from starlette.exceptions import HTTPException

from podium.errors import RequestError
from podium.serving import openapi, prometheus
from podium.serving.scoring import JSON

if TYPE_CHECKING:
    from starlette.requests import Request

    from podium.serving.current_model import CurrentModel, ServedModel
    from podium.serving.worker_pipe import WorkerPipe


def create_routes(current: CurrentModel, pipe: WorkerPipe) -> FastAPI:
    """Return the application that answers the routes.

    Parameters
    ----------
    current : CurrentModel
        The model that is served.
    pipe : WorkerPipe
        Knows the status of the server and takes requests to reload.
    """
    app = FastAPI(title=current.name, version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    _add_health(app, current)
    _add_status(app, pipe)
    _add_document(app, current)
    _add_errors(app)
    return app


def _add_health(app: FastAPI, current: CurrentModel) -> None:
    @app.get("/ping", response_class=Response, responses=openapi.error_responses(503))
    @app.get("/health", response_class=Response, responses=openapi.error_responses(503))
    async def health() -> Response:
        """Return 200 if a model is served."""
        if current.served:
            return Response("\n", media_type=JSON)
        refusal = current.unavailable()
        return Response(refusal.as_json(), refusal.status, media_type=JSON)


def _add_status(app: FastAPI, pipe: WorkerPipe) -> None:
    guarded: dict[str, Any] = {"response_class": Response, "responses": openapi.error_responses(401)}

    @app.get("/version", **guarded)
    async def version() -> Response:
        """Return the version of MLflow."""
        return Response(VERSION, media_type=JSON)

    @app.get("/model", **guarded)
    async def model() -> Response:
        """Return the served version and the status of the registry and the workers."""
        return Response(json.dumps(pipe.model_status()), media_type=JSON)

    @app.post("/reload", status_code=202, **guarded)
    async def reload() -> Response:
        """Query the registry now, and retry a version that could not be loaded."""
        pipe.reload()
        return Response(json.dumps(pipe.model_status()), 202, media_type=JSON)

    @app.get("/metrics", **guarded)
    def metrics() -> Response:
        """Return metrics for Prometheus."""
        return Response(prometheus.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_document(app: FastAPI, current: CurrentModel) -> None:
    cached: tuple[ServedModel | None, bytes] | None = None

    @app.get("/openapi.json", include_in_schema=False)
    async def document() -> Response:
        nonlocal cached
        served = current.served
        if cached is None or cached[0] is not served:
            full = openapi.with_model(app.openapi(), served.loaded if served else None)
            cached = (served, json.dumps(full).encode())
        return Response(cached[1], media_type=JSON)


def _add_errors(app: FastAPI) -> None:
    @app.get("/invocations", include_in_schema=False)
    async def wrong_method() -> Response:
        raise HTTPException(405, "Method Not Allowed", {"allow": "POST"})

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:
        message = f"{request.method} {request.url.path}: {error.detail}"
        refusal = RequestError(error.status_code, "ENDPOINT_NOT_FOUND", message)
        return Response(refusal.as_json(), refusal.status, error.headers, media_type=JSON)
