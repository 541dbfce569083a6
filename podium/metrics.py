"""How well a fitted classifier does on rows it has not seen.

The scores are scikit-learn's, taken from one confusion matrix and one ranking. scikit-learn checks and encodes the
labels anew in each of its functions, which on small data takes longer than the fit: four times what two predictions and
these scores take. Tests hold them against scikit-learn's own.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

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
        What :func:`label_scores` gives, and ``predict_seconds`` (for all rows); ``log_loss`` and ``roc_auc`` (one
        against the rest, macro average) where the classifier gives what they need and every class of the model occurs
        in `y`.

    Raises
    ------
    ValueError
        If a probability is not a number.
    """
    import numpy as np

    started = time.perf_counter()
    predicted = model.predict(x)
    elapsed = time.perf_counter() - started
    scores = {**label_scores(y, predicted), "predict_seconds": elapsed}
    codes = np.searchsorted(model.classes_, np.asarray(y))
    all_classes_occur = len(np.unique(codes)) == len(model.classes_)
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(x)
        if not np.isfinite(probabilities).all():
            raise ValueError("predict_proba gives probabilities that are not numbers")
        scores["log_loss"] = log_loss(codes, probabilities)
        if all_classes_occur:
            scores["roc_auc"] = roc_auc(codes, probabilities)
    elif all_classes_occur and len(model.classes_) == 2 and hasattr(model, "decision_function"):  # noqa: PLR2004
        decision = model.decision_function(x)
        scores["roc_auc"] = roc_auc(codes, np.column_stack([-decision, decision]))
    return {name: float(value) for name, value in scores.items()}


def label_scores(y: pd.Series[Any], predicted: np.ndarray[Any, Any]) -> dict[str, float]:
    """Compare predicted labels with the true ones, (n_rows,) each.

    Returns
    -------
    dict of str to float
        ``accuracy``, ``balanced_accuracy``, ``f1_macro``, ``f1_weighted``, and ``worst_class_recall``: the lowest
        recall of a class that occurs in `y`.
    """
    import numpy as np

    labels, codes = np.unique(np.concatenate([np.asarray(y), predicted]), return_inverse=True)
    count = len(labels)
    pairs = codes[: len(y)] * count + codes[len(y) :]
    matrix = np.bincount(pairs, minlength=count * count).reshape(count, count)
    hits, true, named = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    recall = hits[true > 0] / true[true > 0]
    f1 = 2 * hits / (true + named)
    return {
        "accuracy": hits.sum() / len(y),
        "balanced_accuracy": recall.mean(),
        "f1_macro": f1.mean(),
        "f1_weighted": np.average(f1, weights=true),
        "worst_class_recall": recall.min(),
    }


def log_loss(codes: np.ndarray[Any, Any], probabilities: np.ndarray[Any, Any]) -> float:
    """Return the mean negative log-likelihood; a probability of 0 counts as the least that its type tells from 0.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class.
    probabilities : numpy.ndarray of float, (n_rows, n_classes)
        One column a class.
    """
    import numpy as np

    least = np.finfo(probabilities.dtype).eps
    of_true = probabilities[np.arange(len(codes)), codes]
    return float(-np.log(np.clip(of_true, least, 1 - least)).mean())


def roc_auc(codes: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> float:
    """Return the area under the ROC curve of each class against the rest, averaged over the classes.

    It is the Mann-Whitney U statistic over its maximum (Hanley and McNeil 1982), so that ties count half.

    Parameters
    ----------
    codes : numpy.ndarray of int, (n_rows,)
        Column of each row's true class; every class occurs.
    scores : numpy.ndarray of float, (n_rows, n_classes)
        The higher, the more likely the class.
    """
    import numpy as np
    from scipy.stats import rankdata

    rows, classes = scores.shape
    ranks = rankdata(scores, axis=0)
    members = np.bincount(codes, minlength=classes)
    ranks_of_members = np.bincount(codes, ranks[np.arange(rows), codes], minlength=classes)
    areas = (ranks_of_members - members * (members + 1) / 2) / (members * (rows - members))
    return float(areas.mean())
