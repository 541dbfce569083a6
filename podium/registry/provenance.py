"""The provenance of a run: the git commit and the Airflow task."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from podium.registry import tag_names

if TYPE_CHECKING:
    from pathlib import Path


def git_commit(root: Path) -> str:
    """Return the current commit of a checkout; an empty string outside git."""
    try:
        found = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()


def task_tags() -> dict[str, str]:
    """Return tags that identify the current Airflow task; empty outside a task."""
    if "airflow.sdk" not in sys.modules:  # the import takes 0.3 s, and a task has done it
        return {}
    from airflow.sdk import get_current_context

    try:
        instance: Any = get_current_context()["ti"]
    except RuntimeError:
        return {}
    return {
        tag_names.DAG_ID: instance.dag_id,
        tag_names.DAG_RUN: instance.run_id,
        tag_names.TRY: str(instance.try_number),
        tag_names.AIRFLOW_TASK: instance.log_url,
    }


def store_failed_run(run_id: str) -> None:
    """Store the run of a failed training with its Airflow task, so that Airflow links to it; only inside a task."""
    if "airflow.sdk" not in sys.modules:
        return
    from airflow.sdk import get_current_context

    with contextlib.suppress(RuntimeError):
        get_current_context()["ti"].xcom_push(tag_names.FAILED_RUN, run_id)
