"""Checks that the data of a spec can be read and split, and has the columns that the spec names."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from podium.data.options import READ_SCHEMA, ReadOptions
from podium.data.reading import column_names
from podium.data.refs import path_problem
from podium.data.splits import SPLIT_SCHEMA, Split
from podium.errors import PodiumError, one_line
from podium.specs.arguments import Argument, is_later
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import STEPS, current_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podium.specs.checks.problems import Pointer, ProblemList

#: Keys of a data set whose value is the name of a column.
_COLUMN = ("target", "weight")
#: Keys of a split whose value is the name of a column.
_OF_SPLIT = ("time", "group", "fold")


def check_data(problems: ProblemList, pointer: Pointer, conf: Mapping[str, Any], function: str) -> None:
    """Check the data set that a task passes to one of Podium's steps."""
    if not current_path(function).startswith(STEPS):
        return
    partial = conf.get("partial")
    for at, values in (((), conf), (("partial",), partial if isinstance(partial, dict) else {})):
        dataset, split = values.get("dataset"), values.get("split")
        if isinstance(split, dict):
            _check_split(problems, (*pointer, *at, "split"), split)
        if isinstance(dataset, dict) and isinstance(dataset.get("path"), str) and not is_later(dataset["path"]):
            named = _named((*pointer, *at), dataset, split if isinstance(split, dict) else {})
            _check_file(problems, (*pointer, *at, "dataset"), dataset, dict(named))


def _named(pointer: Pointer, dataset: Mapping[str, Any], split: Mapping[str, Any]) -> Iterator[tuple[Pointer, str]]:
    """Yield the columns that a spec names, and where."""
    for key in _COLUMN:
        if isinstance(dataset.get(key), str):
            yield (*pointer, "dataset", key), dataset[key]
    for name in dataset["columns"] if isinstance(dataset.get("columns"), dict) else ():
        yield (*pointer, "dataset", "columns", name), str(name)
    for key in _OF_SPLIT:
        if isinstance(split.get(key), str):
            yield (*pointer, "split", key), split[key]


def _check_split(problems: ProblemList, pointer: Pointer, split: Mapping[str, Any]) -> None:
    """Check that a split has the keys of its kind and no others."""
    if any(map(is_later, split.values())) or not Argument("split", SPLIT_SCHEMA).accepts(dict(split)):
        return  # not known yet, or the check of arguments reports it
    try:
        Split.from_spec(split)
    except PodiumError as error:
        problems.add(pointer, one_line(error))


def _check_file(
    problems: ProblemList, pointer: Pointer, dataset: Mapping[str, Any], named: Mapping[Pointer, str]
) -> None:
    written = dataset["path"]
    file = problems.project.path(written)
    try:
        problem = path_problem(written, file)
    except (OSError, ValueError):
        problem = "no such file"
    if problem:
        problems.add((*pointer, "path"), f"data set {written}: {problem}")
        return
    given = dataset.get("read")
    if given is not None and not Argument("read", READ_SCHEMA).accepts(given):
        return  # the check of arguments reports it
    try:
        read = ReadOptions.from_spec(given)
    except PodiumError as error:
        problems.add((*pointer, "read"), one_line(error))
        return
    try:
        columns = column_names(file, read, written)
    except PodiumError as error:
        problems.add((*pointer, "path"), one_line(error))
        return
    except (OSError, ValueError, csv.Error):
        return
    for at, name in named.items():
        if name not in columns and not is_later(name):
            problems.add(at, f"{written} has no column {name!r}{hint(name, columns)}", key="columns" in at)
