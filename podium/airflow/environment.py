"""The project and the registry that the environment of a DAG file, a task or a trigger configures."""

from __future__ import annotations

from pathlib import Path

from podium.project import Project, find_project
from podium.registry.client import Registry
from podium.settings import Settings


def project(start: Path | None = None) -> Project:
    """Return the project that ``PODIUM_PROJECT`` names, else the one around a folder or the working directory.

    Raises
    ------
    PodiumError
        If no project is found.
    """
    settings = Settings.from_environment()
    return find_project(settings.project or start or Path.cwd(), settings.home)


def registry(pipeline: str) -> Registry:
    """Return the registry of a pipeline, in the MLflow that ``MLFLOW_TRACKING_URI`` names."""
    settings = Settings.from_environment()
    return Registry(pipeline, settings.tracking_uri, local_artifacts=settings.local_artifacts)
