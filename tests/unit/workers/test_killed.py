"""A training that is killed: what its log says, and whether it is tried again."""
# ruff: noqa: SLF001 - there is no other way to Airflow's supervisor without its server

import os
import re
import signal
import time
import uuid
from types import SimpleNamespace

import pytest

from podium.workers import coordinator, killed
from podium.workers.killed import Killed, memory_limit, out_of_memory_kills

GB = 10**9


@pytest.mark.parametrize(
    ("reason", "words", "may_retry"),
    [
        (Killed(7 * GB, 8 * GB, True), "killed, most likely for its memory: it had reached 7.0 GB of 8.0 GB", False),
        (Killed(7 * GB, 8 * GB, False), "killed, most likely for its memory: it had reached 7.0 GB of 8.0 GB", False),
        (Killed(1 * GB, 8 * GB, True), "killed, most likely for its memory: it had reached 1.0 GB of 8.0 GB", True),
        (Killed(1 * GB, 8 * GB, False), "killed by SIGKILL: it had reached 1.0 GB of 8.0 GB", True),
    ],
)
def test_the_reason_follows_from_its_memory_and_the_kernel(reason, words, may_retry):
    assert (str(reason), reason.may_retry) == (words, may_retry)


def test_memory_and_kills_of_this_machine_are_known():
    assert GB / 10 < memory_limit() < 10**15
    assert out_of_memory_kills() >= 0


def greedy(_control):
    """Take 300 MB, and be killed."""
    taken = bytearray(os.urandom(1)) * (300 * 10**6)
    os.kill(os.getpid(), signal.SIGKILL)
    assert taken


class Server:
    """Airflow's API as a task sees it."""

    def __init__(self):
        self.task_instances = self
        self.names, self.ends = [], []

    def set_rendered_map_index(self, _id, name):
        self.names.append(name)

    def finish(self, **end):
        self.ends.append(end)


class Log:
    def __init__(self):
        self.errors = []

    def error(self, line):
        self.errors.append(line)

    def __getattr__(self, _):
        return lambda *_args, **_named: None


@pytest.mark.parametrize(("limit", "state"), [(10**12, "up_for_retry"), (5 * 10**8, "failed")])
@pytest.mark.timeout(60)
def test_a_killed_training_keeps_its_name_and_is_retried_if_that_can_help(monkeypatch, limit, state):
    recorded = []
    monkeypatch.setattr(coordinator, "_become_task_process", greedy)
    monkeypatch.setattr(coordinator.SupervisedTask, "_on_child_started", lambda *_, **__: None)  # asks the server
    monkeypatch.setattr(coordinator, "record_killed", lambda _task, *what: recorded.append(what))
    monkeypatch.setattr(killed, "memory_limit", lambda: limit)
    monkeypatch.setattr(killed, "out_of_memory_kills", lambda: 0)
    server, log = Server(), Log()
    task = coordinator.SupervisedTask.start(
        what=SimpleNamespace(id=uuid.uuid4()),
        process=coordinator.TaskProcess.fork(),
        dag_rel_path="",
        bundle_info=None,
        client=server,
        subprocess_logs_to_stdout=False,
    )
    task._last_successful_heartbeat = time.monotonic()
    task.ti, task.process_log, task._should_retry = None, log, True
    task._handle_request(coordinator.comms.SetRenderedMapIndex(rendered_map_index="forest"), log, 1)
    assert task.wait() == -signal.SIGKILL
    assert (task.final_state, server.names) == (state, ["forest"])
    # Airflow's scheduler retries a task whose process has ended without a word.
    assert [(end["state"], end["rendered_map_index"]) for end in server.ends] == (
        [] if state == "up_for_retry" else [(state, "forest")]
    )
    (line,) = log.errors
    assert re.search(r"it had reached \d+\.\d GB of", line)
    assert recorded == [("forest", line)]
    assert 3 * 10**8 < task._process.peak < 10**10
