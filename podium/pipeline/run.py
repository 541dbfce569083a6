"""One run of a pipeline in Airflow: show its progress, its leaderboard and the model in Production."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from podium.errors import PodiumError
from podium.pipeline.airflow_api import AirflowAPI, Task, awaits_a_person, counts
from podium.promotion import leaderboard, records
from podium.registry import tag_names
from podium.registry.client import Registry
from podium.stack import commands, disk

if TYPE_CHECKING:
    from rich.console import Console

    from podium.pipeline.spec import Pipeline
    from podium.project import Project


# After this long without a change, a run that waits is looked into: Airflow schedules a task within a second.
STANDSTILL_SECONDS = 5.0


@dataclass(frozen=True)
class Outcome:
    """The result of a run of a pipeline.

    Parameters
    ----------
    state : str
        ``success``, ``failed``, or ``running`` while it awaits approval.
    new : int
        Number of mapped tasks, one for each config that was trained.
    promoted : dict
        Result of the promotion step; empty if it did not finish.
    errors : dict of str to str
        Reason of each failed task, by name.
    """

    state: str
    new: int
    promoted: dict[str, Any]
    errors: dict[str, str]

    @property
    def is_good(self) -> bool:
        """Whether no task has failed."""
        return self.state == "success" or (self.state == "running" and not self.errors)

    def sentence(self) -> str:
        """Return a sentence with the decision of the promotion step and the number of failed tasks."""
        new = "" if self.new else "nothing new; "
        decided = f"{self.promoted['verdict']}: {self.promoted['reason']}" if self.promoted else "nothing was decided"
        failed = f"; {len(self.errors)} failed" if self.errors else ""
        return new + decided + failed


def once(
    project: Project, pipeline: Pipeline, conf: dict[str, Any], console: Console, *, unpause: bool = False
) -> Outcome:
    """Run a pipeline and show its leaderboard and the model in Production; start a stack if none runs.

    A stack that is started here is stopped at the end, after the runs that the pipeline's run has started, such as
    hosting.

    Raises
    ------
    PodiumError
        If the DAG is paused, unless `unpause` says to unpause it.
    """
    with commands.ensure(project, report=console.print) as status:
        models = Registry(pipeline.job.pipeline, status.mlflow_url)
        # Takes 1.6 s, in which this process only waits.
        threading.Thread(target=importlib.import_module, args=("mlflow",), daemon=True).start()
        airflow = AirflowAPI(
            status.airflow_url,
            status.user or "",
            status.password or "",
            obstacle=lambda: disk.shortage(project.home),
            report=lambda reason: console.print(f"waiting: {reason}", markup=False),
        )
        airflow.wait_for_dag(pipeline.dag_id)
        check_not_paused(airflow, pipeline.dag_id, console, unpause=unpause)
        outcome = run(airflow, models, pipeline, conf, console)
        if status.pid == os.getpid():
            for dag_id, run_id in airflow.active_runs():
                if not awaits_a_person(airflow.tasks(dag_id, run_id)):
                    follow(airflow, dag_id, run_id, console)
        rows = leaderboard.leaderboard(models, pipeline.rule, pipeline.job.held_out_digest())
    console.print(leaderboard.table(rows, models.model, pipeline.rule, console.width))
    console.print(outcome.sentence(), markup=False)
    if outcome.promoted.get("verdict") == records.AWAITING:
        where = "start `podium up` first" if status.pid == os.getpid() else f"{status.airflow_url}/required_actions"
        console.print(f"approve or reject it on Airflow's page Required Actions: {where}", markup=False)
    return outcome


def check_not_paused(airflow: AirflowAPI, dag_id: str, console: Console, *, unpause: bool) -> None:
    """Unpause a DAG that is paused.

    Raises
    ------
    PodiumError
        If it must not be unpaused: a run would never start.
    """
    if not airflow.is_paused(dag_id):
        return
    if not unpause:
        words = f"{dag_id} is paused in Airflow, so a run would not start"
        raise PodiumError(f"{words}: add --unpause, or unpause it on {airflow.address(dag_id)}")
    airflow.unpause(dag_id)
    console.print(f"{dag_id}: unpaused")


def run(airflow: AirflowAPI, models: Registry, pipeline: Pipeline, conf: dict[str, Any], console: Console) -> Outcome:
    """Start a pipeline's run and follow it to its end; an interrupt cancels it and closes its MLflow runs."""
    run_id = airflow.trigger(pipeline.dag_id, conf)
    try:
        state, tasks = follow(airflow, pipeline.dag_id, run_id, console)
    except KeyboardInterrupt:
        console.print("stopping the run")
        airflow.cancel(pipeline.dag_id, run_id)
        close_unfinished(models, run_id)
        raise
    return _outcome(airflow, models, pipeline.dag_id, run_id, state, tasks)


