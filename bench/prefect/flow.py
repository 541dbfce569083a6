"""The same trainings as a Prefect 3 flow: ``python -m bench.prefect.flow PROJECT PIPELINE...``.

A task per config on Prefect's thread runner, and a task that promotes; they call what :mod:`bench.bare` calls. The
first pipeline is trained cold, the others warm; the seconds of each go to standard output.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from bench import bare
from podium.airflow import environment
from podium.configs import catalogue
from podium.promotion import decisions
from podium.promotion.rules import Rule
from podium.training import plan

if TYPE_CHECKING:
    from podium.training.job import Job

THREADS = 4


@task
def detect(work: Job) -> list[dict[str, Any]]:
    """Find the configs."""
    catalogue.classifiers()  # looks through scikit-learn's modules, which two threads cannot do at once
    models = environment.registry(work.pipeline)
    experiment = models.experiment_id()
    return [item.entry(work.project, "", experiment) for item in plan.plan(models, work) if item.action == "train"]


@task
def train(work: Job, entry: dict[str, Any]) -> dict[str, Any]:
    """Train and register one config."""
    return bare.train(work, entry)


@task
def promote(work: Job, reports: list[dict[str, Any]]) -> None:
    """Put the best into Production."""
    decisions.promote(
        environment.registry(work.pipeline), work, Rule("log_loss"), {report["version"] for report in reports}, {}
    )


@flow(task_runner=ThreadPoolTaskRunner(max_workers=THREADS))
def pipeline(folder: Path, name: str) -> None:
    """Find, train, promote."""
    work = bare.job(folder, name)
    entries = detect(work)
    reports = [train.submit(work, entry) for entry in entries]
    promote(work, [report.result() for report in reports])


def main() -> None:
    """Run the flow once for each pipeline."""
    folder, *pipelines = sys.argv[1:]
    started = psutil.Process().create_time()
    for name in pipelines:
        pipeline(Path(folder), name)
        print(time.time() - started, flush=True)
        started = time.time()


if __name__ == "__main__":
    main()
