"""The processes of the instances of a mapped task, and what one instance leaves to the next."""

from __future__ import annotations

import os
from collections import defaultdict

import psutil
import pytest
import yaml

from tests.support.checkout import wait_until

WORKERS = max(4, 2 * len(os.sched_getaffinity(0)))
INSTANCES = WORKERS + 2
STEPS = """
import os
import random
import subprocess
import threading
import time

import numpy as np

from podium.airflow import keep_process

def keeps(number):
    found = [random.random(), np.random.rand(), os.environ.get("LEFT"), os.getcwd()]
    os.environ["LEFT"] = "behind"
    os.chdir("/")
    print("said by", number)
    keep_process()
    return found


def forgets(number):
    return None


def fails(number):
    keep_process()
    raise ValueError(f"no {number}")


def threads(number):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    keep_process()


def children(number):
    null = subprocess.DEVNULL
    subprocess.Popen(["sleep", "5"], stdin=null, stdout=null, stderr=null)
    keep_process()


def grows(number):
    np.ones(400 * 2**20 // 8)
    keep_process()


def dies(number):
    if number == 1:
        os.kill(os.getpid(), 9)
    keep_process()
"""
TASKS = ("keeps", "forgets", "fails", "threads", "children", "grows", "dies")


@pytest.fixture(scope="module")
def run(trained_stack):
    """Run a pipeline whose mapped tasks behave in different ways, one after the other; return its instances by task."""
    (trained_stack.root / "steps.py").write_text(STEPS)
    tasks = []
    for before, name in zip(("", *TASKS), TASKS, strict=False):
        tasks.append(
            {
                "task_id": name,
                "decorator": "airflow.sdk.task",
                "python_callable": f"steps.{name}",
                "trigger_rule": "all_done",
                "retries": 0,
                "dependencies": [before] if before else [],
                "expand": {"number": list(range(INSTANCES))},
            }
        )
    spec = {"processes": {"default_args": {"start_date": "2026-01-01"}, "schedule": None, "tasks": tasks}}
    (trained_stack.root / "dag_specs" / "processes.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    trained_stack.airflow.wait_for_dag("processes")
    trained_stack.airflow.trigger("processes", {})
    run = trained_stack.finished_run("processes", after=0)
    path = f"/dags/processes/dagRuns/{run['dag_run_id']}/taskInstances"
    instances = defaultdict(list)
    for instance in trained_stack.airflow.get(path, limit=1000)["task_instances"]:
        instances[instance["task_id"]].append(instance)
    yield instances
    (trained_stack.root / "dag_specs" / "processes.yaml").unlink()


def pids(run, task):
    return {instance["pid"] for instance in run[task]}


def states(run, task):
    return [instance["state"] for instance in sorted(run[task], key=lambda each: each["map_index"])]


def returned(stack, instance):
    path = f"/dags/processes/dagRuns/{instance['dag_run_id']}/taskInstances/keeps/xcomEntries/return_value"
    return stack.airflow.get(path, map_index=instance["map_index"], deserialize=True)["value"]


def test_a_task_that_calls_keep_process_leaves_its_process_to_the_next(run):
    assert states(run, "keeps") == ["success"] * INSTANCES
    assert len(pids(run, "keeps")) <= WORKERS


def test_nothing_else_is_left_to_the_next(trained_stack, run):
    found = [returned(trained_stack, instance) for instance in run["keeps"]]
    ours, numpys, environment, folders = zip(*found, strict=True)
    assert len(set(ours)) == len(set(numpys)) == INSTANCES
    assert set(environment) == {None}
    assert "/" not in folders


def test_each_instance_has_a_log_of_its_own(trained_stack, run):
    for instance in run["keeps"]:
        path = f"/dags/processes/dagRuns/{instance['dag_run_id']}/taskInstances/keeps/logs/1"
        log = trained_stack.airflow.get(path, map_index=instance["map_index"], full_content=True)["content"]
        said = [line["event"] for line in log if line["event"].startswith("said by")]
        assert said == [f"said by {instance['map_index']}"]


@pytest.mark.parametrize("task", ["forgets", "threads", "children", "grows"])
def test_other_tasks_have_a_process_each(run, task):
    assert states(run, task) == ["success"] * INSTANCES
    assert len(pids(run, task)) == INSTANCES


def test_a_failed_task_leaves_its_process_to_no_other(run):
    assert states(run, "fails") == ["failed"] * INSTANCES
    assert len(pids(run, "fails")) == INSTANCES


def test_a_killed_task_fails_alone(run):
    assert states(run, "dies") == ["success", "failed", *["success"] * (INSTANCES - 2)]


def test_a_process_without_work_ends(run):
    wait_until(lambda: not any(map(psutil.pid_exists, pids(run, "keeps") | pids(run, "dies"))), "they end")