def close_unfinished(models: Registry, run_id: str) -> None:
    """Close the MLflow runs that a cancelled run of a pipeline has left open.

    If MLflow has stopped too, the detect step of the next run closes them.
    """
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):
        models.close_unfinished(f"tags.`{tag_names.DAG_RUN}` = '{run_id}'", "its run was cancelled")


def follow(airflow: AirflowAPI, dag_id: str, run_id: str, console: Console) -> tuple[str, list[Task]]:
    """Show a run's progress until it has finished.

    On a terminal this is one live bar, elsewhere a line whenever a count changes. If the run does not move, a line says
    why.

    Returns
    -------
    str
        Final state of the run.
    list of Task
        Its task instances.
    """
    shown = ""
    standstill = Standstill(airflow, dag_id, run_id)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        line = bar.add_task(dag_id, total=None, detail="starting")
        for last_state, last_tasks in airflow.follow(dag_id, run_id):
            state, tasks = last_state, last_tasks
            expanded = [task for task in tasks if task.map_index >= 0]
            count = counts(expanded)
            finished = count["done"] + count["failed"]
            detail = _detail(tasks, expanded)
            bar.update(line, total=len(expanded) or None, completed=finished, detail=detail)
            if not console.is_terminal and detail != shown:
                shown = detail
                console.print(f"{dag_id}: {detail}", highlight=False)
            if obstacle := standstill.obstacle(tasks):
                console.print(f"{dag_id}: {obstacle}", highlight=False, markup=False)
    return state, tasks


class Standstill:
    """Finds out why a run does not move.

    Parameters
    ----------
    airflow : AirflowAPI
        The Airflow of the run.
    dag_id, run_id : str
        The run.
    """

    def __init__(self, airflow: AirflowAPI, dag_id: str, run_id: str) -> None:
        self._airflow, self._dag_id, self._run_id = airflow, dag_id, run_id
        self._last: list[Task] = []
        self._said = ""
        self._due = time.monotonic() + STANDSTILL_SECONDS

    def obstacle(self, tasks: list[Task]) -> str:
        """Return why the run does not move; empty while it moves, while a task runs, and if it was said before."""
        now = time.monotonic()
        if tasks != self._last or any(task.state == "running" for task in tasks):
            self._last, self._due = tasks, now + STANDSTILL_SECONDS
            return ""
        if now < self._due:
            return ""
        self._due = now + STANDSTILL_SECONDS
        found = self._airflow.obstacle(self._dag_id, self._run_id)
        new = found if found != self._said else ""
        self._said = found
        return new


def _detail(tasks: list[Task], expanded: list[Task]) -> str:
    if expanded:
        count = counts(expanded)
        parts = [f"{count[name]} {name}" for name in ("done", "failed", "running", "waiting") if count[name]]
        return ", ".join(parts)
    running = [task.task_id for task in tasks if task.state == "running"]
    return f"{', '.join(running)} running" if running else "starting"


def _outcome(airflow: AirflowAPI, models: Registry, dag_id: str, run_id: str, state: str, tasks: list[Task]) -> Outcome:
    results = {task.task_id: airflow.result(dag_id, run_id, task) for task in tasks if task.map_index < 0}
    promoted = next((r for r in results.values() if isinstance(r, dict) and "verdict" in r), {})
    listed = next((r for r in results.values() if isinstance(r, list)), [])
    invalid = {entry["name"]: entry["error"] for entry in listed if "error" in entry}
    faults = {
        one.data.tags.get(tag_names.CONFIG, ""): one.data.tags[tag_names.ERROR]
        for one in models.runs(f"tags.`{tag_names.DAG_RUN}` = '{run_id}' and attributes.status != 'FINISHED'")
        if tag_names.ERROR in one.data.tags
    }
    known = {**faults, **invalid}
    failed = [task for task in tasks if task.state == "failed"]
    errors = {task.name: known.get(task.name) or _logged_error(airflow, dag_id, run_id, task) for task in failed}
    return Outcome(state, sum(task.map_index >= 0 for task in tasks), promoted, errors)


def _logged_error(airflow: AirflowAPI, dag_id: str, run_id: str, task: Task) -> str:
    said = airflow.last_error(dag_id, run_id, task)
    name = task.name if task.map_index >= 0 else task.task_id
    return f"{name}: {said}" if said else f"{task.task_id} failed: see its log in Airflow"
