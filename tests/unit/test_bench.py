"""That the bench measures, and writes what it found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import table

ROOT = Path(__file__).parents[2]


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.slow
def test_a_bench_prints_a_table_and_writes_it(tmp_path):
    done = bench("--quick", "load", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "latest.json").read_text())
    specs = [one for one in found if one["bench"] == "load specs"]
    assert [one["n"] for one in specs] == [10, 100]
    assert specs[0].keys() == {"bench", "n", "podium", "other", "ratio", "ratio_min", "ratio_max", "unit"}
    for one in specs:
        assert 0 < one["ratio_min"] <= one["ratio"] <= one["ratio_max"]
    assert (tmp_path / "latest.md").read_text() in done.stdout


def test_an_unknown_bench_is_one_clear_line():
    done = bench("lode")
    assert done.returncode == 2
    assert "no bench lode: known are plain, limit, prefect" in done.stderr


def test_a_ratio_above_one_is_better_for_podium(tmp_path):
    compared = table.compare("plain", 40, [2.0, 4.0, 1.0], [10.0, 10.0, 10.0])
    assert (compared.podium, compared.other) == (2.0, 10.0)
    assert (compared.ratio, compared.ratio_min, compared.ratio_max) == (5.0, 2.5, 10.0)
    table.write([compared], tmp_path)
    newer = table.compare("plain", 40, [1.0], [20.0])
    other = table.alone("latency", 3, 0.5)
    assert table.kept([newer, other], tmp_path) == [newer, other]
    assert table.kept([other], tmp_path) == [compared, other]
