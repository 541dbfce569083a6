"""Command line."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from podium.errors import PodiumError
from podium.project import Project, find_project
from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podium.promotion.rules import Rule
    from podium.registry.client import Registry
    from podium.stack.commands import Status


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Drop a classifier config into a folder, and the best model is in Production.",
)
# Plain lines where there is no terminal; `soft_wrap` keeps a URL or a path in one piece.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


def main() -> None:
    """Run the command that the arguments name; what the user can mend is one message, without a traceback."""
    # MLflow prints a link whenever a run ends, which belongs into a task's log and not between a command's lines.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # Its client tries seven times, for minutes, and a person at a terminal would rather know.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        app()
    except PodiumError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="A DAG id from dag_specs/.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
DEFAULT_PIPELINE = "iris_train"


@app.command()
def run(
    pipeline: PipelineName = DEFAULT_PIPELINE,
    retry_failed: Annotated[bool, typer.Option(help="Train again what failed by its own fault.")] = False,
) -> None:
    """Run a pipeline once and show what is in Production; exit 1 if any config failed."""
    from podium.pipeline import run
    from podium.pipeline.spec import read_pipeline

    project = _project()
    outcome = run.once(project, read_pipeline(project, pipeline), {"retry_failed": retry_failed}, console)
    for error in outcome.errors.values():
        print(error, file=sys.stderr)
    raise typer.Exit(0 if outcome.is_good else 1)


@app.command()
def plan(
    pipeline: PipelineName = DEFAULT_PIPELINE,
    retry_failed: Annotated[bool, typer.Option(help="Train again what failed by its own fault.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which configs would train and why, and which are skipped; exit 1 if any cannot."""
    from podium.pipeline.spec import read_pipeline
    from podium.registry.client import Registry
    from podium.stack import commands
    from podium.training import plan

    project = _project()
    job = read_pipeline(project, pipeline).job
    with commands.tracking(project) as uri:
        items = plan.plan(Registry(job.pipeline, uri), job, retry_failed=retry_failed)
    if as_json:
        print(json.dumps([{"config": i.name, "action": i.action, "reason": i.reason} for i in items]))
    else:
        for item in items:
            console.print(item.line(), markup=False)
        if not items:
            console.print(f"no configs in {job.shown_folder}")
    raise typer.Exit(1 if any(item.action in {"invalid", "failed"} for item in items) else 0)


@app.command()
def leaderboard(pipeline: PipelineName = DEFAULT_PIPELINE, as_json: AsJson = False) -> None:
    """Show every version with its metrics, best first, and which one is in Production."""
    from podium.promotion import leaderboard

    with _models(pipeline) as (models, rule):
        rows = leaderboard.leaderboard(models, rule)
    if as_json:
        print(json.dumps(rows))
    else:
        console.print(leaderboard.table(rows, models.model, rule, console.width))


@app.command()
def history(pipeline: PipelineName = DEFAULT_PIPELINE, as_json: AsJson = False) -> None:
    """Show every decision about Production, newest first: what, when, by whom and why."""
    from podium.promotion import history

    with _models(pipeline) as (models, _rule):
        found = history.entries(models)
    if as_json:
        print(json.dumps([entry.as_json() for entry in found]))
    else:
        console.print(history.table(found, models.model))


