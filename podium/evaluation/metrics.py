"""Score a fitted classifier on rows it has not seen.

The scores equal scikit-learn's, which tests check, but come from one confusion matrix and one ranking. scikit-learn
checks and encodes the labels again in each of its functions. On small data that takes longer than the fit: four times
as long as two predictions and these scores.

Each score accepts row counts, so that thousands of bootstrap resamples are scored at once.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a fitted classifier on held-out rows: everything its scores depend on.

    Parameters
    ----------
    labels : numpy.ndarray, (n_rows,)
        The predicted labels.
    probabilities : numpy.ndarray of float, (n_rows, n_classes), or None
        One column per class; None if the classifier has no probabilities.
    classes : numpy.ndarray, (n_classes,)
        The model's classes, in the order of the columns.
    decisions : numpy.ndarray of float, (n_rows, n_classes), or None
        Decision values that rank the rows if there are no probabilities; higher means that the class is more likely.
    predict_seconds : float
        Time to predict the labels of all rows; NaN if it was not measured.
    """

    labels: Array
    probabilities: Array | None
    classes: Array
    decisions: Array | None = None
    predict_seconds: float = math.nan

    @classmethod
    def of(cls, model: Any, x: pd.DataFrame) -> Predictions:
        """Predict rows, (n_rows, n_features), with a fitted classifier.

        Raises
        ------
        ValueError
            If a probability is not a number.
        """
        import numpy as np

        started = time.perf_counter()
        labels = model.predict(x)
        elapsed = time.perf_counter() - started
        probabilities = decisions = None
        if hasattr(model, "predict_proba"):
            probabilities = model.predict_proba(x)
            if not np.isfinite(probabilities).all():
                raise ValueError("predict_proba returns probabilities that are not numbers")
        elif len(model.classes_) == 2 and hasattr(model, "decision_function"):  # noqa: PLR2004
            decision = model.decision_function(x)
            decisions = np.column_stack([-decision, decision])
        return cls(labels, probabilities, model.classes_, decisions, elapsed)

    @property
    def ranking(self) -> Array | None:
        """Values that rank the rows by how likely they belong to each class; None if there are none."""
        return self.decisions if self.probabilities is None else self.probabilities


def score(model: Any, x: pd.DataFrame, y: pd.Series[Any]) -> dict[str, float]:
    """Score a fitted classifier.

    Parameters
    ----------
    model : classifier
        Fitted scikit-learn estimator or pipeline.
    x : pandas.DataFrame, (n_rows, n_features)
        Held-out features.
    y : pandas.Series, (n_rows,)
        Their labels, all of them known to the model.

    Returns
    -------
    dict of str to float
        The scores of :func:`scores_of`, and ``predict_seconds`` (for all rows).

    Raises
    ------
    ValueError
        If a probability is not a number.
    """
    predictions = Predictions.of(model, x)
    scores = {**scores_of(predictions, y), "predict_seconds": predictions.predict_seconds}
    return {name: float(value) for name, value in scores.items()}


def scores_of(
    predictions: Predictions, y: Any, names: Collection[str] = tuple(GREATER_IS_BETTER), counts: Array | None = None
) -> dict[str, Any]:
    """Compare predictions with the true labels.

    Parameters
    ----------
    predictions : Predictions
        The predictions of one classifier.
    y : array-like, (n_rows,)
        The true labels, all of them known to the classifier.
    names : collection of str
        The requested scores.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default.

    Returns
    -------
    dict of str to float, or to numpy.ndarray (...)
        The scores of :func:`label_scores`. Also ``log_loss``, if there are probabilities, and ``roc_auc`` (one against
        the rest, macro average), if there is a ranking and every class of the classifier occurs in `y`.
    """
    import numpy as np

    scores: dict[str, Any] = {}
    order = np.argsort(predictions.classes)
    codes = order[np.searchsorted(predictions.classes, np.asarray(y), sorter=order)]
    if not {"log_loss", "roc_auc"}.issuperset(names):
        scores = label_scores(y, predictions.labels, counts)
    if "log_loss" in names and predictions.probabilities is not None:
        scores["log_loss"] = log_loss(codes, predictions.probabilities, counts)
    if "roc_auc" in names and predictions.ranking is not None and len(np.unique(codes)) == len(predictions.classes):
        scores["roc_auc"] = roc_auc(codes, predictions.ranking, counts)
    return {name: value for name, value in scores.items() if name in names}


