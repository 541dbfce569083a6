"""Fit one classifier config on a data set and score it."""

from __future__ import annotations

import functools
import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.configs import building, labels
from podium.data.selection import rows_at
from podium.evaluation import metrics, plots
from podium.training import column_params, cores
from podium.training.fit_warnings import FitWarning, collected
from podium.training.needs import Needs
from podium.training.own_steps import OwnSteps
from podium.training.preprocessing import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Collection

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
    warnings : tuple of FitWarning
        The warnings of all fits and scores.
    """

    model: Any
    scores: dict[str, float]
    fold_scores: list[dict[str, float]]
    warnings: tuple[FitWarning, ...] = ()


def train(config: ClassifierConfig, dataset: Dataset, split: Split, more: Collection[str] = ()) -> Training:
    """Cross-validate a config on the training part, fit it there, and score it on the held-out part.

    Parameters
    ----------
    config : ClassifierConfig
        The config.
    dataset : Dataset
        The rows.
    split : Split
        How they are divided.
    more : collection of str
        Scorers of scikit-learn to compute in addition to the metrics of every training.

    Raises
    ------
    Exception
        Any error that the classifier raises on these rows.
    """
    with collected() as warned:
        model, test_scores, fold_scores = _fitted(config, dataset, split, more)
    scores = {f"test_{name}": value for name, value in test_scores.items() if name != "fit_seconds"}
    scores["fit_seconds"] = test_scores["fit_seconds"]
    return Training(model, scores | _over_folds(fold_scores), fold_scores, warned.found)


def _fitted(
    config: ClassifierConfig, dataset: Dataset, split: Split, more: Collection[str]
) -> tuple[Any, dict[str, float], list[dict[str, float]]]:
    """Return the model, its scores on the held-out part, and those of each fold."""
    from sklearn.base import clone

    score = functools.partial(_fit_and_score, more=more, positive=dataset.positive)
    template = labels.match(pipeline(config, dataset, split.seed), dataset.y_train.unique())
    train = Rows(dataset.x_train, dataset.y_train, dataset.w_train)
    test = Rows(dataset.x_test, dataset.y_test, dataset.w_test)
    fold_scores = [
        score(clone(template), train.at(fit_rows), train.at(score_rows)) for fit_rows, score_rows in dataset.folds
    ]
    return template, score(template, train, test), fold_scores


@dataclass(frozen=True)
class Rows:
    """Some rows of a data set.

    Parameters
    ----------
    x : pandas.DataFrame, (n_rows, n_features)
        Features.
    y : pandas.Series, (n_rows,)
        Labels.
    weights : pandas.Series or None, (n_rows,)
        Weights.
    """

    x: pd.DataFrame
    y: pd.Series[Any]
    weights: pd.Series[Any] | None

    def at(self, positions: Any) -> Rows:
        """Return the rows at these positions."""
        weights = None if self.weights is None else self.weights.iloc[positions]
        return Rows(rows_at(self.x, positions), self.y.iloc[positions], weights)


def _fit_and_score(model: Any, fit: Rows, scored: Rows, *, more: Collection[str], positive: Any) -> dict[str, float]:
    cores.divide()
    started = time.perf_counter()
    model.fit(fit.x, fit.y, **_weighted(model, fit.weights))
    fit_seconds = time.perf_counter() - started
    weights = None if scored.weights is None else scored.weights.to_numpy()
    scores = metrics.score(model, scored.x, scored.y, more=more, weights=weights, positive=positive)
    return {**scores, "fit_seconds": fit_seconds}


def _weighted(model: Any, weights: pd.Series[Any] | None) -> dict[str, Any]:
    """Return the argument of a pipeline's ``fit`` that weights the rows, if its classifier takes weights."""
    from sklearn.utils.validation import has_fit_parameter

    if weights is None:
        return {}
    name, classifier = model.steps[-1]
    if has_fit_parameter(classifier, "sample_weight"):
        return {f"{name}__sample_weight": weights.to_numpy()}
    warnings.warn(f"{type(classifier).__name__} takes no weights: its rows count the same", UserWarning, stacklevel=2)
    return {}


def _over_folds(fold_scores: list[dict[str, float]]) -> dict[str, float]:
    """Return mean and standard deviation of each score over the folds that have it."""
    import numpy as np

    summary = {}
    for name in dict.fromkeys(name for fold in fold_scores for name in fold):
        values = [fold[name] for fold in fold_scores if name in fold]
        summary[f"cv_{name}"] = float(np.mean(values))
        summary[f"cv_{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return summary


def pipeline(config: ClassifierConfig, dataset: Dataset, seed: int) -> Any:
    """Build the unfitted pipeline: encoding, imputation and scaling if needed, the config's steps, the classifier.

    Raises
    ------
    PodiumError
        If the config names a column that does not exist.
    """
    from sklearn.pipeline import make_pipeline

    classifier = building.build_classifier(config, seed)
    own = OwnSteps.of(config.preprocess, dataset.kinds)
    needs = Needs.of(classifier)
    if own.rest:  # they cannot know which numbers are codes of categories
        needs = replace(needs, categories="columns")
    preprocessing = Preprocessing(
        rows=dataset.x_train,
        kinds=dataset.kinds,
        own=own,
        needs=needs,
        seed=seed,
        as_categories=column_params.named_categories(classifier, list(dataset.kinds)),
        keep_names=column_params.needs_names(classifier),
    )
    column_params.connect(classifier, preprocessing)
    return make_pipeline(*preprocessing.steps(), classifier)


def confusion_matrix_figure(model: Any, x: pd.DataFrame, y: pd.Series[Any], title: str) -> Figure:
    """Draw the confusion matrix of a fitted classifier on rows it has not seen."""
    return plots.matrix_figure(y, model.predict(x), model.classes_, title)
