"""Score a fitted classifier on rows it has not seen.

:mod:`podium.evaluation.formulas` computes the scores that training always logs, :mod:`podium.evaluation.scorers` any
other that scikit-learn has. Both take predictions, so that a model predicts its rows once, and accept row counts, for
bootstrap resamples.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean
from podium.evaluation import scorers
from podium.evaluation.formulas import LABEL_SCORES, label_scores, log_loss, roc_auc
from podium.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]


# Every metric that training logs, and whether higher is better.
GREATER_IS_BETTER = {
    "accuracy": True,
    "balanced_accuracy": True,
    "f1_macro": True,
    "f1_weighted": True,
    "worst_class_recall": True,
    "roc_auc": True,
    "log_loss": False,
    "fit_seconds": False,
    "predict_seconds": False,
}


def greater_is_better(metric: str) -> bool:
    """Return whether higher is better; it is for every scorer of scikit-learn, such as ``neg_brier_score``."""
    return GREATER_IS_BETTER.get(metric, True)


def known() -> list[str]:
    """Return every metric that can decide: those of training, then the scorers of scikit-learn."""
    return [*GREATER_IS_BETTER, *sorted(set(scorers.names()) - set(GREATER_IS_BETTER))]


def check_metric(metric: str) -> None:
    """Check that a metric can decide a promotion.

    Raises
    ------
    PodiumError
        If it is neither a metric that training logs nor a scorer of scikit-learn that fits a classifier.
    """
    if metric in GREATER_IS_BETTER or metric in scorers.names():
        return
    if instead := scorers.instead_of(metric):
        raise PodiumError(f"the metric {metric!r} is for rows with several labels: use {instead}")
    hint = did_you_mean(metric, known()) or f": use {', '.join(GREATER_IS_BETTER)}, or a scorer of scikit-learn"
    raise PodiumError(f"unknown metric {metric!r}{hint}")


def score(
    model: Any,
    x: pd.DataFrame,
    y: pd.Series[Any],
    *,
    more: Collection[str] = (),
    weights: Array | None = None,
    positive: Any = None,
) -> dict[str, float]:
    """Score a fitted classifier.

    Parameters
    ----------
    model : classifier
        Fitted scikit-learn estimator or pipeline.
    x : pandas.DataFrame, (n_rows, n_features)
        Held-out features.
    y : pandas.Series, (n_rows,)
        Their labels.
    more : collection of str
        Scorers of scikit-learn to compute in addition to :data:`GREATER_IS_BETTER`.
    weights : numpy.ndarray of float, (n_rows,), optional
        How much each row counts; once by default.
    positive : label, optional
        The positive class of the scorers that have one.

    Returns
    -------
    dict of str to float
        The scores of :func:`scores_of`, and ``predict_seconds`` (for all rows). A score that these rows do not define
        is left out, with a warning that says why.

    Raises
    ------
    ValueError
        If a probability is not a number.
    """
    more = [name for name in more if name not in GREATER_IS_BETTER]
    predictions = Predictions.of(model, x, decisions=any(map(scorers.prefers_decisions, more)))
    names = [*GREATER_IS_BETTER, *more]
    scores = {
        **scores_of(predictions, y, names, weights=weights, positive=positive, warn=True),
        "predict_seconds": predictions.predict_seconds,
    }
    return {name: float(value) for name, value in scores.items()}


def scores_of(
    predictions: Predictions,
    y: Any,
    names: Collection[str] = tuple(GREATER_IS_BETTER),
    counts: Array | None = None,
    *,
    weights: Array | None = None,
    positive: Any = None,
    warn: bool = False,
) -> dict[str, Any]:
    """Compare predictions with the true labels.

    A label that the classifier does not know counts as predicted wrongly, with the probability 0.

    Parameters
    ----------
    predictions : Predictions
        The predictions of one classifier.
    y : array-like, (n_rows,)
        The true labels.
    names : collection of str
        The requested scores.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default.
    weights : numpy.ndarray of float, (n_rows,), optional
        How much each row counts, like ``sample_weight`` of scikit-learn; once by default.
    positive : label, optional
        The positive class of the scorers that have one; see :func:`podium.evaluation.scorers.positive_class`.
    warn : bool
        Say why a score is left out that the predictions would define on other rows.

    Returns
    -------
    dict of str to float, or to numpy.ndarray (...)
        The scores of :func:`label_scores`. Also ``log_loss``, if there are probabilities, and ``roc_auc`` if there is a
        ranking and every class of the classifier occurs in `y`: of the positive class, or else the second one, if there
        are two; otherwise of each class against the rest, macro average. And any scorer of scikit-learn that these
        predictions define.
    """
    import numpy as np

    y = np.asarray(y)
    scores: dict[str, Any] = {}
    amounts = _amounts(counts, weights)
    predictions, codes = _coded(predictions, y)
    if not LABEL_SCORES.isdisjoint(names):
        scores = label_scores(y, predictions.labels, amounts)
    if "log_loss" in names and predictions.probabilities is not None:
        scores["log_loss"] = log_loss(codes, predictions.probabilities, amounts)
    if "roc_auc" in names and predictions.ranking is not None:
        if len(np.unique(codes)) == len(predictions.classes):
            scores["roc_auc"] = roc_auc(codes, predictions.ranking, amounts, _columns(predictions, positive))
        elif warn:
            absent = predictions.classes[np.setdiff1d(np.arange(len(predictions.classes)), codes)]
            _warn(f"roc_auc is undefined: no scored row is of class {str(absent[0])!r}")
    for name in names:
        if name not in GREATER_IS_BETTER:
            try:
                scores[name] = scorers.compute(name, predictions, y, counts, weights, positive)
            except ValueError as error:
                if warn:
                    _warn(str(error))
    return {name: value for name, value in scores.items() if name in names}


def _warn(message: str) -> None:
    from sklearn.exceptions import UndefinedMetricWarning

    warnings.warn(message, UndefinedMetricWarning, stacklevel=3)


def _amounts(counts: Array | None, weights: Array | None) -> Array | None:
    """Return how much each row counts altogether; None if each counts once."""
    if weights is None:
        return counts
    return weights if counts is None else counts * weights


def _columns(predictions: Predictions, positive: Any) -> list[int] | None:
    """Return the column of the class whose ROC curve counts if there are two; None for all of more."""
    classes = predictions.classes.tolist()
    if len(classes) != 2:  # noqa: PLR2004
        return None
    return [classes.index(positive if positive in classes else max(classes))]


def _coded(predictions: Predictions, y: Array) -> tuple[Predictions, Array]:
    """Return predictions with a column for every true class, and the column of each row's class."""
    import numpy as np

    order = np.argsort(predictions.classes)
    places = np.searchsorted(predictions.classes, y, sorter=order)
    codes = order[np.minimum(places, len(order) - 1)]
    if (predictions.classes[codes] == y).all():
        return predictions, codes
    classes = np.unique(np.concatenate([predictions.classes, y]))
    return predictions.with_classes(classes), np.searchsorted(classes, y)
