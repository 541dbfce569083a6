"""What a bench found, as a table, as JSON and as a chart."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PACKAGES = ("apache-airflow", "dag-factory", "mlflow", "scikit-learn")


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Parameters
    ----------
    bench : str
        What was compared.
    n : int
        How much of it: configs, specs, versions or repetitions.
    podium, other : float or None
        Medians over the rounds; `other` is None where there is nothing to compare with.
    ratio, ratio_min, ratio_max : float or None
        Other ÷ Podium: median, least and greatest of the rounds, each of which measured both. Above 1 is better.
    unit : str
        Of `podium` and `other`.
    """

    bench: str
    n: int
    podium: float
    other: float | None
    ratio: float | None
    ratio_min: float | None
    ratio_max: float | None
    unit: str


def compare(bench: str, n: int, podium: Sequence[float], other: Sequence[float], unit: str = "s") -> Result:
    """Compare what both sides took in the same rounds; a round that only one side had is left out of the ratio."""
    ratios = [theirs / ours for ours, theirs in zip(podium, other, strict=False)]
    ends = min(ratios), max(ratios)
    return Result(bench, n, median(podium), median(other), median(ratios), *ends, unit)


def alone(bench: str, n: int, podium: float, unit: str = "s") -> Result:
    """Return a figure that nothing is compared with."""
    return Result(bench, n, podium, None, None, None, None, unit)


def markdown(results: Sequence[Result]) -> str:
    """Return the table, and on what it was measured."""
    cores = len(os.sched_getaffinity(0))
    releases = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        f"Measured on {datetime.now(UTC).date()} with {cores} cores, Python {platform.python_version()}, {releases}.",
        "",
        "| bench | n | Podium | other | unit | other ÷ Podium | least to greatest |",
        "|---|--:|--:|--:|---|--:|--:|",
    ]
    for one in results:
        spread = "" if one.ratio is None else f"{one.ratio_min:.2f} to {one.ratio_max:.2f}"
        figures = (_number(one.podium), _number(one.other), one.unit, _number(one.ratio), spread)
        lines.append(f"| {one.bench} | {one.n} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


def kept(results: Sequence[Result], folder: Path) -> list[Result]:
    """Return these results, and before them those of earlier calls that none of these replaces."""
    file = folder / "latest.json"
    before = [Result(**line) for line in json.loads(file.read_text())] if file.exists() else []
    new = {(one.bench, one.n) for one in results}
    return [*(one for one in before if (one.bench, one.n) not in new), *results]


def write(results: Sequence[Result], folder: Path) -> None:
    """Write ``latest.json`` and ``latest.md``."""
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")
    (folder / "latest.md").write_text(markdown(results))


def draw(results: Sequence[Result], n: int, names: dict[str, str], path: Path) -> None:
    """Draw how long the same configs take with Podium and with what it was compared with.

    Parameters
    ----------
    n : int
        How many configs.
    names : dict of str to str
        What to call the other side of each bench.
    """
    from matplotlib.figure import Figure

    shown = {one.bench: one for one in results if one.n == n and one.bench in names}
    if not shown:
        return
    bars = {names[bench]: one.other or 0 for bench, one in shown.items()}
    bars["Podium on Airflow"] = median(one.podium for one in shown.values())
    order = sorted(bars, key=bars.__getitem__, reverse=True)
    figure = Figure(figsize=(8, 0.5 * len(order) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.barh(
        order, [bars[name] for name in order], color=["#1f77b4" if "Podium" in o else "#b0b0b0" for o in order]
    )
    axes.bar_label(drawn, fmt="%.1f s", padding=3)
    axes.set(title=f"{n} configs, from the trigger to Production", xlabel="seconds")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004
