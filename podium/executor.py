"""An Airflow executor whose workers have everything imported that a task needs.

LocalExecutor forks its workers from the scheduler, and every task from a worker. What the scheduler has imported and
used before that, each task has for nothing: a task is a fork and its own work.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import tempfile
from pathlib import Path

import structlog
from airflow.executors.local_executor import LocalExecutor

log = structlog.get_logger(__name__)


class WarmExecutor(LocalExecutor):  # type: ignore[misc]
    """LocalExecutor that warms up before it forks its workers; where it cannot, it works cold."""

    def start(self) -> None:
        """Warm up, then start the workers."""
        if multiprocessing.get_start_method() == "fork":
            try:
                warm_up()
            except Exception:
                log.exception("could not warm up: tasks import what they need themselves")
        super().start()


def warm_up() -> None:
    """Import what tasks use and train once, without a network, so that lazy imports are done too.

    It runs with one thread: GNU OpenMP hangs in a fork of a process that has used its pool of threads.
    """
    import airflow.sdk.execution_time.task_runner  # noqa: F401
    import mlflow.sklearn  # noqa: F401
    from threadpoolctl import threadpool_limits

    import tasks.detect
    import tasks.promote
    import tasks.train
    import tasks.validate  # noqa: F401
    from podium import registry, specs

    registry.import_skops()
    specs.import_dag_factory()
    with threadpool_limits(1):
        _train_once()
    gc.collect()
    log.info("warmed up", pid=os.getpid())


def _train_once() -> None:
    from podium import data, recording, training
    from podium.configs import ClassifierConfig

    split = data.Split(folds=2)
    rows = data.load(data.DatasetRef.from_spec("iris", Path()), split)
    fields = {"name": "warm", "path": "", "estimator": "LogisticRegression", "params": {"max_iter": 5000}}
    config = ClassifierConfig.from_dict({**fields, "preprocess": [], "description": "", "tags": {}})
    done = training.train(config, rows, split)
    with tempfile.TemporaryDirectory() as folder:
        figure = training.confusion_matrix_figure(done.model, rows.x_test, rows.y_test, "warm")
        figure.savefig(Path(folder) / "figure.png")
        recording.save_model(done.model, rows, Path(folder) / "model")
