"""How well a fitted classifier does on rows it has not seen."""

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
        Their labels.

    Returns
    -------
    dict of str to float
        ``accuracy``, ``balanced_accuracy``, ``f1_macro``, ``predict_seconds`` (for all rows); ``log_loss`` and
        ``roc_auc`` (one against the rest, macro average) where the classifier gives what they need and every class
        of the model occurs in `y`.
    """
    from sklearn import metrics

    started = time.perf_counter()
    predicted = model.predict(x)
    elapsed = time.perf_counter() - started
    scores = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted),
        "f1_macro": metrics.f1_score(y, predicted, average="macro"),
        "predict_seconds": elapsed,
    }
    all_classes_occur = set(model.classes_) == set(y)
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(x)
        scores["log_loss"] = metrics.log_loss(y, probabilities, labels=model.classes_)
        if all_classes_occur:
            scores["roc_auc"] = _roc_auc(y, probabilities, model.classes_)
    elif all_classes_occur and len(model.classes_) == 2 and hasattr(model, "decision_function"):  # noqa: PLR2004
        scores["roc_auc"] = metrics.roc_auc_score(y, model.decision_function(x), labels=model.classes_)
    return {name: float(value) for name, value in scores.items()}


def _roc_auc(y: pd.Series[Any], probabilities: np.ndarray[Any, Any], classes: np.ndarray[Any, Any]) -> float:
    from sklearn.metrics import roc_auc_score

    if len(classes) == 2:  # noqa: PLR2004
        return float(roc_auc_score(y == classes[1], probabilities[:, 1]))
    # Some classifiers' rows sum to 1 only within float32's precision, which roc_auc_score refuses.
    rows = probabilities / probabilities.sum(axis=1, keepdims=True)
    return float(roc_auc_score(y, rows, multi_class="ovr", labels=classes))
