"""A service that ends while the disk is full starts again when there is space, however often that happens."""

import errno
import json
import os
import subprocess
import sys

import psutil
import pytest

from podium.stack import disk, failures

MB = 10**6
SUPERVISE = """
import json, os, sys
from pathlib import Path

from podium.stack import disk
from podium.stack.supervisor import Service, Supervisor

home = Path(sys.argv[1])
disk._free = lambda _: int((home / "free").read_text())


def report(*event):
    print(json.dumps(event), flush=True)


service = Service("worker", ("sleep", "60"), dict(os.environ), home / "log", lambda *_: True)
supervisor = Supervisor(report, sys.stdin.fileno(), home=home)
supervisor.add([service])
supervisor.run(lambda: report("up"))
"""


@pytest.fixture
def supervised(tmp_path):
    """A supervisor of one service, and what it reports."""
    (tmp_path / "free").write_text(str(1000 * MB))
    command = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # in the end it kills what is left of its session
    )
    yield Supervised(tmp_path, command)
    command.stdin.close()
    assert command.wait(20) == 0


class Supervised:
    def __init__(self, home, command):
        self.home, self.command = home, command

    def event(self):
        return json.loads(self.command.stdout.readline())

    def free(self, megabytes):
        draft = self.home / "draft"
        draft.write_text(str(megabytes * MB))
        draft.rename(self.home / "free")

    def kill_service(self):
        for process in psutil.Process(self.command.pid).children():
            process.kill()


def test_services_wait_for_space_and_are_not_given_up(supervised):
    assert [supervised.event()[0], supervised.event()[0]] == ["ready", "up"]
    for _ in range(5):  # more often than a service may end otherwise
        supervised.free(0)
        supervised.kill_service()
        assert supervised.event() == ["full", "worker", f"no space left on {supervised.home} (needs about 100 MB)"]
        assert not psutil.Process(supervised.command.pid).children()
        supervised.free(500)
        assert supervised.event()[:2] == ["ready", "worker"]


@pytest.mark.parametrize(("free", "words"), [(0, "no space left on"), (60 * MB, "only 60 MB left on"), (10**9, "")])
def test_a_shortage_names_the_folder_and_what_is_needed(tmp_path, monkeypatch, free, words):
    monkeypatch.setattr(disk, "_free", lambda _: free)
    assert disk.shortage(tmp_path) == (f"{words} {tmp_path} (needs about 100 MB)" if words else "")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "file"))
    assert failures.sentence(full) == (disk.shortage(tmp_path) or f"no space left on {tmp_path}")


def test_the_space_of_a_folder_that_does_not_exist_yet_is_known(tmp_path):
    assert disk.shortage(tmp_path / "a" / "b") == disk.shortage(tmp_path)
