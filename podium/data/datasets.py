"""Data sets: reading their rows and splitting them."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.data import keys, rare, row_store
from podium.data.division import RareClassError, divide
from podium.data.refs import BUILT_IN, KEYS, REQUIRED, SUFFIXES, DatasetRef
from podium.data.selection import rows_at
from podium.data.splits import split_digest
from podium.data.table import read_table
from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from podium.data.columns import Kind
    from podium.data.division import Division
    from podium.data.keys import Keys
    from podium.data.parts import Fold
    from podium.data.report import DataReport
    from podium.data.splits import Split
    from podium.data.table import Table

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
    keys_train, keys_test : numpy.ndarray of uint64, (n_rows,)
        The keys by which rows are recognised: see :class:`podium.data.division.Division`.
    key_scheme : str
        What the keys are made of; only keys of the same scheme can be compared.
    folds : list of (numpy.ndarray of int, numpy.ndarray of int)
        For each fold of the cross-validation, the positions in the training part that are fitted and that are scored.
    notes : tuple of str
        What the user should know about the split, one sentence each.
    na_values : tuple of str
        What means missing in the features, besides what always does.
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
    keys_train: Keys
    keys_test: Keys
    key_scheme: str
    folds: list[Fold]
    notes: tuple[str, ...]
    na_values: tuple[str, ...] = ()

    @property
    def scoring(self) -> dict[str, Any]:
        """How the test rows are scored: their ``weights``, as an array or None, and the ``positive`` class."""
        return {"weights": None if self.w_test is None else self.w_test.to_numpy(), "positive": self.positive}


def load(ref: DatasetRef, split: Split) -> Dataset:
    """Read a data set and split it.

    Rows without a label are dropped. The processes of a stack read each data set only once, and map the same copy.

    Raises
    ------
    PodiumError
        If the rows cannot be used, or a class has too few rows for both parts and every fold.
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


def _read(ref: DatasetRef, digest: str, split: Split) -> Dataset:
    table = read_table(ref, (split.column,) if split.column else ())
    if split.fold:
        table = _without(table, split.fold)
    try:
        table, parts = _divided(ref, table, split)
    except PodiumError as error:
        raise PodiumError(f"data set {ref.name}: {error}") from error
    features, labels, weights = table.features, table.labels, table.weights
    return Dataset(
        name=ref.name,
        digest=digest,
        source=ref.source,
        target=ref.target,
        x_train=rows_at(features, parts.train),
        x_test=rows_at(features, parts.test),
        y_train=labels.iloc[parts.train],
        y_test=labels.iloc[parts.test],
        kinds=table.kinds,
        w_train=None if weights is None else weights.iloc[parts.train],
        w_test=None if weights is None else weights.iloc[parts.test],
        positive=table.positive,
        report=table.report,
        keys_train=parts.keys[parts.train],
        keys_test=parts.keys[parts.test],
        key_scheme=_key_scheme(ref, table, split),
        folds=parts.folds,
        notes=parts.notes,
        na_values=ref.read.na_values,
    )


def _without(table: Table, part: str) -> Table:
    """Return rows without the column that names their parts: it is no property of them, and can change."""
    columns = [replace(c, kind="drop", why="it names the parts") if c.name == part else c for c in table.report.columns]
    return replace(
        table,
        features=table.features.drop(columns=part, errors="ignore"),
        kinds={name: kind for name, kind in table.kinds.items() if name != part},
        report=replace(table.report, columns=tuple(columns)),
    )


def _divided(ref: DatasetRef, table: Table, split: Split) -> tuple[Table, Division]:
    """Return a table and its parts, after what the spec says about classes with too few rows for them.

    Raises
    ------
    PodiumError
        If the parts lack a class, or the rows cannot be divided.
    """
    if ref.rare_classes != "refuse":
        needed = split.folds + 1
        table = rare.without(ref, table, rare.too_rare(table, needed), f"{split.folds} folds need at least {needed}")
    while True:
        try:
            return table, divide(table, split)
        except RareClassError as error:
            table = rare.without(ref, table, error.classes, str(error))


def _key_scheme(ref: DatasetRef, table: Table, split: Split) -> str:
    """Return a digest of what decides which key a row has, apart from the row."""
    made_of: list[Any] = [keys.REVISION, split.kind, split.column]
    if split.kind != "group":
        # The same row has another key when it is read with other options, or when a column comes or goes.
        identifier = [column for column, role in ref.columns if role == "id"]
        types = [(column, "string" if kind in {"category", "text"} else kind) for column, kind in table.kinds.items()]
        made_of += [identifier or sorted(types), ref.read.as_spec(), bool(ref.path and "parquet" in ref.path.name)]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
