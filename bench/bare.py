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

from podium import data, decisions, plan, recording, registry
from podium.project import Project
from podium.promotion import Rule

PROCESSES = 2


def job(folder: Path, pipeline: str) -> plan.Job:
    """Return the work: Iris, split as the shipped spec splits it."""
    return plan.Job.from_spec(Project(folder, folder / ".podium"), pipeline, "iris")


def train(work: plan.Job, entry: dict[str, Any]) -> dict[str, Any]:
    """Train and register one config."""
    from podium.training import train as fit

    attempt = recording.Attempt.from_entry(work, entry)
    rows = data.load(work.dataset, work.split)
    with attempt.run() as record:
        return record.register(fit(attempt.config, rows, work.split), rows)


def run(work: plan.Job, pool: multiprocessing.pool.Pool) -> None:
    """Find the configs, train them, promote the best."""
    experiment = registry.Registry(work.pipeline).experiment_id()
    entries = [item.entry(work.project, "", experiment) for item in plan.plan(work) if item.action == "train"]
    reports = pool.starmap(train, [(work, entry) for entry in entries], chunksize=1)
    decisions.promote(work, Rule("log_loss"), {report["version"] for report in reports}, {})


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
