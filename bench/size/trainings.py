"""Trainings at once, as the stack runs them: ``python -m bench.size.trainings CSV CONFIG WORKERS``.

This process imports and trains once, as the scheduler does, and forks: a process that reads the rows, as ``detect``
does, then the workers, each of which forks a task. The greatest memory of all and the processor seconds of the tasks go
to standard output as JSON.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow.sklearn  # noqa: F401 - the scheduler has imported it too
import psutil
import skrub  # noqa: F401

from bench.size.rows import TARGET
from podium.configs.files import load_config
from podium.data import datasets
from podium.data.splits import Split
from podium.project import Project
from podium.registry import model_files
from podium.training import fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from podium.configs.config import ClassifierConfig

SPLIT = Split()
PAUSE = 0.05
FORK = multiprocessing.get_context("fork")


def train(ref: datasets.DatasetRef, config: ClassifierConfig) -> None:
    """Load, cross-validate, fit, score and save, as a task does."""
    rows = datasets.load(ref, SPLIT)
    model = fit.train(config, rows, SPLIT).model
    fit.confusion_matrix_figure(model, rows.x_test, rows.y_test, "")
    with tempfile.TemporaryDirectory() as folder:
        model_files.save_model(model, rows, Path(folder) / "model")


def work(ref: datasets.DatasetRef, config: ClassifierConfig, ready: Any, seconds: Any) -> None:
    """Be a worker: share the rows with a task, and wait for it."""
    datasets.load(ref, SPLIT)
    ready.wait()
    task = FORK.Process(target=_timed, args=(lambda: train(ref, config), seconds))
    task.start()
    task.join()
    sys.exit(task.exitcode)


def _timed(function: Callable[[], None], seconds: Any) -> None:
    function()
    seconds.put(time.process_time())


def greatest_memory(processes: list[Any]) -> float:
    """Return the greatest memory in MiB of this process and its children, pages they share counted once."""
    greatest, own = 0.0, psutil.Process()
    while any(process.is_alive() for process in processes):
        total = 0
        for process in (own, *own.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        greatest = max(greatest, total / 2**20)
        time.sleep(PAUSE)
    if failed := [process.exitcode for process in processes if process.exitcode]:
        raise RuntimeError(f"trainings failed: {failed}")
    return greatest


def main() -> None:
    """Train in so many workers at once."""
    rows, file, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    train(datasets.DatasetRef.from_spec("iris", rows.parent), *load_config(file, Project(rows.parent, rows.parent)))
    ref = datasets.DatasetRef.from_spec({"path": rows.name, "target": TARGET}, rows.parent)
    (config,) = load_config(file, Project(rows.parent, rows.parent))
    gc.collect()
    gc.freeze()  # as the scheduler does before it forks
    detect = FORK.Process(target=datasets.load, args=(ref, SPLIT))
    started = time.monotonic()
    detect.start()
    detect.join()
    read = time.monotonic() - started
    ready, seconds = FORK.Barrier(workers), FORK.SimpleQueue()
    processes = [FORK.Process(target=work, args=(ref, config, ready, seconds)) for _ in range(workers)]
    for process in processes:
        process.start()
    memory = greatest_memory(processes)
    taken = [seconds.get() for _ in processes]
    print(json.dumps({"mib": memory, "seconds": sum(taken) / workers, "read": read}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
