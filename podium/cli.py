"""Command line."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from podium.problems import PodiumError
from podium.project import find_project

if TYPE_CHECKING:
    from podium.stack import Status

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
    from podium import run, specs

    project = find_project()
    outcome = run.once(project, specs.pipeline(project, pipeline), {"retry_failed": retry_failed}, console)
    for error in outcome.errors.values():
        print(error, file=sys.stderr)
    raise typer.Exit(0 if outcome.state == "success" else 1)


@app.command()
def plan(
    pipeline: PipelineName = DEFAULT_PIPELINE,
    retry_failed: Annotated[bool, typer.Option(help="Train again what failed by its own fault.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which configs would train and why, and which are skipped; exit 1 if any cannot."""
    from podium import plan, specs, stack

    project = find_project()
    job = specs.pipeline(project, pipeline).job
    with stack.ensure(project) as running:
        os.environ["MLFLOW_TRACKING_URI"] = running.mlflow_url
        items = plan.plan(job, retry_failed=retry_failed)
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
    from podium import leaderboard, registry, specs, stack

    project = find_project()
    spec = specs.pipeline(project, pipeline)
    with stack.ensure(project) as running:
        os.environ["MLFLOW_TRACKING_URI"] = running.mlflow_url
        rows = leaderboard.leaderboard(registry.Registry(spec.job.pipeline), spec.rule)
    if as_json:
        print(json.dumps(rows))
    else:
        console.print(leaderboard.table(rows, f"{spec.job.pipeline}-classifier", spec.rule, console.width))


@app.command()
def up() -> None:
    """Run Airflow and MLflow on this machine until Ctrl-C or `podium down`."""
    from podium import stack

    def when_up(status: Status, new: bool) -> None:
        console.print("" if new else f"already running (pid {status.pid})")
        _print_status(status)
        if new:
            console.print("Ctrl-C or `podium down` stops it.")

    stack.up(find_project(), report=console.print, when_up=when_up)


@app.command()
def down() -> None:
    """Stop what `podium up` runs."""
    from podium import stack

    console.print("stopped" if stack.down(find_project()) else "nothing runs")


@app.command()
def status(
    as_json: AsJson = False,
) -> None:
    """Say what runs, and where; exit 1 when nothing does."""
    from podium import stack

    found = stack.running(find_project())
    if as_json:
        print(json.dumps(found.as_json() if found else {}))
    elif found:
        _print_status(found)
    else:
        console.print("nothing runs; `podium up` starts it")
    raise typer.Exit(0 if found else 1)


def _print_status(status: Status) -> None:
    login = f"  (user {status.user}, password {status.password})" if status.user else ""
    console.print(f"Airflow  {status.airflow_url}{login}", markup=False)
    console.print(f"MLflow   {status.mlflow_url}")
    console.print(f"Logs     {status.logs}")
