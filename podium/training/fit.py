"""Fit one classifier config on a data set and score it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.configs import building
from podium.evaluation import metrics, plots
from podium.training import cores

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from podium.configs.config import ClassifierConfig
    from podium.data.datasets import Dataset
    from podium.data.splits import Split


@dataclass(frozen=True)
class Training:
    """A finished training.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        The model with its preprocessing, fitted on the training part.
    scores : dict of str to float
        ``test_*`` on the held-out part; ``cv_*`` and ``cv_*_std``, mean and standard deviation over the folds of the
        training part.
    fold_scores : list of dict of str to float
        The same metrics for each fold.
    """

    model: Any
    scores: dict[str, float]
    fold_scores: list[dict[str, float]]


def train(config: ClassifierConfig, dataset: Dataset, split: Split) -> Training:
    """Cross-validate a config on the training part, fit it there, and score it on the held-out part.

    Raises
    ------
    Exception
        Any error that the classifier raises on these rows.
    """
    from sklearn.base import clone

    template = pipeline(config, dataset.x_train, dataset.x_test, split.seed)
    fold_scores = []
    for fit_rows, score_rows in dataset.folds:
        x_fit, y_fit = dataset.x_train.iloc[fit_rows], dataset.y_train.iloc[fit_rows]
        x_score, y_score = dataset.x_train.iloc[score_rows], dataset.y_train.iloc[score_rows]
        fold_scores.append(_fit_and_score(clone(template), x_fit, y_fit, x_score, y_score))
    test_scores = _fit_and_score(template, dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    scores = {f"test_{name}": value for name, value in test_scores.items() if name != "fit_seconds"}
    scores["fit_seconds"] = test_scores["fit_seconds"]
    return Training(template, scores | _over_folds(fold_scores), fold_scores)


def _fit_and_score(
    model: Any, x_fit: pd.DataFrame, y_fit: pd.Series[Any], x_score: pd.DataFrame, y_score: pd.Series[Any]
) -> dict[str, float]:
    cores.divide()
    started = time.perf_counter()
    model.fit(x_fit, y_fit)
    fit_seconds = time.perf_counter() - started
    return {**metrics.score(model, x_score, y_score), "fit_seconds": fit_seconds}


def _over_folds(fold_scores: list[dict[str, float]]) -> dict[str, float]:
    import numpy as np

    summary = {}
    for name in fold_scores[0]:
        values = [fold[name] for fold in fold_scores if name in fold]
        summary[f"cv_{name}"] = float(np.mean(values))
        summary[f"cv_{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return summary


def pipeline(config: ClassifierConfig, x_train: pd.DataFrame, x_test: pd.DataFrame, seed: int) -> Any:
    """Build the unfitted pipeline: encoding and imputation if needed, the config's preprocessing, the classifier.

    String columns are one-hot encoded; a value not seen in training becomes all zeros. Missing numbers are imputed with
    the median, missing strings with the most frequent value. Complete numeric rows need neither.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    strings = list(x_train.select_dtypes("object").columns)
    numbers = [column for column in x_train.columns if column not in strings]
    steps = []
    if strings or x_train.isna().any(axis=None) or x_test.isna().any(axis=None):
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        encoded = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
        steps.append(make_column_transformer((SimpleImputer(strategy="median"), numbers), (encoded, strings)))
    return make_pipeline(*steps, *building.build_steps(config, seed))


def confusion_matrix_figure(model: Any, x: pd.DataFrame, y: pd.Series[Any], title: str) -> Figure:
    """Draw the confusion matrix of a fitted classifier on rows it has not seen."""
    return plots.matrix_figure(y, model.predict(x), model.classes_, title)
