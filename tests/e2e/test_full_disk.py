"""The disk of the stack's state fills up during a run, and has space again later."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.support.checkout import PODIUM, copy_project
from tests.support.patience import PATIENCE

SIZE = "700m"


@pytest.fixture
def small(tmp_path):
    """A copy of the project whose state is on a small disk."""
    if os.getuid():
        pytest.skip("mounting a disk needs root")
    checkout = copy_project(tmp_path / "project")
    home = checkout.root / ".podium"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", home], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this container may not mount a disk")
    yield checkout
    subprocess.run(["umount", "--lazy", home], check=True)


def fill(path):
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(2**20))
        except OSError:
            return


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_goes_on_when_there_is_space_again(small, request):
    filling = small.root / ".podium" / "filling"
    command = subprocess.Popen(
        [PODIUM, "run", "iris_train"],
        cwd=small.root,
        env=small.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    request.addfinalizer(command.terminate)
    lines, filled = [], False
    for line in command.stdout:
        lines.append(line)
        if " done" in line and not filled:
            fill(filling)
            filled = True
        if "no space left on" in line and filling.exists():
            assert f"no space left on {filling.parent} (needs about 100 MB)" in line
            filling.unlink()
    assert command.wait(PATIENCE) == 0, "".join(lines)
    assert any("no space left on" in line for line in lines), "".join(lines)
    rows = json.loads(small.podium("leaderboard", "iris", "--json").stdout)
    assert len(rows) == 12
    assert [row["stage"] for row in rows].count("Production") == 1
