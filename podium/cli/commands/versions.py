"""Show the versions of a pipeline and the decisions about them, or restore an earlier champion."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from podium.cli.context import AsJson, PipelineName, console, held_out_digest, models


def leaderboard(pipeline: PipelineName = None, as_json: AsJson = False) -> None:
    """Show every version, best first.

    With its metrics, and which one is in Production.
    """
    from podium.promotion import leaderboard

    with models(pipeline, "leaderboard") as (registry, rule):
        rows = leaderboard.leaderboard(registry, rule, held_out_digest(pipeline))
    if as_json:
        print(json.dumps(rows))
    else:
        console.print(leaderboard.table(rows, registry.model, rule, console.width))


def history(pipeline: PipelineName = None, as_json: AsJson = False) -> None:
    """Show every decision about Production.

    Newest first: date, verdict, versions, author and reason.
    """
    from podium.promotion import history

    with models(pipeline, "history") as (registry, _rule):
        found = history.entries(registry)
    if as_json:
        print(json.dumps([entry.as_json() for entry in found]))
    else:
        console.print(history.table(found, registry.model))


def explain(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of a model version.")],
    pipeline: PipelineName = None,
    as_json: AsJson = False,
) -> None:
    """Explain a version.

    What made it, and why it is or is not in Production.
    """
    from podium.promotion import history

    with models(pipeline, "explain") as (registry, rule):
        sentences = history.explain(registry, version, rule)
    if as_json:
        print(json.dumps(sentences))
    else:
        for sentence in sentences:
            console.print(sentence, markup=False)


def rollback(
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Reason, which is recorded with the decision.")],
    pipeline: PipelineName = None,
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Version to restore. Default: the previous champion.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore an earlier champion.

    The version that it replaces is not promoted again automatically.
    """
    from podium.promotion import history

    with models(pipeline, "rollback") as (registry, _rule):
        entry = history.rollback(registry, to, reason)
    console.print(json.dumps(entry.as_json()) if as_json else f"{entry.verdict}: {entry.reason}", markup=False)
