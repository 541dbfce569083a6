"""An Airflow executor whose workers have imported everything that a task needs.

LocalExecutor forks its workers from the scheduler, and every task from a worker. Each task inherits what the scheduler
has imported and used before.
"""

from __future__ import annotations

import gc
import importlib.util
import multiprocessing
import os
import sys
import tempfile
import time
from collections import deque
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from airflow.executors.local_executor import LocalExecutor

from podium.data import datasets
from podium.data.splits import Split
from podium.registry import model_files
from podium.registry.client import Registry
from podium.specs import dags
from podium.stack import promotion_pool

if TYPE_CHECKING:
    from collections.abc import Sequence


log = structlog.get_logger(__name__)


# The scheduler waits for its workers for at most PATIENCE_SECONDS per loop, and hands out in advance as many tasks as
# ended within the last ADVANCE_SECONDS.
PATIENCE_SECONDS = 0.5
ADVANCE_SECONDS = 2
# How often to look whether somebody has deleted the pool of the promotions.
POOL_SECONDS = 10


class WarmExecutor(LocalExecutor):  # type: ignore[misc]
    """LocalExecutor that warms up before it forks its workers, and slows down the scheduler's loop.

    If the warm-up fails, tasks import what they need themselves. The scheduler's loop takes as much of a core as a
    small task, and would run ten times a second while any task runs; here it waits until a task has ended. While tasks
    are short, it hands out some in advance, which workers run without waiting for it. While they are long, it hands out
    only as many as there are workers, so that no task is queued behind a long one.

    It also creates the pool of the promotions again if somebody has deleted it.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._given: set[Any] = set()  # LocalExecutor does not record which tasks its workers have
        self._ends: deque[float] = deque(maxlen=2 * self.parallelism)
        self._pool_due = time.monotonic() + POOL_SECONDS  # the scheduler has created it

    def start(self) -> None:
        """Warm up, then start the workers."""
        if multiprocessing.get_start_method() == "fork":
            try:
                warm_up()
            except Exception:
                log.exception("could not warm up: tasks import what they need themselves")
        super().start()

    @property
    def slots_occupied(self) -> int:
        """Number of tasks that have or await a worker, except those that will soon get one."""
        since = time.monotonic() - ADVANCE_SECONDS
        advance = sum(end > since for end in self._ends)
        return max(0, int(super().slots_occupied) + len(self._given) - advance)

    @property
    def slots_available(self) -> int:
        """Number of tasks that the executor accepts."""
        return int(self.parallelism - self.slots_occupied)

    def sync(self) -> None:
        """Read the results of tasks; wait if there are none yet, or if workers have enough tasks."""
        self._keep_pool()
        deadline, given = time.monotonic() + PATIENCE_SECONDS, len(self._given)
        super().sync()
        while self._given and (len(self._given) == given or self._unread_messages.value > self.parallelism // 2):
            if not wait([self.result_queue._reader], deadline - time.monotonic()):  # noqa: SLF001
                break
            self._read_results()

    def _keep_pool(self) -> None:
        if time.monotonic() < self._pool_due:
            return
        self._pool_due = time.monotonic() + POOL_SECONDS
        try:
            promotion_pool.create()
        except Exception:
            log.exception("could not look for the pool of the promotions")

    def change_state(self, key: Any, state: Any, info: Any = None, remove_running: bool = True) -> None:
        """Record a task's new state."""
        if state != "running" and key in self._given:
            self._given.remove(key)
            self._ends.append(time.monotonic())
        super().change_state(key, state, info, remove_running)

    def _process_workloads(self, workloads: Sequence[Any]) -> None:
        self._given.update(workload.key for workload in workloads)
        super()._process_workloads(workloads)

    def _check_workers(self) -> None:
        if not all(worker.is_alive() for worker in self.workers.values()):
            self._given.clear()  # no result will come for the tasks of a killed worker
        super()._check_workers()


def warm_up() -> None:
    """Import the libraries of tasks and train once, without a network, so that lazy imports are done too.

    It runs with one thread: GNU OpenMP hangs in a fork of a process that has used its pool of threads. Tasks share no
    random state and no connections: each task seeds anew when it starts, and connects when it first needs to.
    """
    import netrc  # noqa: F401 - requests imports it with the first request

    # A task imports these after its start: its DAG's bundle, and the classes that the shipped specs name.
    import airflow.dag_processing.bundles.local
    import airflow.providers.standard.operators.empty
    import airflow.sdk.definitions.asset.metadata
    import airflow.sdk.definitions.decorators
    import airflow.sdk.execution_time.task_runner  # noqa: F401
    import jinja2.ext  # noqa: F401
    import mlflow.sklearn
    import mlflow.tracking.request_header.registry  # noqa: F401 - searches for plug-ins
    from airflow.sdk.listener import get_listener_manager
    from threadpoolctl import threadpool_limits

    _note_absent("IPython", "dbruntime", "pyspark")
    import podium.airflow.callbacks
    import podium.airflow.trigger
    import podium.steps.detect
    import podium.steps.promote
    import podium.steps.train
    import podium.steps.validate  # noqa: F401

    Registry("warm").client.search_registered_models  # noqa: B018 - searches for plug-ins
    model_files.import_skops()
    dags.import_dag_factory()
    get_listener_manager()  # searches for plug-ins, 0.01 s of every task
    with threadpool_limits(1):
        _train_once()
    gc.collect()
    log.info("warmed up", pid=os.getpid())


def _note_absent(*names: str) -> None:
    """Mark absent packages: MLflow tries to import these with each request, a tenth of a training's time."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]  # the import system's own mark


def _train_once() -> None:
    from podium.configs.config import ClassifierConfig
    from podium.registry import model_files
    from podium.training import fit

    split = Split(folds=2)
    rows = datasets.load(datasets.DatasetRef.from_spec("iris", Path()), split)
    fields = {"name": "warm", "path": "", "estimator": "LogisticRegression", "params": {"max_iter": 5000}}
    config = ClassifierConfig.from_dict({**fields, "preprocess": [], "description": "", "tags": {}})
    done = fit.train(config, rows, split)
    with tempfile.TemporaryDirectory() as folder:
        figure = fit.confusion_matrix_figure(done.model, rows.x_test, rows.y_test, "warm")
        figure.savefig(Path(folder) / "figure.png")
        model_files.save_model(done.model, rows, Path(folder) / "model")
