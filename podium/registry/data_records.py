"""The record of a data set's training rows: one MLflow run per rows and split, which all their versions share.

It makes it possible to say years later whether a model was trained on a row.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podium.data import report
from podium.registry import tag_names
from podium.registry.names import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlflow.entities import Run

    from podium.data.datasets import Dataset
    from podium.data.keys import Keys
    from podium.registry.client import Registry

ROWS = "training_rows.npy"
#: MLflow stores up to 8,000 characters of a tag, and its page shows them all.
LONGEST_TAG = 2000
#: The data report as a page in HTML.
PAGE = "report.html"


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """The rows that models were trained on.

    Parameters
    ----------
    keys : numpy.ndarray of uint64, (n_keys,)
        Their distinct keys, sorted.
    scheme : str
        What the keys are made of; only keys of the same scheme can be compared.
    """

    keys: Keys
    scheme: str


def ensure(models: Registry, tags: Mapping[str, str], load: Callable[[], Dataset]) -> Run:
    """Return the record of a data set's training rows; write it if there is none.

    Processes that write it at the same time end with one record: each deletes the younger ones when it has finished, so
    the last one to finish sees all.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    tags : mapping of str to str
        Name of the data set, digest of its rows and digest of the split, as versions have them.
    load : callable
        Returns the rows; not called if there is a record.
    """
    if found := _finished(models, tags):
        return found[0]
    run = _write(models, tags, load())
    first, *others = _finished(models, tags) or [run]
    for other in others:
        models.client.delete_run(other.info.run_id)
    return first


def add_page(models: Registry, tags: Mapping[str, str], dataset: Dataset) -> None:
    """Add the data report as a page in HTML to the record, unless it has one; it takes seconds."""
    import pandas as pd

    for run in _finished(models, tags)[:1]:
        if any(file.path == PAGE for file in models.client.list_artifacts(run.info.run_id)):
            return
        rows = pd.concat([dataset.x_train, dataset.x_test])
        rows[dataset.target] = pd.concat([dataset.y_train, dataset.y_test])
        models.client.log_text(run.info.run_id, report.page(dataset.report, rows), PAGE)


def facts(found: report.DataReport) -> dict[str, str]:
    """Return the key facts of a data report as tags."""
    tags = {tag_names.DATA_ROWS: found.shape, tag_names.DATA_COLUMNS: found.kinds}
    if notes := [*found.dropping, *found.suspicious, *found.assumptions]:
        tags[tag_names.DATA_NOTES] = "\n".join(notes)[:LONGEST_TAG]
    return tags


def read(models: Registry, tags: Mapping[str, str]) -> TrainingRows | None:
    """Return the training rows of a version, by its tags; None if they are not recorded."""
    import numpy as np
    from mlflow.exceptions import MlflowException

    for run in _finished(models, tags):
        with contextlib.suppress(MlflowException, OSError, ValueError), tempfile.TemporaryDirectory() as folder:
            keys = np.load(models.client.download_artifacts(run.info.run_id, ROWS, folder), allow_pickle=False)
            if keys.dtype == np.uint64:
                return TrainingRows(keys, run.data.tags.get(tag_names.KEY_SCHEME, ""))
    return None


def _finished(models: Registry, tags: Mapping[str, str]) -> list[Run]:
    """Return the finished records of these rows, oldest first."""
    names = (tag_names.DATA_DIGEST, tag_names.SPLIT_DIGEST)
    if any(name not in tags for name in names):
        return []
    same = " and ".join(f"tags.`{name}` = '{tags[name]}'" for name in names)
    found = models.runs(f"{same} and attributes.status = 'FINISHED'", DATA)
    return sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))


def _write(models: Registry, tags: Mapping[str, str], dataset: Dataset) -> Run:
    import numpy as np
    from mlflow.entities import Metric

    described = {**tags, tag_names.KEY_SCHEME: dataset.key_scheme, **facts(dataset.report)}
    if dataset.notes:
        described |= {tag_names.NOTES: "\n".join(dataset.notes), "mlflow.note.content": "\n\n".join(dataset.notes)}
    run = models.client.create_run(models.experiment_id(DATA), run_name=dataset.name, tags=described)
    with models.artifact_folder(run.info.artifact_uri) as folder:
        content = io.BytesIO()
        np.save(content, np.unique(dataset.keys_train), allow_pickle=False)
        Path(folder, ROWS).write_bytes(content.getvalue())
        dataset.report.write(Path(folder))
    now = int(time.time() * 1000)
    counts = {"training_rows": len(dataset.y_train), "test_rows": len(dataset.y_test)}
    models.client.log_batch(run.info.run_id, [Metric(name, count, now, 0) for name, count in counts.items()])
    models.client.set_terminated(run.info.run_id)
    return models.client.get_run(run.info.run_id)
