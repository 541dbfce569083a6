"""The same configs trained by Podium and by others, on stacks that are already up."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from bench import stacks, table, work
from podium.stack import http_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from podium.project import Project

PREFECT = stacks.ROOT / ".venv-prefect" / "bin"
PATIENCE = 120  # seconds
BARE = [sys.executable, "-m", "bench.bare"]
FLOW = [str(PREFECT / "python"), "-m", "bench.prefect.flow"]

# What Podium sets, as it is without.
WITHOUT = {
    "stock LocalExecutor": {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "AIRFLOW__SDK__QUEUE_TO_COORDINATOR": "{}"},
    "a process for each task": {"AIRFLOW__SDK__QUEUE_TO_COORDINATOR": "{}"},
    "16 workers": {"AIRFLOW__CORE__PARALLELISM": "16"},
    "scheduler_idle_sleep_time 1": {"AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1"},
    "2 API workers": {"AIRFLOW__API__WORKERS": "2"},
    "a thread for each core": dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(os.cpu_count())),
}


def settings(folder: Path, configs: int, rounds: int) -> Iterator[table.Result]:
    """Compare Podium's settings, one by one, with what would be without them."""
    project = stacks.podium_project(folder / "settings")
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for name, changed in ({"": {}} | WITHOUT).items():
            with stacks.running(project, settings=changed) as stack:
                for size in (2, configs):
                    work.write(project.root / "config" / "iris", work.configs(size, f"{number} {name} {size}"))
                    seconds = stack.run("iris_train", "iris")
            found[name].append(seconds)
            print(f"settings: {name or 'as they are'}: {configs} configs in {seconds:.1f} s", flush=True)
    for name in WITHOUT:
        yield table.compare(f"settings: {name}", configs, found[""], found[name])


class Trainings:
    """Rounds in which every side trains as many configs as the others.

    Parameters
    ----------
    folder : pathlib.Path
        Where the projects and their databases are made.
    sides : set of str
        Which of ``plain``, ``limit`` and ``prefect`` to compare Podium with.
    """

    def __init__(self, folder: Path, sides: set[str]) -> None:
        self._folder, self._sides = folder, sides
        self._podium, self._plain = stacks.podium_project(folder / "podium"), stacks.plain_project(folder / "plain")
        self._seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
        self._names = (f"round-{number}" for number in itertools.count())

    def round(self, sizes: Sequence[int], plain_sizes: Sequence[int], outside: Sequence[int]) -> None:
        """Train once with each side.

        Parameters
        ----------
        sizes, plain_sizes : sequence of int
            How many configs Podium, and the plain pipeline, train.
        outside : sequence of int
            How many bare Python and Prefect train: the first of them cold, imports included, the others warm.
        """
        with stacks.running(self._podium) as stack:
            for size in (2, *sizes):  # the first run of a stack meets caches that nothing has filled
                self._write(self._podium, "iris", size)
                self._note("podium", size, stack.run("iris_train", "iris"))
            if "limit" in self._sides:
                self._run_outside("limit", BARE, outside)
            if "prefect" in self._sides:
                with _prefect_server(self._folder) as environment:
                    self._run_outside("prefect", FLOW, outside[:2], environment)
        if "plain" in self._sides:
            with stacks.running(self._plain, settings=stacks.STOCK) as stack:
                for size in (2, *plain_sizes):
                    self._write(self._plain, "", size)
                    self._note("plain", size, stack.run("plain"))

    def results(self) -> Iterator[table.Result]:
        """Yield a line for each side and size; those of two configs were there to warm up."""
        for (side, size), others in sorted(self._seconds.items()):
            if side != "podium" and size > 2 and ("podium", size) in self._seconds:  # noqa: PLR2004
                yield table.compare(side, size, self._seconds["podium", size], others)

    def _run_outside(
        self, side: str, command: list[str], sizes: Sequence[int], environment: dict[str, str] | None = None
    ) -> None:
        names = [next(self._names) for _ in sizes]
        for name, size in zip(names, sizes, strict=True):
            self._write(self._podium, name, size)
        command = [*command, str(self._podium.root), *names]
        done = subprocess.run(command, cwd=stacks.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        figures = done.stdout.split()[-len(sizes) :]
        for size, state, seconds in zip(sizes, ("cold", "warm", "warm"), figures, strict=False):
            self._note(f"{side}, {state}", size, float(seconds))

    def _write(self, project: Project, pipeline: str, count: int) -> None:
        work.write(project.root / "config" / pipeline, work.configs(count, next(self._names)))

    def _note(self, side: str, size: int, seconds: float) -> None:
        print(f"{side}: {size} configs in {seconds:.1f} s", flush=True)
        self._seconds[side, size].append(seconds)


@contextlib.contextmanager
def _prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run Prefect's server, as it comes but for its telemetry; yield the environment of its flows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": address,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
    }
    command = [str(PREFECT / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "prefect.log").open("ab") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_healthy(f"{address}/health", server)
            yield environment
        finally:
            server.terminate()
            server.wait()


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not http_checks.answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("Prefect's server does not start")
        time.sleep(0.1)
