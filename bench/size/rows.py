"""The rows of ``bench size``: drawn, with a label that follows from some of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, Any]

TARGET = "label"
NUMBERS = 40
#: Kinds of the columns of mixed rows, and how many of each there are.
MIXED = {"number": 10, "category of 8": 6, "category of 500": 2, "date": 1, "flag": 1}


def numbers(rows: int) -> pd.DataFrame:
    """Return rows of 40 numbers."""
    random = np.random.default_rng(0)
    drawn = random.normal(size=(rows, NUMBERS)).round(4)
    frame = pd.DataFrame(drawn, columns=[f"x{column}" for column in range(NUMBERS)])
    return frame.assign(**{TARGET: _labels(drawn[:, :10].sum(axis=1), random)})


def mixed(rows: int) -> pd.DataFrame:
    """Return rows of 10 numbers with gaps, 8 categories, a date and a flag."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    total = np.zeros(rows)
    for kind, count in MIXED.items():
        for number in range(count):
            name = f"{kind} {number}".replace(" ", "_")
            values, effect = _column(kind, rows, random)
            columns[name], total = values, total + effect
    return pd.DataFrame(columns).assign(**{TARGET: _labels(total, random)})


def _column(kind: str, rows: int, random: np.random.Generator) -> tuple[Any, Array]:
    """Return the values of a column, and what they add to the chance of a label."""
    if kind == "number":
        values = random.normal(size=rows).round(4)
        return np.where(random.random(rows) < 0.05, np.nan, values), values  # noqa: PLR2004
    if kind == "flag":
        flags = random.random(rows) < 0.3  # noqa: PLR2004
        return flags, flags.astype(float)
    if kind == "date":
        days = random.integers(0, 2000, rows)
        return (np.datetime64("2020-01-01") + days).astype(str), (days % 7 > 4).astype(float)  # noqa: PLR2004
    codes = random.integers(0, int(kind.rsplit(" ", 1)[1]), rows)
    return np.char.add("value ", codes.astype(str)), (codes % 3 - 1).astype(float)


def _labels(total: Array, random: np.random.Generator) -> Array:
    noisy = total + random.normal(size=len(total)) * total.std()
    return np.where(noisy > np.median(noisy), "yes", "no")


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write rows as CSV."""
    frame.to_csv(path, index=False)
