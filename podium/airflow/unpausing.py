"""Airflow parses the file of a DAG that is unpaused at once, and with it starts the DAG's triggers.

Otherwise that takes until the file is next parsed, 30 s by default.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Message, Receive, Send], Awaitable[None]]

_DAG = re.compile(r".*/api/v2/dags(?:/(?P<dag_id>[^/]+))?")


class ParseUnpaused:
    """ASGI middleware of Airflow's API server that requests the parsing of DAGs that have been unpaused.

    Parameters
    ----------
    app : callable
        The application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle a request."""
        match = _DAG.fullmatch(scope.get("path", "")) if scope.get("method") == "PATCH" else None
        if match is None:
            await self._app(scope, receive, send)
            return
        answers: list[int] = []

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])
            await send(message)

        await self._app(scope, receive, observed)
        if answers == [HTTPStatus.OK]:
            await asyncio.to_thread(request_parsing, unquote(match["dag_id"] or ""))


def request_parsing(dag_id: str) -> None:
    """Request that Airflow parses the file of a DAG, unless it is paused; of all DAGs if the id is empty."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbag import DagPriorityParsingRequest
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError

    files = select(DagModel.bundle_name, DagModel.relative_fileloc).where(~DagModel.is_paused, ~DagModel.is_stale)
    if dag_id:
        files = files.where(DagModel.dag_id == dag_id)
    with create_session(scoped=False) as session:
        found = session.execute(files.distinct()).all()
    for bundle, file in found:
        with contextlib.suppress(IntegrityError), create_session(scoped=False) as session:  # it is requested already
            session.add(DagPriorityParsingRequest(bundle, file))
