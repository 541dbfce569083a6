"""Which rows a version can be scored on: held-out rows that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.registry import data_records

if TYPE_CHECKING:
    import numpy as np

    from podium.data.datasets import Dataset
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Unseen:
    """The held-out rows that a version was not trained on.

    Parameters
    ----------
    mask : numpy.ndarray of bool, (n_test_rows,)
        Whether it was not trained on a row; all False if its training rows are unknown.
    reason : str
        Why some or all rows are left out; empty if none is.
    """

    mask: Array
    reason: str = ""

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.mask.sum())


def is_trained_on(version: Version, job: Job) -> bool:
    """Return whether a version was trained on the training part of a job's rows, and so on none of its test rows."""
    return job.tags.items() <= version.tags.items()


def unseen(models: Registry, version: Version, job: Job) -> Unseen:
    """Return which held-out rows of a job a version was not trained on.

    A version that was trained on the job's own training part has seen none of them. For any other, the record of its
    data says which rows it was trained on.
    """
    import numpy as np

    rows = datasets.load(job.dataset, job.split)
    if is_trained_on(version, job):
        return Unseen(np.ones(len(rows.y_test), dtype=bool))
    none = np.zeros(len(rows.y_test), dtype=bool)
    trained = data_records.read(models, version.tags)
    if trained is None:
        return Unseen(none, "its training rows are not recorded")
    if trained.scheme != rows.key_scheme:
        return Unseen(none, "its training rows cannot be recognised: they have other columns, or were read differently")
    mask = ~np.isin(rows.keys_test, trained.keys)
    seen = len(mask) - int(mask.sum())
    return Unseen(mask, f"it was trained on {seen} of the {len(mask)} held-out rows" if seen else "")


def only(rows: Dataset, mask: Array) -> Dataset:
    """Return a data set with only some of its test rows."""
    weights = rows.w_test
    return replace(
        rows,
        x_test=rows.x_test[mask],
        y_test=rows.y_test[mask],
        keys_test=rows.keys_test[mask],
        w_test=None if weights is None else weights[mask],
    )
