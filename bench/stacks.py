"""A stack on a project in a temporary folder, and how long a run in it takes."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from podium.airflow import environment
from podium.pipeline.airflow_api import AirflowAPI
from podium.project import Project
from podium.registry import names, tag_names
from podium.settings import LOCAL_ARTIFACTS
from podium.stack import commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BENCH = Path(__file__).parent
ROOT = BENCH.parent
# The pipeline of the docs: stock executor, and the scheduler's own default where Podium has another.
STOCK = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__SDK__QUEUE_TO_COORDINATOR": "{}",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
}

# What every side runs with, those outside the stack too; threads as the stack shares them between trainings.
QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Running:
    """A running stack."""

    project: Project
    status: commands.Status
    airflow: AirflowAPI

    def run(self, dag_id: str, pipeline: str = "") -> float:
        """Run a DAG and return the seconds from the trigger until Production is decided.

        That is the end of the task ``promote``. For a pipeline of Podium's it is before: the task goes on to draw plots
        and to write a model card.

        Raises
        ------
        RuntimeError
            If the run fails: what did not do the work has no time.
        """
        self.airflow.wait_for_dag(dag_id)
        started = time.time()
        run_id = self.airflow.trigger(dag_id, {})
        for last, _tasks in self.airflow.follow(dag_id, run_id):
            state = last
        if state != "success":
            raise RuntimeError(f"{dag_id} ended {state}: see {self.status.logs}")
        ended = self.airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/promote")["end_date"]
        decided = decided_at(dag_id, pipeline) if pipeline else datetime.fromisoformat(ended).timestamp()
        self.settle()
        return decided - started

    def settle(self) -> None:
        """Wait until nothing runs: what a run has started, such as hosting, is not part of the next figure."""
        while active := self.airflow.active_runs():
            for _ in self.airflow.follow(*active[0]):
                pass


def decided_at(dag_id: str, pipeline: str) -> float:
    """Return when a DAG's newest decision was carried out, in seconds since 1970: its record has scores from then."""
    models = environment.registry(pipeline)
    record = next(models.runs(f"tags.`{tag_names.DAG_ID}` = '{dag_id}'", names.PROMOTIONS)).info.run_id
    return float(models.client.get_metric_history(record, "log_loss")[0].timestamp) / 1000


@contextlib.contextmanager
def running(project: Project, *, watch: bool = False, settings: dict[str, str] | None = None) -> Iterator[Running]:
    """Start a project's stack, with settings of its own, and stop it at the end."""
    kept = dict.fromkeys(("MLFLOW_TRACKING_URI", LOCAL_ARTIFACTS))
    with (
        variables({**kept, **QUIET, **(settings or {})}),
        commands.ensure(project, watch=watch) as status,
    ):
        # What trains outside the stack, in bare Python or Prefect, writes artifacts the same way.
        os.environ[LOCAL_ARTIFACTS] = commands.environment(project)[LOCAL_ARTIFACTS]
        os.environ["MLFLOW_TRACKING_URI"] = status.mlflow_url
        yield Running(project, status, AirflowAPI(status.airflow_url, status.user or "", status.password or ""))


@contextlib.contextmanager
def variables(given: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables of the environment, or take away those that are None, and put all of them back at the end."""
    before = {name: os.environ.get(name) for name in given}
    _set(given)
    try:
        yield
    finally:
        _set(before)


def _set(given: Mapping[str, str | None]) -> None:
    for name, value in given.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def podium_project(folder: Path) -> Project:
    """Make a project with the shipped Iris pipelines and no configs."""
    for name in ("dags", "dag_specs", "schemas", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "churn*.yaml"))
    return Project(folder, folder / ".podium")


def plain_project(folder: Path) -> Project:
    """Make the project that the docs of dag-factory and MLflow lead to."""
    shutil.copytree(BENCH / "plain", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder, folder / ".podium")
