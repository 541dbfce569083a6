"""Start and stop the local stack, or show whether it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from podium.cli.context import AsJson, console, need, need_stack, project

if TYPE_CHECKING:
    from podium.stack.commands import Status


def up() -> None:
    """Run Airflow and MLflow until Ctrl-C.

    Also an inference server, if a spec deploys to it. `podium down` stops them too.
    """
    from podium.specs.files import served
    from podium.stack import commands

    where = project()
    need_stack("up")
    if served(where):
        need("serve", "up")

    def when_up(status: Status, new: bool) -> None:
        console.print("" if new else f"already running (pid {status.pid})")
        _print_status(status)
        if new:
            console.print("Press Ctrl-C or run `podium down` to stop it.")

    commands.up(where, report=console.print, when_up=when_up)


def down() -> None:
    """Stop what `podium up` started."""
    from podium.stack import commands

    console.print("stopped" if commands.down(project()) else "nothing is running")


def status(as_json: AsJson = False) -> None:
    """Show what is running, and where.

    Exit code 1 if nothing is running.
    """
    from podium.stack import commands

    found = commands.running(project())
    if as_json:
        print(json.dumps(found.as_json() if found else {}))
    elif found:
        _print_status(found)
    else:
        console.print("nothing is running; `podium up` starts it")
    raise typer.Exit(0 if found else 1)


def _print_status(status: Status) -> None:
    login = f"  (user {status.user}, password {status.password})" if status.user else ""
    console.print(f"Airflow  {status.airflow_url}{login}", markup=False)
    console.print(f"MLflow   {status.mlflow_url}")
    if status.serve_url:
        console.print(f"Serve    {status.serve_url}")
    console.print(f"Logs     {status.logs}")
