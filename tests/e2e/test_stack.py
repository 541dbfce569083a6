"""The local stack from outside: `podium up`, `status` and `down`, failures of the machine, and killed processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from podium.pipeline import airflow_api
from tests.support.patience import PATIENCE

PODIUM = [sys.executable, "-c", "from podium.cli.main import main; main()"]
READY = "Ctrl-C"  # the last line of `podium up` when everything is ready
DAGS = '''
"""An airflow DAG for each spec."""
from pathlib import Path

from airflow.sdk import dag, task

for spec in (Path(__file__).parent.parent / "dag_specs").glob("*.yaml"):

    @dag(dag_id=spec.stem)
    def made():
        @task
        def nap(seconds):
            import time

            time.sleep(seconds)

        nap(int(spec.read_text()))

    made()
'''


class Up:
    """A `podium up` in a process of its own, whose output is read as it comes."""

    def __init__(self, env):
        self.env = env
        self.process = subprocess.Popen(
            [*PODIUM, "up"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self.lines.append("<end>")
            self._changed.notify_all()

    @property
    def output(self):
        return "".join(self.lines)

    def wait_for(self, text):
        with self._changed:
            self._changed.wait_for(lambda: text in self.output or "<end>" in self.lines, PATIENCE)
        assert text in self.output, self.output
        return self

    def processes(self):
        return {p.pid: p for p in psutil.Process(self.process.pid).children(recursive=True)}

    @property
    def main_process(self):
        return self.service("podium.stack.main_process")

    def service(self, word):
        return next(p for p, command in self._each(lambda p: [" ".join(p.cmdline())]) if word in command)

    def connections(self):
        """Return each process's own ends of TCP connections, as pairs of process and connection."""
        return [(p, c) for p, c in self._each(lambda p: p.net_connections("tcp")) if c.laddr]

    def _each(self, ask):
        """Yield each process with each part of its answer; Airflow has some that end at any time."""
        for process in self.processes().values():
            with suppress(psutil.NoSuchProcess):
                yield from ((process, part) for part in ask(process))

    def json(self, *arguments):
        return json.loads(podium(self.env, *arguments, "--json").stdout)


