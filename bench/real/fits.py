"""One fit in a process of its own: ``python -m bench.real.fits STEP WORK``, with a `bench.real.sets.Work` as JSON.

``rows`` writes which rows Podium trains on. ``podium`` and ``skrub`` read the file, fit on those rows and predict the
others, and print what that took; ``podium`` then also does all else that a training does, which is not measured.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sklearn.ensemble
import sklearn.linear_model
import sklearn.neighbors
import sklearn.neural_network
import skrub
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from bench.real.sets import Work
from podium.configs.files import load_config
from podium.data import datasets
from podium.data.splits import Split
from podium.errors import PodiumError, one_line
from podium.project import Project
from podium.registry import model_files
from podium.training import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podium.data.datasets import Dataset

SPLIT = Split(folds=3)
GIB = 2**30
MODULES = (sklearn.ensemble, sklearn.linear_model, sklearn.neighbors, sklearn.neural_network)


def load(work: Work) -> Dataset:
    """Read and split the rows as a training does."""
    return datasets.load(datasets.DatasetRef.from_spec(work.dataset, Path(work.folder)), SPLIT)


def raw(work: Work) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Read the rows that have a label by hand, with the labels as they are written."""
    target = work.dataset["target"]
    frame = pd.read_csv(Path(work.folder) / work.dataset["path"], converters={target: str})
    frame = frame[frame[target].fillna("") != ""].reset_index(drop=True)
    return frame.drop(columns=target), frame[target]


def write_rows(work: Work) -> None:
    """Write the positions, among those with a label, of the rows that Podium trains on and of those it scores on.

    Rows that Podium refuses are divided by scikit-learn.

    Raises
    ------
    ValueError
        If Podium's labels of these rows are not those in the file.
    """
    labels = raw(work)[1]
    try:
        dataset = load(work)
        train, test = np.asarray(dataset.x_train.index), np.asarray(dataset.x_test.index)
        if list(dataset.y_test.map(str)) != list(labels.iloc[test]):
            raise ValueError("the rows by hand are not Podium's")
    except PodiumError:
        known = np.flatnonzero(labels.map(labels.value_counts()) > 1)
        train, test = train_test_split(known, test_size=0.4, random_state=0, stratify=labels.iloc[known])
    np.savez(work.rows, train=train, test=test)


def podium(work: Work) -> tuple[Any, pd.DataFrame, Sequence[Any]]:
    """Return Podium's fitted pipeline, and the test rows with their labels."""
    dataset = load(work)
    (config,) = load_config(Path(work.config), Project(Path(work.folder), Path(work.folder)))
    model = fit.pipeline(config, dataset, SPLIT.seed)
    model.fit(dataset.x_train, dataset.y_train)
    return model, dataset.x_test, dataset.y_test


def by_skrub(work: Work) -> tuple[Any, pd.DataFrame, Sequence[Any]]:
    """Return skrub's pipeline around the estimator, fitted on the same rows, and the same test rows and labels."""
    features, labels = raw(work)
    rows = np.load(work.rows)
    described = json.loads(Path(work.config).read_text())
    classes = {name: getattr(module, name) for module in MODULES for name in module.__all__}
    estimator = classes[described["estimator"]](**described["params"])
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=SPLIT.seed)
    model = skrub.tabular_pipeline(estimator)
    model.fit(features.iloc[rows["train"]], labels.iloc[rows["train"]])
    return model, features.iloc[rows["test"]], labels.iloc[rows["test"]]


def roc_auc(classes: Sequence[Any], probabilities: np.ndarray[Any, Any], labels: Sequence[Any]) -> float:
    """Return the mean, over the classes of the test rows, of the area under the curve of one class against the rest."""
    columns = {str(one): column for column, one in enumerate(classes)}
    written = pd.Series(labels).map(str)
    absent = np.zeros(len(written))
    areas = [
        roc_auc_score(written == one, probabilities[:, columns[one]] if one in columns else absent)
        for one in written.unique()
    ]
    return float(np.mean(areas))


def measure(work: Work, side: Callable[[Work], tuple[Any, pd.DataFrame, Sequence[Any]]]) -> dict[str, float]:
    """Fit and predict; return the seconds, the memory in MiB that it took at its greatest, and the score."""
    imported, started = _greatest_memory(), time.perf_counter()
    model, features, labels = side(work)
    probabilities = model.predict_proba(features)
    seconds, memory = time.perf_counter() - started, _greatest_memory() - imported
    return {"seconds": seconds, "mib": memory / 1024, "auc": roc_auc(model.classes_, probabilities, labels)}


def _greatest_memory() -> int:
    """Return the greatest memory of this process in KiB.

    Unlike ``ru_maxrss``, it has nothing of the process that started this one.
    """
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def train(work: Work) -> None:
    """Cross-validate, score, save and load, as a training does; what was loaded must predict the same.

    Raises
    ------
    ValueError
        If it does not.
    """
    dataset = load(work)
    (config,) = load_config(Path(work.config), Project(Path(work.folder), Path(work.folder)))
    model = fit.train(config, dataset, SPLIT).model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model_files.save_model(model, dataset, path)
        served = model_files.load_model(str(path)).served
        if list(served.predict(dataset.x_test)) != list(model.predict(dataset.x_test)):
            raise ValueError("the saved model predicts something else")


def main() -> None:
    """Do one step; what goes wrong is printed too, as ``error``, and whether it is a refusal."""
    step, work = sys.argv[1], Work(**json.loads(sys.argv[2]))
    limit = 8 * GIB
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    warnings.simplefilter("ignore")
    steps = {
        "rows": [write_rows],
        "podium": [lambda given: measure(given, podium), train],
        "skrub": [lambda given: measure(given, by_skrub)],
    }
    try:
        for one in steps[step]:
            print(json.dumps(one(work) or {}), flush=True)
    except Exception as error:  # noqa: BLE001 - it is a result
        refused = isinstance(error, PodiumError)
        print(json.dumps({"error": f"{type(error).__name__}: {one_line(error)}", "refused": refused}), flush=True)
    os._exit(0)  # joblib's and Python's own clean-up are nobody's


if __name__ == "__main__":
    main()
