"""What a stack costs beside the trainings: processor time of a task, memory, and the time until it notices a file."""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import psutil

from bench import stacks, table, work
from podium.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20
# Podium's stack, and the same with the stock executor and scheduler.
SIDES: tuple[dict[str, str], dict[str, str]] = ({}, stacks.STOCK)


def noop(folder: Path, tasks: int, rounds: int) -> Iterator[table.Result]:
    """Compare the processor time, of all processes of the stack, that a mapped task takes that does nothing."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for side, seconds in zip(SIDES, found, strict=True):
            root = folder / f"noop-{number}-{len(side)}"
            shutil.copytree(stacks.BENCH / "noop", root)
            shutil.copytree(stacks.ROOT / "dags", root / "dags")
            with stacks.running(Project(root, root / ".podium"), settings={**side, "BENCH_TASKS": str(tasks)}) as stack:
                stack.run("noop")
                before = _processor_seconds()
                stack.run("noop")
                seconds.append((_processor_seconds() - before) / tasks)
            print(f"noop: {seconds[-1]:.3f} s a task", flush=True)
    yield table.compare("noop, processor time of a task", tasks, *found)


def memory(folder: Path, configs: int) -> Iterator[table.Result]:
    """Compare the stacks' memory, idle and at its greatest while all workers train."""
    podium, plain = stacks.podium_project(folder / "memory"), stacks.plain_project(folder / "memory-plain")
    idle, busy = [], []
    for project, dag_id, settings in ((podium, "iris_train", {}), (plain, "plain", stacks.STOCK)):
        work.write(project.root / "config" / ("iris" if project is podium else ""), work.configs(configs, "memory"))
        with stacks.running(project, settings=settings) as stack:
            stack.airflow.wait_for_dag(dag_id)
            idle.append(_memory())
            with _Greatest() as greatest:
                stack.run(dag_id)
            busy.append(greatest.value)
        print(f"memory: {dag_id} {idle[-1]:.0f} MiB idle, {busy[-1]:.0f} MiB busy", flush=True)
    yield table.compare("memory, idle", 1, idle[:1], idle[1:], "MiB")
    yield table.compare("memory, training", configs, busy[:1], busy[1:], "MiB")


def latency(folder: Path, drops: int) -> Iterator[table.Result]:
    """Measure from the rename of a config into the watched folder to what follows of it."""
    project = stacks.podium_project(folder / "latency")
    configs = project.root / "config" / "iris"
    work.write(configs, work.configs(2, "before"))
    draft = folder / "draft.yaml"
    times: dict[str, list[float]] = {"run started": [], "training started": [], "Production decided": []}
    with stacks.running(project, watch=True) as stack:
        stack.run("iris_train")
        for name, config in work.configs(drops, "drop").items():
            before = len(_runs(stack))
            work.write_one(draft, config)
            draft.rename(configs / f"{name}.yaml")
            renamed = time.time()
            run = _next_run(stack, before)
            for _ in stack.airflow.follow("iris_train", run["dag_run_id"]):
                pass
            path = f"/dags/iris_train/dagRuns/{run['dag_run_id']}"
            trained = stack.airflow.get(f"{path}/taskInstances/train/0")
            started = [
                datetime.fromisoformat(one["start_date"]).timestamp() for one in (stack.airflow.get(path), trained)
            ]
            for what, at in zip(times, (*started, stacks.decided_at("iris_train", "iris")), strict=True):
                times[what].append(at - renamed)
            stack.settle()
    for what, seconds in times.items():
        print(f"latency: {what} {' '.join(f'{one:.2f}' for one in seconds)}", flush=True)
        yield table.alone(f"latency, {what}, p50", drops, statistics.median(seconds))
        yield table.alone(f"latency, {what}, p95", drops, statistics.quantiles(seconds, n=20, method="inclusive")[-1])


def _runs(stack: stacks.Running) -> list[dict[str, Any]]:
    return list(stack.airflow.get("/dags/iris_train/dagRuns", order_by="run_after", limit=100)["dag_runs"])


def _next_run(stack: stacks.Running, after: int) -> dict[str, Any]:
    """Wait for the run that follows the first so many: Airflow has no event for it."""
    deadline = time.monotonic() + 60
    while True:
        runs = _runs(stack)
        if len(runs) > after:
            return runs[after]
        if time.monotonic() > deadline:
            raise RuntimeError("no run has started")
        time.sleep(0.05)


class _Greatest:
    """The greatest memory while a block runs, looked at every half a second."""

    def __enter__(self) -> Self:
        self.value, self._ended = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            self.value = max(self.value, _memory())

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _stack_processes() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _processor_seconds() -> float:
    """Return the processor time of the stack's processes, and of those that have ended."""
    total = 0.0
    for process in _stack_processes():
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def _memory() -> float:
    """Return the proportional set size of the stack's processes, in MiB."""
    total = 0
    for process in _stack_processes():
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / MIB