def podium(env, *arguments):
    return subprocess.run([*PODIUM, *arguments], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


def get(url, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(url, headers=headers, timeout=PATIENCE).raise_for_status().json()


def token(airflow):
    login = {"username": airflow["user"], "password": airflow["password"]}
    return (
        httpx.post(f"{airflow['url']}/auth/token", json=login, timeout=PATIENCE)
        .raise_for_status()
        .json()["access_token"]
    )


def eventually(condition):
    """Wait for a condition that has no event: a DAG in Airflow's API, a service that answers again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    pytest.fail(f"not within {PATIENCE} s")


def assert_gone(family, timeout=PATIENCE):
    """These processes have ended, and all that they have started, which stay in their supervisor's session."""
    _, alive = psutil.wait_procs(list(family.values()), timeout=timeout)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    for process in psutil.process_iter():
        try:
            assert os.getsid(process.pid) not in family or process.status() == psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """One project for all: the first test makes the databases, the others start on them."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("dag_specs", "dags"):
        (root / folder).mkdir()
    (root / "dags" / "made.py").write_text(DAGS)
    (root / "dag_specs" / "first.yaml").write_text("0")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "MLFLOW", "PODIUM"))}
    return kept | {"PODIUM_PROJECT": str(root), "PODIUM_HOME": str(root / "state")}


@contextmanager
def started(env):
    """Run `podium up`; at the end, nothing of it is left."""
    up = Up(env)
    family = {up.process.pid: psutil.Process(up.process.pid)}
    try:
        yield up
    finally:
        if up.process.poll() is None:
            family |= up.processes()
            up.process.send_signal(signal.SIGINT)
        up.process.wait(PATIENCE)
        assert_gone(family)


@pytest.fixture
def up(env):
    with started(env) as up:
        yield up


@pytest.fixture(scope="module")
def last(env):
    """A stack for two tests; the second kills it."""
    with started(env) as up:
        yield up.wait_for(READY)


def test_a_stack_starts_follows_a_new_spec_restarts_dead_services_and_stops(up, env):
    up.wait_for(READY)
    for name in ("postgres", "mlflow", "airflow-api", "scheduler", "dag-processor", "triggerer"):
        assert re.search(rf"^{name} +ready in", up.output, re.MULTILINE)

    status = up.json("status")
    assert status["pid"] == up.process.pid
    assert status["airflow"]["url"] in up.output
    assert get(status["mlflow"]["url"] + "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0")

    again = podium(env, "up")
    assert again.returncode == 0
    assert f"already running (pid {up.process.pid})" in again.stdout
    assert status["airflow"]["url"] in again.stdout

    # Only this user reaches it, and only from this machine.
    assert {c.laddr.ip for _, c in up.connections() if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}

    # A new spec is live by itself.
    login = token(status["airflow"])
    dags = f"{status['airflow']['url']}/api/v2/dags"
    eventually(lambda: {d["dag_id"] for d in get(dags, login)["dags"]} == {"first"})
    Path(env["PODIUM_PROJECT"], "dag_specs", "second.yaml").write_text("0")
    eventually(lambda: {d["dag_id"] for d in get(dags, login)["dags"]} == {"first", "second"})

    # Promotions have a pool, whose slots are the user's to change.
    pool = f"{status['airflow']['url']}/api/v2/pools/promotion"
    assert get(pool, login)["slots"] == 1
    wider = {"name": "promotion", "slots": 2, "include_deferred": False}
    httpx.patch(pool, json=wider, headers={"Authorization": f"Bearer {login}"}).raise_for_status()

    # A dead service is started again, and says so.
    dead = {"triggerer": "triggerer", "mlflow": "launch mlflow", "scheduler": "airflow scheduler"}
    for name, words in dead.items():
        up.service(words).kill()
        up.wait_for(f"{name:<16} ended by SIGKILL; starting it again")
    for name in dead:
        eventually(lambda name=name: len(re.findall(rf"^{name} +ready in", up.output, re.MULTILINE)) == 2)
    assert get(pool, login)["slots"] == 2

    family = up.processes()
    down = podium(env, "down")
    assert (down.returncode, down.stdout.strip()) == (0, "stopped")
    assert_gone(family, timeout=0)
    assert up.process.wait(PATIENCE) == 0
    assert podium(env, "status").returncode == 1
    assert podium(env, "down").stdout.strip() == "nothing is running"


@pytest.mark.slow
def test_nothing_outlives_a_killed_main_process(up):
    family = up.wait_for(READY).processes()
    main_process = up.main_process
    main_process.suspend()
    up.service("scheduler").kill()  # whose workers no process ends now, since they do not notice it
    main_process.kill()
    assert_gone(family)
    assert up.process.wait(PATIENCE) == 1
    assert "main process was killed by SIGKILL" in up.wait_for("<end>").output


@pytest.mark.parametrize("line", ["postgres", pytest.param("mlflow", marks=pytest.mark.slow)])
def test_nothing_outlives_a_podium_up_killed_while_it_starts(up, line):
    family = up.wait_for(line).processes()
    up.process.kill()
    assert_gone(family)


def test_ctrl_c_while_the_stack_starts_leaves_no_process(up):
    family = up.wait_for("postgres").processes()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(PATIENCE) == 0
    assert_gone(family, timeout=0)


@pytest.mark.slow
def test_a_service_that_cannot_start_stops_the_stack_with_its_last_log_lines(env):
    # The port is taken after it was chosen, say, or, as here, a setting is wrong.
    up = Up(env | {"AIRFLOW__CORE__PARALLELISM": "many"})
    assert up.process.wait(PATIENCE) == 1
    message = up.wait_for("<end>").output
    assert "ended with exit code" in message
    assert "many" in message
    assert not psutil.pid_exists(up.process.pid)


def assert_one_sentence(env, message, *command):
    """`podium up` fails with one line in the terminal, and leaves no state of a stack."""
    done = subprocess.run(
        [*command, *PODIUM, "up"], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(message + r"\n", done.stderr), done.stderr
    assert podium(env, "status").returncode == 1


@pytest.fixture
def fresh(env, tmp_path):
    """The environment with a state folder of its own."""
    return env | {"PODIUM_HOME": str(tmp_path / "state")}


def test_a_state_folder_that_cannot_be_created_is_one_sentence(fresh, tmp_path):
    (tmp_path / "state").write_text("a file")
    assert_one_sentence(fresh, f"the stack cannot start: {tmp_path}/state.*: (File exists|Not a directory)")


def test_a_file_that_cannot_be_written_is_one_sentence(fresh, tmp_path):
    (tmp_path / "state" / "stack.new").mkdir(parents=True)
    assert_one_sentence(fresh, f"the stack cannot run: {tmp_path}/state/stack.new: Is a directory")
    assert "IsADirectoryError" in (tmp_path / "state" / "logs" / "podium.log").read_text()


def test_a_database_that_does_not_fit_on_the_disk_is_one_sentence(fresh, tmp_path):
    limited = ("bash", "-c", 'ulimit -f 1000; exec "$@"', "bash")
    assert_one_sentence(fresh, f"initdb cannot create the database in {tmp_path}/state/postgres/data.new: .+", *limited)


def test_a_database_server_that_cannot_be_prepared_is_one_sentence(fresh, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "postgres").write_text("a file")
    assert_one_sentence(fresh, f"the stack cannot run: {tmp_path}/state/postgres.*: (File exists|Not a directory)")


def test_missing_ports_are_one_sentence(fresh, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ports.json").write_text('{"airflow": 65535}')
    with socket.create_server(("127.0.0.1", 65535)):
        assert_one_sentence(fresh, "no free port between 65535 and 65535")


def test_a_main_process_that_cannot_even_begin_is_one_sentence(fresh, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        'import sys\nif "podium.stack.main_process" in sys.orig_argv:\n    sys.modules["psutil"] = None\n'
    )
    log = tmp_path / "state" / "logs" / "podium.log"
    assert_one_sentence(
        fresh | {"PYTHONPATH": str(tmp_path)},
        f"the stack's main process failed: .*psutil.*, so everything was stopped; see {log}",
    )


@pytest.mark.slow
def test_an_airflow_that_answers_late_fails_no_command(last, env, monkeypatch):
    status = last.json("status")
    port = httpx.URL(status["airflow"]["url"]).port
    api = {process for process, connection in last.connections() if connection.laddr.port == port}
    assert api
    for process in api:
        process.suspend()
    try:
        assert last.json("status") == status
        assert "already running" in podium(env, "up").stdout
        monkeypatch.setattr(airflow_api, "REQUEST_SECONDS", 2)
        resumed = threading.Timer(5, lambda: [process.resume() for process in api])
        resumed.start()
        begin = time.monotonic()
        airflow_api.AirflowAPI(**status["airflow"]).wait_for_dag("first")
        assert time.monotonic() - begin > 4
        resumed.join()
    finally:
        for process in api:
            process.resume()


@pytest.mark.slow
def test_nothing_outlives_a_killed_podium_up(last):
    family = last.processes()
    last.process.kill()
    assert_gone(family)
