"""The `podium` command: its subcommands, and how errors are shown."""

from __future__ import annotations

import os
import sys

import typer

from podium.cli.commands import data, files, running, serving, stack, versions
from podium.errors import PodiumError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Train every classifier config in a folder, and promote the best model to Production.",
)
for _command in (
    files.init,
    running.run,
    running.plan,
    data.data,
    versions.leaderboard,
    versions.history,
    versions.explain,
    versions.rollback,
    serving.serve,
    stack.up,
    stack.down,
    stack.status,
    files.validate,
    files.schema,
):
    app.command()(_command)
app.add_typer(files.new, name="new")


def main() -> None:
    """Run the command that the arguments name; a :class:`PodiumError` is printed without a traceback."""
    # MLflow prints a link whenever a run ends: right in a task's log, wrong between a command's lines.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # By default its client retries for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        app()
    except PodiumError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
