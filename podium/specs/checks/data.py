"""Checks that the data file of a spec exists and has the label column."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from podium.data.refs import path_problem
from podium.specs.arguments import is_later
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import STEPS, current_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podium.specs.checks.problems import Pointer, ProblemList


def check_data(problems: ProblemList, pointer: Pointer, conf: Mapping[str, Any], function: str) -> None:
    """Check the data set that a task passes to one of Podium's steps."""
    if not current_path(function).startswith(STEPS):
        return
    partial = conf.get("partial")
    for at, values in (((), conf), (("partial",), partial if isinstance(partial, dict) else {})):
        dataset = values.get("dataset")
        if isinstance(dataset, dict) and isinstance(dataset.get("path"), str) and not is_later(dataset["path"]):
            _check_file(problems, (*pointer, *at, "dataset"), dataset)


def _check_file(problems: ProblemList, pointer: Pointer, dataset: Mapping[str, Any]) -> None:
    written, target = dataset["path"], dataset.get("target")
    file = problems.project.path(written)
    try:
        problem = path_problem(written, file)
    except (OSError, ValueError):
        problem = "no such file"
    if problem:
        problems.add((*pointer, "path"), f"data set {written}: {problem}")
        return
    columns = _columns(file)
    if isinstance(target, str) and columns is not None and target not in columns and not is_later(target):
        problems.add((*pointer, "target"), f"{written} has no column {target!r}{hint(target, columns)}")


def _columns(file: Path) -> list[str] | None:
    """Return the columns of a file without reading its rows; None if it cannot be read."""
    try:
        if file.suffix == ".csv":
            with file.open(encoding="utf-8-sig", newline="") as rows:
                return next(csv.reader(rows), [])
        from pyarrow import parquet  # type: ignore[import-untyped]

        return list(parquet.read_schema(file).names)
    except (OSError, ValueError, csv.Error):  # pyarrow's errors are ValueErrors
        return None
