"""Forked tasks inherit the warm-up, the end of a task is noticed at once, and tasks are handed out in advance."""
# ruff: noqa: SLF001 - there is no other way to Airflow's supervisor without its server

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import uuid
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time import supervisor

from podium.data import datasets
from podium.data.splits import Split
from podium.project import Project
from podium.specs import dags
from podium.stack.environment import service_environment
from podium.stack.ports import Ports
from podium.workers import coordinator, executor

FORKS = 10
# Runs in a process of its own, like the scheduler: warms up and forks as workers and supervisors do.
WARM = """
import gc, json, os, stat, sys

from podium.workers import executor

executor.warm_up()
modules = set(sys.modules)
kinds = [os.fstat(int(fd)).st_mode for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
parent = {
    "threads": len(os.listdir("/proc/self/task")),
    "sockets": sum(map(stat.S_ISSOCK, kinds)),
}

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier

x, y = load_iris(return_X_y=True)
gc.freeze()


def task(write):
    HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=4).fit(x, y)
    MLPClassifier(max_iter=5, hidden_layer_sizes=300, tol=1).fit(np.repeat(x, 20, axis=0), np.repeat(y, 20))
    found = {"frozen": gc.get_freeze_count() > 0}
    os.write(write, json.dumps(found).encode() + b"\\n")


read, write = os.pipe()
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if not pid:
        try:
            task(write)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
os.close(write)
print(json.dumps(parent | {"tasks": [json.loads(line) for line in os.fdopen(read)]}))
"""


@pytest.fixture(scope="module")
def warmed(tmp_path_factory):
    """Return the threads and sockets of a warm process, and the findings of its forked tasks."""
    root = tmp_path_factory.mktemp("warmed")
    stack = service_environment(Project(root, root / ".podium"), Ports())
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WARM, str(FORKS)],
        env=stack | {"OMP_NUM_THREADS": "4"},  # more than the stack gives, so that OpenMP starts threads
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_forked_tasks_can_train_with_openmp_and_blas(warmed):
    assert len(warmed["tasks"]) == FORKS


def test_tasks_inherit_neither_threads_nor_sockets(warmed):
    assert (warmed["threads"], warmed["sockets"]) == (1, 0)


def test_the_objects_of_the_parent_are_frozen(warmed):
    assert all(task["frozen"] for task in warmed["tasks"])


def linger(_control):
    """Close all channels to the supervisor, and end a while later."""
    os.closerange(0, 256)
    time.sleep(0.3)
    os._exit(0)


@pytest.mark.timeout(60)
def test_the_end_of_a_task_is_noticed_after_its_pipes_have_closed(monkeypatch):
    monkeypatch.setattr(supervisor, "MIN_HEARTBEAT_INTERVAL", 3600)  # seconds that it would wait
    monkeypatch.setattr(supervisor, "HEARTBEAT_TIMEOUT", 3600)
    monkeypatch.setattr(coordinator, "_become_task_process", linger)
    monkeypatch.setattr(coordinator.SupervisedTask, "_on_child_started", lambda *_, **__: None)  # asks the server
    what = SimpleNamespace(id=uuid.uuid4())
    process = coordinator.TaskProcess.fork()
    task = coordinator.SupervisedTask.start(
        what=what, process=process, dag_rel_path="", bundle_info=None, client=None, subprocess_logs_to_stdout=False
    )
    task._last_successful_heartbeat = time.monotonic()
    task._monitor_subprocess()
    assert task._exit_code == 0
    assert not process.waits


def test_rows_are_read_before_the_tasks_are_forked(project):
    datasets._load.cache_clear()
    (project.dag_specs / "early.yaml").write_text(
        "early:\n  tasks:\n    - {task_id: promote, python_callable: tasks.promote.promote_best,"
        " pipeline: early, dataset: iris}\n"
    )
    coordinator.share_rows("early", "version 1")
    assert datasets._load.cache_info().currsize == 1


