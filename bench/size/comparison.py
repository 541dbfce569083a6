"""Compare four trainings of many rows at once with one, and one with its bare fits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from bench import stacks, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKERS = 4
# Kind of rows, how many, how many in a quick run.
ROWS = (("numbers", 200_000, 20_000), ("mixed", 1_000_000, 50_000))
ESTIMATORS = {"LogisticRegression": {}, "HistGradientBoostingClassifier": {"max_iter": 30}}


def size(folder: Path, rounds: int, *, quick: bool) -> Iterator[table.Result]:
    """Measure each kind of rows with each estimator."""
    folder.mkdir(parents=True)
    for kind, full, few in ROWS:
        count = few if quick else full
        csv = folder / f"{kind}.csv"
        code = "import pathlib, sys; from bench.size import rows; "
        code += f"rows.write(rows.{kind}({count}), pathlib.Path(sys.argv[1]))"
        _run(folder, "-c", code, str(csv))
        for estimator, params in ESTIMATORS.items():
            config = folder / f"{estimator}.json"
            config.write_text(json.dumps({"estimator": estimator, "params": params}))
            yield from _measure(f"size, {kind}, {estimator}", count, csv, config, rounds)


def _measure(name: str, count: int, csv: Path, config: Path, rounds: int) -> Iterator[table.Result]:
    one, four, bare = [], [], []
    for _ in range(rounds):
        for workers, found in ((1, one), (WORKERS, four)):
            found.append(
                json.loads(_run(csv.parent, "-m", "bench.size.trainings", str(csv), str(config), str(workers)))
            )
            print(f"{name}: {workers} at once: {found[-1]}", flush=True)
        bare.append(float(_run(csv.parent, "-m", "bench.size.bare", str(csv), str(config))))
        print(f"{name}: bare fits: {bare[-1]:.2f} s", flush=True)
    memory = [[each["mib"] for each in side] for side in (four, one)]
    yield table.compare(f"{name}, memory of {WORKERS} at once, other is one", count, *memory, "MiB")
    yield table.compare(f"{name}, processor time, other is bare fits", count, [each["seconds"] for each in one], bare)


def _run(folder: Path, *arguments: str) -> str:
    """Run Python with a folder for the stack's state, and return the last line of what it prints."""
    state = os.environ | {"PODIUM_HOME": str(folder / "state")}
    command = [sys.executable, "-W", "ignore", *arguments]
    done = subprocess.run(command, cwd=stacks.ROOT, env=state, stdout=subprocess.PIPE, text=True, check=True)
    return (done.stdout.splitlines() or [""])[-1]
