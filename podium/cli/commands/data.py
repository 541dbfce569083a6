"""Show what a pipeline's rows are to a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podium.cli.context import AsJson, PipelineName, console, project

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podium.data.datasets import Dataset

#: The most columns and classes that the terminal shows; ``--json`` has all.
_MOST_COLUMNS, _MOST_CLASSES = 60, 20


def data(pipeline: PipelineName = None, as_json: AsJson = False) -> None:
    """Show the rows of a pipeline.

    Columns and their kinds, classes, what was assumed, and what looks wrong.
    """
    from podium.data import datasets
    from podium.pipeline.spec import find_pipeline

    job = find_pipeline(project(), pipeline).job
    rows = datasets.load(job.dataset, job.split)
    if as_json:
        parts = {"training": len(rows.x_train), "test": len(rows.x_test)}
        print(json.dumps({**rows.report.as_dict(), "parts": parts}, ensure_ascii=False))
    else:
        _show(rows)


def _show(rows: Dataset) -> None:
    report = rows.report
    parts = f"{len(rows.x_train)} for training, {len(rows.x_test)} held out"
    console.print(f"{report.name}: {report.rows} rows ({parts}), {len(rows.kinds)} features", markup=False)
    console.print(report.source, markup=False)
    console.print(_columns(report.columns[:_MOST_COLUMNS]))
    if len(report.columns) > _MOST_COLUMNS:
        console.print(f"and {len(report.columns) - _MOST_COLUMNS} more columns: --json lists all")
    _list(f"classes of {report.target}", [f"{label}: {count}" for label, count in report.classes[:_MOST_CLASSES]])
    if len(report.classes) > _MOST_CLASSES:
        console.print(f"  and {len(report.classes) - _MOST_CLASSES} more")
    _list("left out", [f"{count} rows: {why}" for why, count in report.dropped])
    _list("look at", report.suspicious)
    _list("parts", rows.notes)
    _list("assumed", report.assumptions)


def _columns(columns: Iterable[Any]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("column", "kind", "because of", "missing", "different"):
        table.add_column(heading, justify="right" if heading in ("missing", "different") else "left")
    for one in columns:
        distinct = "" if one.distinct is None else str(one.distinct)
        table.add_row(one.name, one.kind, one.why, str(one.missing or ""), distinct)
    return table


def _list(heading: str, lines: Iterable[str]) -> None:
    for at, line in enumerate(lines):
        if at == 0:
            console.print(f"{heading}:", markup=False)
        console.print(f"  {line}", markup=False)
