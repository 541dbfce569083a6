"""How the program of a service ends."""

import subprocess
import sys

import pytest

# What a scheduler leaves that fails: a worker that waits for tasks. It is no daemon, so Python would wait for it.
PROGRAM = """
import multiprocessing, signal, sys, threading
from podium.stack import launch

with launch._quick_end():
    if sys.argv[2] == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    multiprocessing.Process(target=threading.Event().wait).start()
    if sys.argv[1] == "full":
        sys.stdout = open("/dev/full", "w")
        print("no space")
    raise OSError("no space left")
"""


@pytest.mark.parametrize("worker", ["deaf", "other"])
@pytest.mark.parametrize("disk", ["full", "other"])
def test_a_program_that_fails_ends_with_its_workers(disk, worker):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, disk, worker], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "OSError: no space left" in ended.stderr
