"""How the time of finding what is new, and of promotion, grows with the number of configs and model versions."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import psycopg2

from bench import loading, stacks, table, work
from podium.airflow import environment
from podium.data import datasets
from podium.promotion import decisions, validation
from podium.promotion.rules import Rule
from podium.registry import tag_names
from podium.stack import postgres
from podium.training import fit, plan, recording
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podium.project import Project
    from podium.training.plan import Item

CHANGED = 10
# So many versions have models: those that a promotion looks at.
REAL = 6
WRITERS = 4


def load(folder: Path, sizes: Sequence[int], rounds: int) -> Iterator[table.Result]:
    """Compare dag-factory's loading of a folder of specs with Podium's, which validates them too."""
    tasks: dict[int, list[float]] = {}
    for size in sizes:
        project = loading.write(folder / f"specs-{size}", size)
        found = [_load_once(project) for _ in range(rounds)]
        ours, theirs = ([one[side] for one in found] for side in ("podium", "dag_factory"))
        tasks[size] = [one["task"] for one in found]
        print(f"load: {size} specs in {ours} s, {theirs} s with dag-factory", flush=True)
        yield table.compare("load specs", size, ours, theirs)
    for size, seconds in tasks.items():
        yield table.alone("load specs, one task's share", size, median(seconds) * 1000, "ms")


def _load_once(project: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.loading", str(project)]
    done = subprocess.run(command, cwd=stacks.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def size_of_registry(folder: Path, sizes: Sequence[int], rounds: int) -> Iterator[table.Result]:
    """Measure finding what is new, and promotion, against the number of configs and of versions.

    The seconds hold MLflow's share; "own" is the processor time of the process that decides.
    """
    project = stacks.podium_project(folder / "registry")
    rule = Rule("log_loss")
    found: dict[tuple[str, int], float] = {}
    with stacks.running(project):
        for size in sizes:
            job = Job.from_spec(project, f"size{size}", "iris")
            work.write(job.folder, work.configs(size, "config"))
            _fill(job)
            _analyse(project)
            work.write(job.folder, work.configs(size - CHANGED, "config") | work.configs(CHANGED, "changed"))
            run = set(range(size - CHANGED, size + 1))
            models = environment.registry(job.pipeline)
            steps: dict[str, Callable[[], object]] = {
                "detect, all but 10 trained before": partial(_detect, job),
                "promote, of a run's 11 versions": partial(decisions.promote, models, job, rule, run, {}),
                "promote, of all versions": partial(decisions.promote, models, job, rule, None, {}),
            }
            for name, step in steps.items():
                took = [_took(step) for _ in range(rounds)]
                found[name, size] = median(wall for wall, _ in took)
                found[f"{name}, own", size] = median(own for _, own in took)
                print(f"registry: {name}: {size} in {found[name, size]:.2f} s", flush=True)
    for (name, size), seconds in sorted(found.items()):
        yield table.alone(name, size, seconds)


def _took(step: Callable[[], object]) -> tuple[float, float]:
    started, own = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - started, time.process_time() - own


def _detect(job: Job) -> None:
    new = [item for item in plan.plan(environment.registry(job.pipeline), job) if item.action == "train"]
    assert len(new) == CHANGED, f"{len(new)} configs are new, not {CHANGED}"


def _analyse(project: Project) -> None:
    """Let PostgreSQL count its rows, as it does within a minute by itself; until then it takes tables for empty."""
    server = postgres.embedded_url(project.home)
    url = postgres.database_url(server, postgres.database_names(None)["mlflow"])
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        connection.commit()


def _fill(job: Job) -> None:
    """Register a version for each config: what training leaves, without the model's files but for the last and best."""
    models = environment.registry(job.pipeline)
    items = plan.plan(models, job)
    best = [item for item in items if item.config and item.config.estimator == "LogisticRegression"][-REAL:]
    models.client.create_registered_model(models.model)
    experiment = models.experiment_id()
    run = models.client.create_run(experiment).info.run_id

    def register(item: Item) -> None:
        models.create_version(
            source=f"runs:/{run}/model",
            run_id=run,
            tags={
                tag_names.IDENTITY: item.identity,
                tag_names.CONFIG: item.name,
                tag_names.ESTIMATOR: "SVC",
                tag_names.SCORES: json.dumps({"log_loss": 10.0, "accuracy": 0.5, "f1_macro": 0.5}),
                tag_names.SCORED_ON: job.held_out_digest(),
                tag_names.VALIDATION: "passed",
            },
        )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(register, [item for item in items if item not in best]))
    rows = datasets.load(job.dataset, job.split)
    for item in best:
        attempt = recording.Attempt.from_entry(models, job, item.entry(job.project, "", experiment))
        with attempt.run() as record:
            made = record.register(fit.train(attempt.config, rows, job.split), rows)
        validation.check(models, models.version(made["version"]), job)