def test_a_files_rows_are_shared_with_tasks_once_a_process_has_read_them(project, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(project.home))
    rows = "".join(f"{number},{number % 2}\n" for number in range(40))
    (project.root / "rows.csv").write_text("x,label\n" + rows)
    (project.dag_specs / "files.yaml").write_text(
        "files:\n  tasks:\n    - {task_id: promote, python_callable: tasks.promote.promote_best,"
        " pipeline: files, dataset: {path: rows.csv, target: label}}\n"
    )
    datasets._load.cache_clear()
    coordinator.share_rows("files", "version 1")
    assert datasets._load.cache_info().currsize == 0
    datasets.load(datasets.DatasetRef.from_spec({"path": "rows.csv", "target": "label"}, project.root), Split())
    datasets._load.cache_clear()
    coordinator.share_rows("files", "version 1")
    assert datasets._load.cache_info().currsize == 1


def test_rows_that_cannot_be_read_before_the_fork_are_left_to_the_task(project):
    datasets._load.cache_clear()
    (project.dag_specs / "late.yaml").write_text("late: {tasks: [")
    for dag_id in ("late", "absent"):
        coordinator.share_rows(dag_id, None)
    assert datasets._load.cache_info().currsize == 0


@pytest.fixture
def version():
    """The version of a DAG that no test has shared before."""
    dags.forget_built()
    return uuid.uuid4()


DETECTS = ", pipeline: own, dataset: iris"


def spec_of(callable_name, arguments="", doc="a doc"):
    task = f"{{task_id: a, decorator: airflow.sdk.task, python_callable: {callable_name}{arguments}}}"
    return f"own:\n  description: {doc}\n  tasks:\n    - {task}\n"


def test_a_dag_is_built_before_the_tasks_are_forked_and_again_when_its_spec_changes(project, version):
    import tasks.detect  # noqa: F401 - as the scheduler has

    spec = project.dag_specs / "own.yaml"
    spec.write_text(spec_of("tasks.detect.detect_configs", DETECTS))
    coordinator.share_dag("own", version)
    before = dags._built.cache_info().hits
    assert dags.load_dags(project, "own")["own"].description == "a doc"
    assert dags._built.cache_info().hits == before + 1
    spec.write_text(spec_of("tasks.detect.detect_configs", DETECTS, "another"))
    assert dags.load_dags(project, "own")["own"].description == "another"


def test_a_users_own_code_is_read_when_its_task_starts(project, version, monkeypatch):
    monkeypatch.syspath_prepend(project.root)
    code = project.root / "own_step.py"
    code.write_text("def step():\n    return 1\n")
    (project.dag_specs / "own.yaml").write_text(spec_of("own_step.step"))
    coordinator.share_dag("own", version)
    code.write_text("def step():\n    return 'changed'\n")
    importlib.invalidate_caches()
    task = dags.load_dags(project, "own")["own"].task_dict["a"]
    assert task.python_callable() == "changed"


@pytest.fixture
def running(monkeypatch):
    """Return an executor with two workers that have not warmed up."""
    monkeypatch.setattr(executor, "warm_up", lambda: None)
    made = executor.WarmExecutor(parallelism=2)
    made.start()
    yield made
    made.end()


def test_tasks_are_handed_out_in_advance_only_while_they_are_short(running, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(executor, "time", SimpleNamespace(monotonic=lambda: now))
    assert running.slots_available == 2
    running._given |= {"first", "second"}
    assert running.slots_available == 0
    running.change_state("first", "success")
    assert running.slots_available == 2
    now += executor.ADVANCE_SECONDS
    assert running.slots_available == 1


def test_the_scheduler_waits_for_its_workers_but_not_for_long(running):
    before = time.monotonic()
    running.sync()
    assert time.monotonic() - before < executor.PATIENCE_SECONDS
    running._given |= {"first", "second"}
    started = time.monotonic()
    running.sync()
    assert time.monotonic() - started >= executor.PATIENCE_SECONDS
    running.result_queue.put(("first", "success", None))
    running.sync()
    assert running._given == {"second"}
    assert running.get_event_buffer() == {"first": ("success", None)}


def test_a_killed_worker_frees_its_slots(running):
    running._given |= {"first", "second"}
    worker = multiprocessing.Process(target=signal.raise_signal, args=(signal.SIGKILL,))
    worker.start()
    worker.join()
    running.workers[worker.pid] = worker
    running.sync()
    assert running.slots_available == 2
