"""Which stack runs: the state file and the processes decide, never one slow answer."""

import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from podium.stack import commands, ports
from podium.stack.state import identity, state_file


@pytest.fixture
def main_process():
    """A process in place of the main process."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def hung():
    """A server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def write(project, key, process, url="http://127.0.0.1:1", **more):
    state = {"owner": identity(os.getpid()), key: identity(process.pid), "foreground": False, "ready": True}
    state |= {"airflow": url, "mlflow": url, "serve": "", "passwords": str(project.root / "none")}
    project.home.mkdir(parents=True, exist_ok=True)
    state_file(project).write_text(json.dumps(state | more))


def test_a_stack_whose_airflow_does_not_answer_runs_all_the_same(project, main_process, hung):
    url = f"http://127.0.0.1:{hung.getsockname()[1]}"
    write(project, "main_process", main_process, url)
    assert commands.running(project).airflow_url == url
    with pytest.raises(BlockingIOError):  # no request was sent
        hung.accept()


def test_a_stack_that_is_not_ready_or_whose_main_process_ended_does_not_run(project, main_process):
    write(project, "main_process", main_process, ready=False)
    assert commands.running(project) is None
    write(project, "main_process", main_process)
    main_process.kill()
    os.waitid(os.P_PID, main_process.pid, os.WEXITED | os.WNOWAIT)
    assert commands.running(project) is None, "a process that its parent has not collected has ended"
    main_process.wait()
    assert commands.running(project) is None


def test_down_stops_a_stack_of_the_previous_release(project, main_process):
    write(project, "guardian", main_process)
    assert commands.running(project) is not None
    assert commands.down(project)
    assert main_process.wait(10) == -15
    assert not psutil.pid_exists(main_process.pid)


@pytest.mark.parametrize("text", ["{", '{"airflow": "x"}', '{"airflow": 70000}', '{"other": 1}', "[]"])
def test_a_spoilt_note_of_ports_leads_to_the_default_ones(tmp_path, text):
    (tmp_path / "ports.json").write_text(text)
    assert ports.remembered(tmp_path) == ports.Ports()


def test_ports_end_at_the_last_one(tmp_path):
    (tmp_path / "ports.json").write_text('{"airflow": 65535}')
    with socket.create_server(("127.0.0.1", 65535)), pytest.raises(Exception, match="no free port between 65535 and"):
        ports.choose(tmp_path)
