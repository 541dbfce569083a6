"""The same trainings without an orchestrator: ``python -m bench.bare PROJECT PIPELINE...`` in two processes.

The first pipeline is trained cold, imports included, the others warm; the seconds of each go to standard output.
Logging is Podium's own, the fast way. Nothing of Airflow is imported.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from podium.airflow import environment
from podium.data import datasets
from podium.project import Project
from podium.promotion import decisions
from podium.promotion.rules import Rule
from podium.training import plan, recording
from podium.training.job import Job

PROCESSES = 2


def job(folder: Path, pipeline: str) -> Job:
    """Return the work: Iris, split as the shipped spec splits it."""
    return Job.from_spec(Project(folder, folder / ".podium"), pipeline, "iris")


def train(work: Job, entry: dict[str, Any]) -> dict[str, Any]:
    """Train and register one config."""
    from podium.training.fit import train as fit

    attempt = recording.Attempt.from_entry(environment.registry(work.pipeline), work, entry)
    rows = datasets.load(work.dataset, work.split)
    with attempt.run() as record:
        return record.register(fit(attempt.config, rows, work.split), rows)


def run(work: Job, pool: multiprocessing.pool.Pool) -> None:
    """Find the configs, train them, promote the best."""
    models = environment.registry(work.pipeline)
    experiment = models.experiment_id()
    entries = [item.entry(work.project, "", experiment) for item in plan.plan(models, work) if item.action == "train"]
    reports = pool.starmap(train, [(work, entry) for entry in entries], chunksize=1)
    decisions.promote(models, work, Rule("log_loss"), {report["version"] for report in reports}, {})


def main() -> None:
    """Do the work once for each pipeline, in processes that have nothing imported when they begin."""
    folder, *pipelines = sys.argv[1:]
    started = psutil.Process().create_time()
    with multiprocessing.Pool(PROCESSES) as pool:
        for pipeline in pipelines:
            run(job(Path(folder), pipeline), pool)
            print(time.time() - started, flush=True)
            started = time.time()


if __name__ == "__main__":
    main()
