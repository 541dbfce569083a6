"""Data sets: reading their rows and splitting them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data import row_store
from podium.data.refs import BUILT_IN, KEYS, REQUIRED, SUFFIXES, DatasetRef
from podium.data.splits import split_digest
from podium.data.table import read_table
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from podium.data.columns import Kind
    from podium.data.report import DataReport
    from podium.data.splits import Split

__all__ = ["BUILT_IN", "KEYS", "REQUIRED", "SUFFIXES", "Dataset", "DatasetRef", "load"]


@dataclass(frozen=True)
class Dataset:
    """The rows of a data set, split.

    Parameters
    ----------
    name, digest, source : str
        Recorded in MLflow.
    target : str
        Name of the target column.
    x_train, x_test : pandas.DataFrame
        Features, (n_rows, n_features); numbers and strings.
    y_train, y_test : pandas.Series
        Class labels, (n_rows,).
    kinds : mapping of str to Kind
        The kind of each feature.
    w_train, w_test : pandas.Series or None
        Weights of the rows, (n_rows,); None if the spec names no column of weights.
    positive : label or None
        The label that counts as positive, as it is in `y_train`.
    report : DataReport
        What was found in the rows.
    """

    name: str
    digest: str
    source: str
    target: str
    x_train: pd.DataFrame
    x_test: pd.DataFrame
    y_train: pd.Series[Any]
    y_test: pd.Series[Any]
    kinds: Mapping[str, Kind]
    w_train: pd.Series[Any] | None
    w_test: pd.Series[Any] | None
    positive: Any
    report: DataReport


def load(ref: DatasetRef, split: Split) -> Dataset:
    """Read a data set and split it, stratified by class.

    Rows without a label are dropped. The processes of a stack read each data set only once, and map the same copy.

    Raises
    ------
    PodiumError
        If there is no target column, or a class has too few rows for both parts and every fold.
    """
    return _load(ref, ref.digest(), split)


def is_at_hand(ref: DatasetRef, split: Split) -> bool:
    """Return whether :func:`load` need not read a file of the user: a process of the stack has, or there is none."""
    store = row_store.of_environment()
    return ref.path is None or (store is not None and store.has(*_key(ref, ref.digest(), split)))


@functools.lru_cache(maxsize=4)
def _load(ref: DatasetRef, digest: str, split: Split) -> Dataset:
    """Read a data set, or map the rows that another process of the stack has read and split."""
    store = row_store.of_environment() if ref.path else None
    if store is None:
        return _read(ref, digest, split)
    return Dataset(**store.get(_key(ref, digest, split), lambda: vars(_read(ref, digest, split))))


def _key(ref: DatasetRef, digest: str, split: Split) -> tuple[str, ...]:
    """Return what a :class:`Dataset` follows from."""
    return ref.name, ref.source, digest, split_digest(split)


def _row_major(frame: pd.DataFrame) -> pd.DataFrame:
    """Return numbers row by row in memory, as most estimators copy them otherwise; other rows as they are."""
    import numpy as np
    import pandas as pd

    if not len(frame.columns) or any(dtype != np.float64 for dtype in frame.dtypes):
        return frame
    return pd.DataFrame(np.ascontiguousarray(frame.to_numpy()), frame.index, frame.columns, copy=False)


def _read(ref: DatasetRef, digest: str, split: Split) -> Dataset:
    from sklearn.model_selection import train_test_split

    table = read_table(ref)
    features, labels = table.features, table.labels
    counts = labels.value_counts()
    # Each class needs a row in every fold of the training rows and one in the test rows.
    if counts.min() < split.folds + 1:
        raise PodiumError(
            f"data set {ref.name}: class {counts.idxmin()!r} has {counts.min()} rows; {split.folds} folds need "
            f"at least {split.folds + 1}"
        )
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=split.test_size, random_state=split.seed, stratify=labels
    )
    weights = table.weights
    return Dataset(
        name=ref.name,
        digest=digest,
        source=ref.source,
        target=ref.target,
        x_train=_row_major(x_train),
        x_test=_row_major(x_test),
        y_train=y_train,
        y_test=y_test,
        kinds=table.kinds,
        w_train=None if weights is None else weights.loc[x_train.index],
        w_test=None if weights is None else weights.loc[x_test.index],
        positive=table.positive,
        report=table.report,
    )
