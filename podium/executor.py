"""An Airflow executor whose workers have everything imported that a task needs.

LocalExecutor forks its workers from the scheduler, and every task from a worker. What the scheduler has imported and
used before that, each task has for nothing: a task is a fork and its own work.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.util
import multiprocessing
import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from selectors import EVENT_READ
from typing import Any

import structlog
from airflow.executors.local_executor import LocalExecutor

from podium import data, plan, registry, specs
from podium.project import find_project

log = structlog.get_logger(__name__)

# Where modules are that do not change while the stack runs.
INSTALLED = tuple(sysconfig.get_paths()[part] for part in ("stdlib", "platstdlib", "purelib", "platlib"))


class WarmExecutor(LocalExecutor):  # type: ignore[misc]
    """LocalExecutor that warms up before it forks its workers; where it cannot, it works cold."""

    def start(self) -> None:
        """Warm up, then start the workers."""
        adapt_supervisor()
        if multiprocessing.get_start_method() == "fork":
            try:
                warm_up()
            except Exception:
                log.exception("could not warm up: tasks import what they need themselves")
        super().start()


def adapt_supervisor() -> None:
    """Let Airflow's supervisor of a task, which runs in the worker, share rows and notice at once that the task ended.

    It waits for the pipes of the task's process only. These are closed a moment before the process can be reaped; when
    it looks in between, it sleeps for ``[workers] min_heartbeat_interval``, five seconds, with nothing left to wake it.
    """
    from airflow.sdk.execution_time.supervisor import ActivitySubprocess

    start, monitor = ActivitySubprocess.start.__func__, ActivitySubprocess._monitor_subprocess  # noqa: SLF001

    def share_and_start(cls: type, /, *, what: Any, **arguments: Any) -> Any:
        if what.map_index >= 0:
            share_dag(what.dag_id, what.dag_version_id)
            share_rows(what.dag_id, what.dag_version_id)
        return start(cls, what=what, **arguments)

    def monitor_exit_too(self: Any) -> None:
        with os.fdopen(os.pidfd_open(self.pid), "rb", buffering=0) as ended:
            self.selector.register(ended, EVENT_READ, (lambda _: False, self.selector.unregister))
            monitor(self)

    ActivitySubprocess.start = classmethod(share_and_start)
    ActivitySubprocess._monitor_subprocess = monitor_exit_too  # noqa: SLF001


@functools.lru_cache(maxsize=64)
def share_dag(dag_id: str, _version: object) -> None:
    """Build a DAG, so that the mapped tasks that this process forks have it; they look whether its spec has changed.

    Not if that imports modules of the user's own: tasks are to run these as they are when the task starts.
    """
    known = set(sys.modules)
    with contextlib.suppress(Exception):  # whatever is wrong with it, the task says it where its user looks
        specs.load_dags(find_project(), dag_id)
    own = [name for name in sys.modules.keys() - known if not _is_installed(name)]
    for name in own:
        del sys.modules[name]
    if own:
        specs.forget_built()


def _is_installed(name: str) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    return name.startswith("podium.") or file is None or file.startswith(INSTALLED)


def share_rows(dag_id: str, version: object) -> None:
    """Load what a pipeline's mapped tasks train on, so that the tasks that this process forks have it.

    A task asks for its rows by their digest, so that it loads them itself if they are not these. Parquet is left to it:
    reading that starts threads, which a process that forks must not have.
    """
    job = _job(dag_id, version)
    if job and job.dataset.file.suffix != ".parquet":
        with contextlib.suppress(Exception):  # whatever is wrong with them, the task says it where its user looks
            data.load(job.dataset, job.split)


@functools.lru_cache(maxsize=64)
def _job(dag_id: str, _version: object) -> plan.Job | None:
    """Return what a DAG trains on, None for one that is not Podium's: it takes all specs to know that, and so once."""
    with contextlib.suppress(Exception):
        return specs.pipeline(find_project(), dag_id).job
    return None


def warm_up() -> None:
    """Import what tasks use and train once, without a network, so that lazy imports are done too.

    It runs with one thread: GNU OpenMP hangs in a fork of a process that has used its pool of threads. What a task
    must not share with the next one is made anew in each: Python's random numbers by Python itself, NumPy's here, and
    connections when they are first needed.
    """
    import netrc  # noqa: F401 - requests imports it with the first request

    # What a task imports when it has begun: its DAG's bundle, and what the shipped specs name.
    import airflow.dag_processing.bundles.local
    import airflow.providers.standard.operators.empty
    import airflow.sdk.definitions.asset.metadata
    import airflow.sdk.definitions.decorators
    import airflow.sdk.execution_time.task_runner  # noqa: F401
    import jinja2.ext  # noqa: F401
    import mlflow.sklearn
    import mlflow.tracking.request_header.registry  # noqa: F401 - looks for plug-ins, with the first request
    import numpy as np
    from airflow.sdk.listener import get_listener_manager
    from threadpoolctl import threadpool_limits

    _note_absent("IPython", "dbruntime", "pyspark")
    import podium.callbacks
    import podium.watch  # noqa: F401
    import tasks.detect
    import tasks.promote
    import tasks.train
    import tasks.validate  # noqa: F401

    registry.Registry("warm").client.search_registered_models  # noqa: B018 - looks for plug-ins
    registry.import_skops()
    specs.import_dag_factory()
    get_listener_manager()  # looks for plug-ins, 0.01 s of every task
    with threadpool_limits(1):
        _train_once()
    os.register_at_fork(after_in_child=np.random.seed)
    gc.collect()
    log.info("warmed up", pid=os.getpid())


def _note_absent(*names: str) -> None:
    """Note what is not installed: MLflow tries to import these with each request, a tenth of a training's time."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]  # the import system's own mark


def _train_once() -> None:
    from podium import recording, training
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
