"""Run an inference server."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from podium.cli.context import PipelineName, models, need, project
from podium.settings import Settings


def serve(
    pipeline: PipelineName = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 for any free one. Default: the first free one from 8000 on."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 1,
    max_bytes: Annotated[int, typer.Option(min=1, help="Largest size of a request in bytes.")] = 16 * 2**20,
    max_rows: Annotated[int, typer.Option(min=1, help="Largest number of rows in a request.")] = 100_000,
    shadow: Annotated[
        str | None,
        typer.Option(
            metavar="ALIAS",
            help="Also send each request to this version in the background and record how it compares.",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds until a request is answered with 504.")] = 30.0,
) -> None:
    """Serve the model in Production.

    Speaks the protocol of `mlflow models serve`, and follows promotions.
    """
    from podium.pipeline.spec import find_outline

    need("serve", "serve")
    where = project()
    outline = find_outline(where, pipeline)
    if outline:
        name = outline.pipeline
    else:
        with models(pipeline, "serve") as (registry, _rule):
            name = registry.pipeline
    from podium.serving import server
    from podium.serving.settings import Limits, ServerSettings
    from podium.stack import tracking_uri

    given = Settings.from_environment()
    settings = ServerSettings(
        project=where,
        pipeline=name,
        limits=Limits(max_bytes, max_rows, timeout),
        host=host,
        port=port,
        workers=workers,
        token=given.serve_token,
        shadow=shadow,
        tracking_uri=tracking_uri.well_formed(given.tracking_uri),
        database_url=given.database_url,
        protect=outline is not None and outline.protect,
    )
    server.serve(settings, report=functools.partial(print, flush=True))