@app.command()
def explain(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of a model version.")],
    pipeline: PipelineName = DEFAULT_PIPELINE,
    as_json: AsJson = False,
) -> None:
    """Say what a version is, and why it is or is not in Production."""
    from podium.promotion import history

    with _models(pipeline) as (models, rule):
        sentences = history.explain(models, version, rule)
    if as_json:
        print(json.dumps(sentences))
    else:
        for sentence in sentences:
            console.print(sentence, markup=False)


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")],
    pipeline: PipelineName = DEFAULT_PIPELINE,
    to: Annotated[int | None, typer.Option(metavar="VERSION", help="The champion before when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put the champion before back into Production; the version it replaces is not promoted again by itself."""
    from podium.promotion import history

    with _models(pipeline) as (models, _rule):
        entry = history.rollback(models, to, reason)
    console.print(json.dumps(entry.as_json()) if as_json else f"{entry.verdict}: {entry.reason}", markup=False)


def _project() -> Project:
    settings = Settings.from_environment()
    return find_project(settings.project or Path.cwd(), settings.home)


@contextlib.contextmanager
def _models(pipeline: str) -> Iterator[tuple[Registry, Rule]]:
    """Give a pipeline's registry and its rule, from the stack that runs or from the database alone."""
    from podium.pipeline.spec import read_pipeline
    from podium.registry.client import Registry
    from podium.stack import commands

    project = _project()
    spec = read_pipeline(project, pipeline)
    with commands.tracking(project) as uri:
        yield Registry(spec.job.pipeline, uri), spec.rule


@app.command()
def serve(
    pipeline: PipelineName = DEFAULT_PIPELINE,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The first free one from 8000 on when left out; 0 for any.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    max_bytes: Annotated[int, typer.Option(min=1, help="Bytes that a request may have.")] = 16 * 2**20,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows that a request may have.")] = 100_000,
    shadow: Annotated[
        str | None, typer.Option(metavar="ALIAS", help="Ask this version too, off the request's path, and record it.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds that an answer may take.")] = 30.0,
) -> None:
    """Answer requests with what is in Production, as `mlflow models serve` does, and follow it when it changes."""
    from podium.pipeline.spec import read_pipeline
    from podium.serving import server
    from podium.serving.settings import Limits, ServerSettings

    project = _project()
    given = Settings.from_environment()
    settings = ServerSettings(
        project=project,
        pipeline=read_pipeline(project, pipeline).job.pipeline,
        limits=Limits(max_bytes, max_rows, timeout),
        host=host,
        port=port,
        workers=workers,
        token=given.serve_token,
        shadow=shadow,
        tracking_uri=given.tracking_uri,
        database_url=given.database_url,
    )
    server.serve(settings, report=functools.partial(print, flush=True))


@app.command()
def up() -> None:
    """Run Airflow, MLflow and an inference server on this machine until Ctrl-C or `podium down`."""
    from podium.stack import commands

    def when_up(status: Status, new: bool) -> None:
        console.print("" if new else f"already running (pid {status.pid})")
        _print_status(status)
        if new:
            console.print("Ctrl-C or `podium down` stops it.")

    commands.up(_project(), report=console.print, when_up=when_up)


@app.command()
def down() -> None:
    """Stop what `podium up` runs."""
    from podium.stack import commands

    console.print("stopped" if commands.down(_project()) else "nothing runs")


@app.command()
def status(
    as_json: AsJson = False,
) -> None:
    """Say what runs, and where; exit 1 when nothing does."""
    from podium.stack import commands

    found = commands.running(_project())
    if as_json:
        print(json.dumps(found.as_json() if found else {}))
    elif found:
        _print_status(found)
    else:
        console.print("nothing runs; `podium up` starts it")
    raise typer.Exit(0 if found else 1)


@app.command()
def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Specs, configs or folders; all when left out.")
    ] = None,
    output: Annotated[
        Literal["text", "json", "github"], typer.Option("--format", help="For people, programs or annotations.")
    ] = "text",
) -> None:
    """Check specs and configs before anything runs; exit 1 if there are mistakes, 2 if a path is wrong."""
    from podium.specs.checks.project import problems_of, shown_as

    try:
        problems = problems_of(paths or [], _project())
    except PodiumError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    if problems or output == "json":
        print(shown_as(problems, output))
    raise typer.Exit(1 if problems else 0)


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a schema is stale.")] = False,
) -> None:
    """Regenerate the JSON Schemas that editors read."""
    from podium.schema_generation import writing

    project = _project()
    stale = writing.stale(project)
    if not check:
        writing.write(stale)
    for file in map(project.shown, stale):
        console.print(f"{file} is stale: run podium schema" if check else f"wrote {file}")
    raise typer.Exit(1 if check and stale else 0)


new_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Write a commented file to start from.")
app.add_typer(new_app, name="new")


@new_app.command("config")
def new_config(
    name: Annotated[str, typer.Argument(help="The file's name without its suffix, which names the model.")],
    estimator: Annotated[str, typer.Option(help="A classifier of scikit-learn by its class name.")],
    pipeline: Annotated[str, typer.Option(help="Whose folder in config/ it goes into.")] = "iris",
) -> None:
    """Write a classifier config with every parameter and its default."""
    from podium.cli import starters

    project = _project()
    console.print(f"wrote {project.shown(starters.new_config(project, name, estimator, pipeline))}")


@new_app.command("pipeline")
def new_pipeline(
    name: Annotated[str, typer.Argument(help="Names the DAG, the models and the folder in config/.")],
) -> None:
    """Write the spec of a pipeline that trains configs and promotes the best."""
    from podium.cli import starters

    project = _project()
    console.print(f"wrote {project.shown(starters.new_pipeline(project, name))}")


def _print_status(status: Status) -> None:
    login = f"  (user {status.user}, password {status.password})" if status.user else ""
    console.print(f"Airflow  {status.airflow_url}{login}", markup=False)
    console.print(f"MLflow   {status.mlflow_url}")
    if status.serve_url:
        console.print(f"Serve    {status.serve_url}")
    console.print(f"Logs     {status.logs}")
