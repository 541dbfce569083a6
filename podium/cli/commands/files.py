"""Check specs and configs, and write the files of a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from podium.cli.context import console, project
from podium.errors import PodiumError

Name = Annotated[
    str, typer.Argument(help="Name of the pipeline; also names the DAG, the models and the config folder.")
]


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Specs, configs or folders. Default: all of the project."),
    ] = None,
    output: Annotated[
        Literal["text", "json", "github"], typer.Option("--format", help="Format of the list of problems.")
    ] = "text",
) -> None:
    """Check specs and configs.

    Exit code 1 if there are problems, 2 if a path is wrong.
    """
    from podium.specs.checks.project import shown_as
    from podium.specs.trial_process import tried_problems_of

    try:
        problems = tried_problems_of(paths or [], project())
    except PodiumError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    if problems or output == "json":
        print(shown_as(problems, output))
    raise typer.Exit(1 if problems else 0)


def schema(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a schema is stale.")] = False,
) -> None:
    """Write the schemas that editors read.

    They are JSON Schemas in the folder schemas/.
    """
    from podium.schema_generation import writing

    where = project()
    stale = writing.stale(where)
    if not check:
        writing.write(stale)
    for file in map(where.shown, stale):
        console.print(f"{file} is stale: run podium schema" if check else f"wrote {file}")
    raise typer.Exit(1 if check and stale else 0)


def init(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the project; created if missing.")] = Path(),
) -> None:
    """Write a new project.

    It trains on iris. Existing files are not changed.
    """
    from podium.cli import project_files

    written, kept = project_files.write(path)
    for file in kept:
        console.print(f"left {file} as it is: it exists already", markup=False)
    for file in written:
        console.print(f"wrote {file}", markup=False)
    if not written:
        console.print("nothing to write")


new = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Write a commented file to start from.")


@new.command("config")
def new_config(
    name: Annotated[str, typer.Argument(help="Name of the config: its file name without the suffix.")],
    estimator: Annotated[str, typer.Option(help="Class name of a scikit-learn classifier.")],
    pipeline: Annotated[
        str | None, typer.Option(help="Name of the pipeline. Default: the project's only pipeline.")
    ] = None,
) -> None:
    """Write a classifier config.

    It has every parameter and its default.
    """
    from podium.cli import starters
    from podium.pipeline.spec import find_outline

    where = project()
    outline = None if pipeline else find_outline(where, None)
    folder = pipeline or (outline.pipeline if outline else "")
    console.print(f"wrote {where.shown(starters.new_config(where, name, estimator, folder))}")


@new.command("pipeline")
def new_pipeline(
    name: Annotated[str, typer.Argument(help="Name of the pipeline, of its models and of its config folder.")],
    data: Annotated[
        str | None, typer.Option(help="File or folder of the rows, or a data set of scikit-learn such as iris.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of the labels in the file.")] = None,
) -> None:
    """Write the spec of a pipeline.

    The pipeline trains configs and promotes the best.
    """
    from podium.cli import starters

    where = project()
    console.print(f"wrote {where.shown(starters.new_pipeline(where, name, data, target))}", markup=False)
