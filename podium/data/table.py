"""The rows of a data set with their kinds, labels and weights, before they are split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data.columns import Kind, typed
from podium.data.report import ColumnReport, DataReport
from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from podium.data.refs import DatasetRef


@dataclass(frozen=True)
class Table:
    """The rows of a data set that have a label; all parts have the same index, 0, 1, 2, ….

    Parameters
    ----------
    features : pandas.DataFrame
        Numbers are float64, everything else is strings; see :data:`podium.data.columns.Kind`.
    labels : pandas.Series
        Class labels as the file has them.
    kinds : mapping of str to Kind
        The kind of each feature.
    weights : pandas.Series or None
        Weight of each row, if the spec names a column.
    ids : pandas.Series or None
        What identifies each row, if the spec names a column.
    raw : pandas.DataFrame
        The columns in `keep` of :func:`read_table`, typed as features are.
    positive : label or None
        The positive label, as it is in `labels`.
    report : DataReport
        What was found.
    """

    features: pd.DataFrame
    labels: pd.Series[Any]
    kinds: Mapping[str, Kind]
    weights: pd.Series[Any] | None
    ids: pd.Series[Any] | None
    raw: pd.DataFrame
    positive: Any
    report: DataReport


def read_table(ref: DatasetRef, keep: tuple[str, ...] = ()) -> Table:
    """Read the rows of a data set that have a label.

    Parameters
    ----------
    ref : DatasetRef
        The data set.
    keep : tuple of str
        Columns to return in ``raw``, whether they are features or not, such as those that a split names.

    Raises
    ------
    PodiumError
        If the file cannot be read, or its columns or labels cannot be used.
    """
    frame = _read(ref)
    named = [ref.target, *(column for column, _ in ref.columns), *([ref.weight] if ref.weight else []), *keep]
    for column in named:
        if column not in frame:
            raise PodiumError(f"data set {ref.name} has no column {column!r}{did_you_mean(column, frame.columns)}")
    frame = frame.dropna(subset=[ref.target]).reset_index(drop=True)
    columns = {column: typed(frame[column], ref.role(column)) for column in frame.columns if column != ref.target}
    apart = {ref.weight, *(column for column, role in ref.columns if role in ("id", "drop"))}
    features = {column: values for column, (values, _) in columns.items() if column not in apart}
    kinds = {column: kind for column, (_, kind) in columns.items() if column not in apart}
    identifier = next((column for column, role in ref.columns if role == "id"), None)
    labels = frame[ref.target]
    return Table(
        features=frame.iloc[:, :0].assign(**features),
        labels=labels,
        kinds=kinds,
        weights=columns[ref.weight][0] if ref.weight else None,
        ids=frame[identifier] if identifier else None,
        raw=frame.iloc[:, :0].assign(**{column: columns[column][0] for column in keep if column != ref.target}),
        positive=ref.positive,
        report=_report(ref, frame, kinds),
    )


def _report(ref: DatasetRef, frame: pd.DataFrame, kinds: Mapping[str, Kind]) -> DataReport:
    columns = tuple(
        ColumnReport(column, kinds.get(column, "target"), "", int(values.isna().sum()), int(values.nunique()))
        for column, values in frame.items()
        if isinstance(column, str)
    )
    classes = tuple((str(label), int(count)) for label, count in frame[ref.target].value_counts().items())
    return DataReport(ref.name, ref.source, ref.digest(), ref.target, len(frame), columns, classes)


def _read(ref: DatasetRef) -> pd.DataFrame:
    import pandas as pd

    if ref.path is None:
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{ref.name}")(as_frame=True)
        frame: pd.DataFrame = bunch.data.assign(target=bunch.target_names[bunch.target])
        return frame
    if ref.path.suffix == ".parquet":
        return pd.read_parquet(ref.path)
    read = ref.read
    sep = read.sep or ("\t" if ref.path.name.partition(".")[2].startswith("tsv") else ",")
    return pd.read_csv(ref.path, sep=sep, decimal=read.decimal, thousands=read.thousands, encoding=read.encoding)