def label_scores(y: Any, predicted: Array, counts: Array | None = None) -> dict[str, Any]:
    """Compare predicted labels with the true ones, (n_rows,) each.

    Parameters
    ----------
    y : array-like, (n_rows,)
        The true labels.
    predicted : numpy.ndarray, (n_rows,)
        The predicted labels.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default.

    Returns
    -------
    dict of str to float, or to numpy.ndarray (...)
        ``accuracy``, ``balanced_accuracy``, ``f1_macro``, ``f1_weighted``, and ``worst_class_recall``: the lowest
        recall of a class that occurs in `y`.
    """
    import numpy as np

    labels, codes = np.unique(np.concatenate([np.asarray(y), predicted]), return_inverse=True)
    matrix = _confusion(codes[: len(predicted)], codes[len(predicted) :], len(labels), counts)
    hits, true, predicted_as = matrix.diagonal(axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2)
    # A label that is neither true nor predicted for any counted row is left out of the means.
    recall = hits / np.maximum(true, 1)
    f1 = 2 * hits / np.maximum(true + predicted_as, 1)
    return {
        "accuracy": hits.sum(axis=-1) / true.sum(axis=-1),
        "balanced_accuracy": recall.sum(axis=-1) / (true > 0).sum(axis=-1),
        "f1_macro": f1.sum(axis=-1) / (true + predicted_as > 0).sum(axis=-1),
        "f1_weighted": (f1 * true).sum(axis=-1) / true.sum(axis=-1),
        "worst_class_recall": np.where(true > 0, recall, 1).min(axis=-1),
    }


def _confusion(true: Array, predicted: Array, labels: int, counts: Array | None) -> Array:
    """Count the rows of each pair of true and predicted label, (..., labels, labels)."""
    import numpy as np

    pairs = true * labels + predicted
    if counts is None:
        return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels)
    order = np.argsort(pairs)
    occurring, starts = np.unique(pairs[order], return_index=True)
    matrix = np.zeros((*counts.shape[:-1], labels * labels), dtype=counts.dtype)
    matrix[..., occurring] = np.add.reduceat(counts[..., order], starts, axis=-1)
    return matrix.reshape(*counts.shape[:-1], labels, labels)


def log_loss(codes: Array, probabilities: Array, counts: Array | None = None) -> Any:
    """Return the mean negative log-likelihood; a probability of 0 counts as the machine epsilon of its type.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class.
    probabilities : numpy.ndarray of float, (n_rows, n_classes)
        One column per class.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default.
    """
    import numpy as np

    least = np.finfo(probabilities.dtype).eps
    of_true = probabilities[np.arange(len(codes)), codes]
    losses = -np.log(np.clip(of_true, least, 1 - least))
    return losses.mean() if counts is None else counts @ losses / counts.sum(axis=-1)


def roc_auc(codes: Array, scores: Array, counts: Array | None = None) -> Any:
    """Return the area under the ROC curve of each class against the rest, averaged over the classes.

    It is the Mann-Whitney U statistic divided by its maximum (Hanley and McNeil 1982), so ties count half.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class; every class occurs.
    scores : numpy.ndarray of float, (n_rows, n_classes)
        A higher score means that the class is more likely.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default. Every class counts at least once.
    """
    import numpy as np

    counts = np.ones(len(codes), dtype=int) if counts is None else counts
    areas = []
    for column, values in enumerate(scores.T):
        order = np.argsort(values)
        starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
        ordered = counts[..., order]
        tied = np.add.reduceat(ordered, starts, axis=-1)
        members = np.add.reduceat(ordered * (codes[order] == column), starts, axis=-1)
        others = tied - members
        below = others.cumsum(axis=-1) - others / 2
        areas.append((members * below).sum(axis=-1) / (members.sum(axis=-1) * others.sum(axis=-1)))
    return np.mean(areas, axis=0)
