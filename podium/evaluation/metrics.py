"""How well a fitted classifier does on rows it has not seen.

The scores are scikit-learn's, taken from one confusion matrix and one ranking. scikit-learn checks and encodes the
labels anew in each of its functions, which on small data takes longer than the fit: four times what two predictions and
these scores take. Tests hold them against scikit-learn's own.

Each score takes how often each row counts, so that thousands of bootstrap resamples are scored at once.
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


# Every metric that training logs, and whether more of it is better.
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
class Answers:
    """What a fitted classifier answers on held-out rows: all that its scores depend on.

    Parameters
    ----------
    labels : numpy.ndarray, (n_rows,)
        The labels it predicts.
    probabilities : numpy.ndarray of float, (n_rows, n_classes), or None
        One column a class; None where the classifier gives none.
    classes : numpy.ndarray, (n_classes,)
        The model's own classes, in the order of the columns.
    decisions : numpy.ndarray of float, (n_rows, n_classes), or None
        What ranks the rows of a classifier without probabilities, the higher the more likely the class.
    predict_seconds : float
        How long the labels of all rows took; not a number where nobody measured.
    """

    labels: Array
    probabilities: Array | None
    classes: Array
    decisions: Array | None = None
    predict_seconds: float = math.nan

    @classmethod
    def of(cls, model: Any, x: pd.DataFrame) -> Answers:
        """Ask a fitted classifier about rows, (n_rows, n_features).

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
                raise ValueError("predict_proba gives probabilities that are not numbers")
        elif len(model.classes_) == 2 and hasattr(model, "decision_function"):  # noqa: PLR2004
            decision = model.decision_function(x)
            decisions = np.column_stack([-decision, decision])
        return cls(labels, probabilities, model.classes_, decisions, elapsed)

    @property
    def ranking(self) -> Array | None:
        """What orders the rows by how likely they belong to each class."""
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
        What :func:`scores_of` gives, and ``predict_seconds`` (for all rows).

    Raises
    ------
    ValueError
        If a probability is not a number.
    """
    answers = Answers.of(model, x)
    scores = {**scores_of(answers, y), "predict_seconds": answers.predict_seconds}
    return {name: float(value) for name, value in scores.items()}


def scores_of(
    answers: Answers, y: Any, names: Collection[str] = tuple(GREATER_IS_BETTER), counts: Array | None = None
) -> dict[str, Any]:
    """Compare answers with the true labels.

    Parameters
    ----------
    answers : Answers
        Of one classifier.
    y : array-like, (n_rows,)
        The true labels, all of them known to the classifier.
    names : collection of str
        The scores that are asked for.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default.

    Returns
    -------
    dict of str to float, or to numpy.ndarray (...)
        What :func:`label_scores` gives; ``log_loss`` and ``roc_auc`` (one against the rest, macro average) where the
        classifier gives what they need and, for ``roc_auc``, every class of the classifier occurs in `y`.
    """
    import numpy as np

    scores: dict[str, Any] = {}
    order = np.argsort(answers.classes)
    codes = order[np.searchsorted(answers.classes, np.asarray(y), sorter=order)]
    if not {"log_loss", "roc_auc"}.issuperset(names):
        scores = label_scores(y, answers.labels, counts)
    if "log_loss" in names and answers.probabilities is not None:
        scores["log_loss"] = log_loss(codes, answers.probabilities, counts)
    if "roc_auc" in names and answers.ranking is not None and len(np.unique(codes)) == len(answers.classes):
        scores["roc_auc"] = roc_auc(codes, answers.ranking, counts)
    return {name: value for name, value in scores.items() if name in names}


def label_scores(y: Any, predicted: Array, counts: Array | None = None) -> dict[str, Any]:
    """Compare predicted labels with the true ones, (n_rows,) each.

    Parameters
    ----------
    y : array-like, (n_rows,)
        The true labels.
    predicted : numpy.ndarray, (n_rows,)
        The predicted ones.
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
    hits, true, named = matrix.diagonal(axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2)
    # A label that no counted row has or is given takes no part in a mean.
    recall = hits / np.maximum(true, 1)
    f1 = 2 * hits / np.maximum(true + named, 1)
    return {
        "accuracy": hits.sum(axis=-1) / true.sum(axis=-1),
        "balanced_accuracy": recall.sum(axis=-1) / (true > 0).sum(axis=-1),
        "f1_macro": f1.sum(axis=-1) / (true + named > 0).sum(axis=-1),
        "f1_weighted": (f1 * true).sum(axis=-1) / true.sum(axis=-1),
        "worst_class_recall": np.where(true > 0, recall, 1).min(axis=-1),
    }


def _confusion(true: Array, named: Array, labels: int, counts: Array | None) -> Array:
    """Count the rows of each true and each predicted label, (..., labels, labels)."""
    import numpy as np

    pairs = true * labels + named
    if counts is None:
        return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels)
    order = np.argsort(pairs)
    occurring, starts = np.unique(pairs[order], return_index=True)
    matrix = np.zeros((*counts.shape[:-1], labels * labels), dtype=counts.dtype)
    matrix[..., occurring] = np.add.reduceat(counts[..., order], starts, axis=-1)
    return matrix.reshape(*counts.shape[:-1], labels, labels)


def log_loss(codes: Array, probabilities: Array, counts: Array | None = None) -> Any:
    """Return the mean negative log-likelihood; a probability of 0 counts as the least that its type tells from 0.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class.
    probabilities : numpy.ndarray of float, (n_rows, n_classes)
        One column a class.
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

    It is the Mann-Whitney U statistic over its maximum (Hanley and McNeil 1982), so that ties count half.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class; every class occurs.
    scores : numpy.ndarray of float, (n_rows, n_classes)
        The higher, the more likely the class.
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
