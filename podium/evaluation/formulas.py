"""The scores that training always logs, from one confusion matrix and one ranking.

They equal scikit-learn's, which tests check. scikit-learn checks and encodes the labels again in each of its functions.
On small data that takes longer than the fit: four times as long as two predictions and these scores.

Each score accepts row counts, so that thousands of bootstrap resamples are scored at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]


#: What :func:`label_scores` returns.
LABEL_SCORES = frozenset({"accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "worst_class_recall"})


def label_scores(y: Any, predicted: Array, counts: Array | None = None) -> dict[str, Any]:
    """Compare predicted labels with the true ones, (n_rows,) each.

    Parameters
    ----------
    y : array-like, (n_rows,)
        The true labels.
    predicted : numpy.ndarray, (n_rows,)
        The predicted labels.
    counts : numpy.ndarray, (..., n_rows), optional
        How often, or how much, each row counts; once by default.

    Returns
    -------
    dict of str to float, or to numpy.ndarray (...)
        ``accuracy``, ``balanced_accuracy``, ``f1_macro``, ``f1_weighted``, and ``worst_class_recall``: the lowest
        recall of a class that occurs in `y`.
    """
    import numpy as np

    labels, codes = np.unique(np.concatenate([np.asarray(y), predicted]), return_inverse=True)
    matrix = confusion(codes[: len(predicted)], codes[len(predicted) :], len(labels), counts)
    hits, true, predicted_as = matrix.diagonal(axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2)
    # A label that is neither true nor predicted for any counted row is left out of the means.
    recall = hits / np.where(true > 0, true, 1)
    f1 = 2 * hits / np.where(true + predicted_as > 0, true + predicted_as, 1)
    return {
        "accuracy": hits.sum(axis=-1) / true.sum(axis=-1),
        "balanced_accuracy": recall.sum(axis=-1) / (true > 0).sum(axis=-1),
        "f1_macro": f1.sum(axis=-1) / (true + predicted_as > 0).sum(axis=-1),
        "f1_weighted": (f1 * true).sum(axis=-1) / true.sum(axis=-1),
        "worst_class_recall": np.where(true > 0, recall, 1).min(axis=-1),
    }


def confusion(true: Array, predicted: Array, labels: int, counts: Array | None) -> Array:
    """Count the rows of each pair of true and predicted label.

    Parameters
    ----------
    true, predicted : numpy.ndarray of int, (n_rows,)
        Codes of the labels, below `labels`.
    labels : int
        Number of labels.
    counts : numpy.ndarray, (..., n_rows), or None
        How often, or how much, each row counts; None for once.

    Returns
    -------
    numpy.ndarray, (..., labels, labels)
        True labels in rows, predicted ones in columns.
    """
    import numpy as np

    pairs = true * labels + predicted
    if counts is None:
        return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels)
    if counts.ndim == 1:
        return np.bincount(pairs, weights=counts, minlength=labels * labels).reshape(labels, labels)
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
    counts : numpy.ndarray, (..., n_rows), optional
        How often, or how much, each row counts; once by default.
    """
    import numpy as np

    least = np.finfo(probabilities.dtype).eps
    of_true = probabilities[np.arange(len(codes)), codes]
    losses = -np.log(np.clip(of_true, least, 1 - least))
    return losses.mean() if counts is None else counts @ losses / counts.sum(axis=-1)


def roc_auc(codes: Array, scores: Array, counts: Array | None = None, columns: Sequence[int] | None = None) -> Any:
    """Return the area under the ROC curve of each class against the rest, averaged over the classes.

    It is the Mann-Whitney U statistic divided by its maximum (Hanley and McNeil 1982), so ties count half.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class; every class occurs.
    scores : numpy.ndarray of float, (n_rows, n_classes)
        A higher score means that the class is more likely.
    counts : numpy.ndarray, (..., n_rows), optional
        How often, or how much, each row counts; once by default. Every class has a positive count.
    columns : sequence of int, optional
        The classes to average over; all by default. For two classes, both areas are the same unless their scores are
        rounded differently: probabilities near 1 are, and those near 0 are not.
    """
    import numpy as np

    counts = np.ones(len(codes), dtype=int) if counts is None else counts
    areas = []
    for column in range(scores.shape[1]) if columns is None else columns:
        values = scores[:, column]
        order = np.argsort(values)
        starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
        ordered = counts[..., order]
        tied = np.add.reduceat(ordered, starts, axis=-1)
        members = np.add.reduceat(ordered * (codes[order] == column), starts, axis=-1)
        others = tied - members
        below = others.cumsum(axis=-1) - others / 2
        areas.append((members * below).sum(axis=-1) / (members.sum(axis=-1) * others.sum(axis=-1)))
    return np.mean(areas, axis=0)
