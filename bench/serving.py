"""Serving: Podium's inference server against MLflow's, with the same model, and what a swap does to requests."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from bench import client, stacks, table
from podium.airflow import environment
from podium.data import datasets
from podium.stack import http_checks
from podium.training import fit, plan, recording
from podium.training.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podium.project import Project

BIN = Path(sys.executable).parent
PIPELINE = "iris"
#: Rows of a request, and over how many connections it is sent.
SIZES = ((1, 8), (100, 8), (10_000, 2))
MODELS = ("LinearDiscriminantAnalysis", "GaussianNB", "RandomForestClassifier")
START_SECONDS = 60


def serving(folder: Path, rounds: int, seconds: float) -> Iterator[table.Result]:
    """Compare requests per second and how long they take, then a swap with none."""
    folder = folder / "serving"
    given = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(folder / "artifacts"),
        "PODIUM_PROJECT": str(folder),
    }
    with stacks.variables(given):
        yield from _serving(folder, rounds, seconds)


def _serving(folder: Path, rounds: int, seconds: float) -> Iterator[table.Result]:
    project = _project(folder)
    model = environment.registry(PIPELINE).client.get_model_version_download_uri(f"{PIPELINE}-classifier", "1")
    with _podium(project) as ours, _mlflow(model, folder) as theirs:
        for rows, connections in SIZES:
            found = [[_load(url, rows, connections, seconds) for url in (ours, theirs)] for _ in range(rounds)]
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                sides = ([one[side].percentile(share) for one in found] for side in (0, 1))
                yield table.compare(f"serve, {name} of a request's rows", rows, *sides, "ms")
            # As time, so that a ratio above 1 is better as it is everywhere.
            sides = ([1000 / one[side].rate for one in found] for side in (0, 1))
            yield table.compare("serve, a request of so many rows", rows, *sides, "ms")
            print(f"serve: {rows} rows: {' against '.join(f'{one.rate:.0f}/s' for one in found[-1])}", flush=True)
    with _podium(project) as ours:
        quiet, swapped = _during_swaps(ours, seconds)
    yield table.compare("serve, p99 with swaps, other is without", 1, swapped, quiet, "ms")


def _project(folder: Path) -> Project:
    project = stacks.podium_project(folder)
    job = Job.from_spec(project, PIPELINE, "iris")
    models, rows = environment.registry(PIPELINE), datasets.load(job.dataset, job.split)
    experiment = models.experiment_id()
    job.folder.mkdir(parents=True)
    for number, name in enumerate(MODELS, 1):
        (job.folder / f"{number}.yaml").write_text(f"estimator: {name}\n")
        (item,) = [item for item in plan.plan(models, job) if item.action == "train"]
        attempt = recording.Attempt.from_entry(models, job, item.entry(project, "", experiment))
        with attempt.run() as record:
            record.register(fit.train(attempt.config, rows, job.split), rows)
    models.set_production(1)
    return project


@contextmanager
def _podium(project: Project) -> Iterator[str]:
    with _server([BIN / "podium", "serve", "iris"], project.root) as url:
        yield url


@contextmanager
def _mlflow(model: str, folder: Path) -> Iterator[str]:
    with _server([BIN / "mlflow", "models", "serve", "--env-manager", "local", "-m", model], folder) as url:
        yield url


@contextmanager
def _server(command: Sequence[str | Path], folder: Path) -> Iterator[str]:
    """Run a server on a free port until the end; it answers ``/ping`` when it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # MLflow's command looks for uvicorn on the path.
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, "--port", str(port)], env=env, cwd=folder, **quiet) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _is_ready(url):
                assert process.poll() is None, f"{command} has ended"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def _is_ready(url: str) -> bool:
    return http_checks.answers(f"{url}/ping")


def _body(rows: int) -> bytes:
    job = Job.from_spec(stacks.Project(stacks.ROOT, stacks.ROOT / ".podium"), PIPELINE, "iris")
    held_out = datasets.load(job.dataset, job.split).x_test
    repeated = [held_out.iloc[number % len(held_out)].tolist() for number in range(rows)]
    return json.dumps({"dataframe_split": {"columns": list(held_out.columns), "data": repeated}}).encode()


def _load(url: str, rows: int, connections: int, seconds: float) -> client.Load:
    body = _body(rows)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(client.load(url, body, connections, seconds / 5))
        found = runner.run(client.load(url, body, connections, seconds))
    assert set(found.statuses) == {"200"}, found.statuses
    return found


def _during_swaps(url: str, seconds: float) -> tuple[list[float], list[float]]:
    """Return p99 of requests with one row, over one connection: without a swap, and with one every two seconds."""
    quiet = _load(url, 1, 1, 2 * seconds)

    async def swapping() -> client.Load:
        models = environment.registry(PIPELINE)
        load = asyncio.create_task(client.load(url, _body(1), 1, 2 * seconds))
        for number in range(int(seconds)):
            await asyncio.sleep(1.0)
            await asyncio.to_thread(models.set_production, 1 + (number + 1) % 2)
            await asyncio.sleep(1.0)
        return await load

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        swapped = runner.run(swapping())
    assert set(swapped.statuses) == {"200"}, swapped.statuses
    print(
        f"serve: greatest without swaps {quiet.percentile(1):.2f} ms, with {swapped.percentile(1):.2f} ms", flush=True
    )
    return [quiet.percentile(0.99)], [swapped.percentile(0.99)]
