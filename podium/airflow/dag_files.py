"""Functions for a project's DAG files: specs become DAGs, and mistakes in specs become import errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from podium.airflow.environment import project
from podium.errors import InvalidFileError
from podium.specs import dags

if TYPE_CHECKING:
    from airflow.sdk import DAG


def load_dags(file: str) -> dict[str, DAG]:
    """Build the DAGs of the specs in ``dag_specs``, for the global names of a DAG file.

    Specs with mistakes are left out, so that the others stay in service.

    Parameters
    ----------
    file : str
        The DAG file, ``__file__``. Its project is the nearest folder upwards that contains ``dag_specs``.

    Returns
    -------
    dict of str to airflow.sdk.DAG
        By DAG id. In a task's process, only the DAG of that task.
    """
    return dags.load_dags(project(Path(file).parent), get_parsing_context().dag_id)


def report_problems(file: str) -> None:
    """Raise the mistakes in the specs of ``dag_specs``, which Airflow shows as an import error of the DAG file.

    Airflow takes every DAG of a file with an import error out of service, so this is for a file without DAGs.

    Parameters
    ----------
    file : str
        As for :func:`load_dags`.

    Raises
    ------
    InvalidFileError
        If there are mistakes.
    """
    if problems := dags.spec_problems(project(Path(file).parent)):
        raise InvalidFileError(problems)
