"""What a metric needs of the classes and of the classifier, found out before anything is trained."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from podium.configs import own_code
from podium.evaluation import scorers
from podium.evaluation.metrics import GREATER_IS_BETTER, scores_of
from podium.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]


# Rows of each class in the trial, of which one is predicted wrongly: no score is undefined by chance then.
ROWS_OF_A_CLASS = 4
_PROBABILITY = 0.75


def obstacle(
    metric: str, classes: Sequence[Any], positive: Any = None, *, weighted: bool = False, model: Any = None
) -> str:
    """Return why a metric cannot be computed, as a sentence; empty if it can be.

    The metric is tried on a few made-up predictions. A metric of the project's own is imported, not tried: it may need
    real rows.

    Parameters
    ----------
    metric : str
        A metric of training, a scorer of scikit-learn, or a metric of the project's own.
    classes : sequence of labels
        The classes of the data, 2 or more.
    positive : label, optional
        The positive class, as the spec has it.
    weighted : bool
        Whether the rows have weights.
    model : classifier, optional
        Unfitted scikit-learn estimator or pipeline. Default: one that has probabilities and decision values.

    Raises
    ------
    PodiumError
        If a metric of the project's own cannot be imported.
    """
    import numpy as np

    if metric in (own := own_code.current()).names(own_code.METRICS):
        own.scorer(metric)
        return ""

    predictions, y = _trial(np.asarray(classes), model)
    weights = np.ones(len(y)) if weighted else None
    if metric in GREATER_IS_BETTER:
        if metric.endswith("_seconds") or metric in scores_of(predictions, y, [metric], weights=weights):
            return ""
        kinds = "probabilities" if metric == "log_loss" or len(classes) > 2 else "probabilities or decision values"  # noqa: PLR2004
        return f"{metric} needs {kinds}, which the classifier does not give"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scorers.compute(metric, predictions, y, weights=weights, positive=positive)
    except ValueError as error:
        return str(error)
    return ""


def _trial(classes: Array, model: Any) -> tuple[Predictions, Array]:
    """Return made-up predictions as this model would give them, and the true labels."""
    import numpy as np

    count = len(classes)
    true = np.repeat(np.arange(count), ROWS_OF_A_CLASS)
    wrong = np.arange(len(true)) % ROWS_OF_A_CLASS == 0
    predicted = np.where(wrong, (true + 1) % count, true)
    values = np.full((len(true), count), (1 - _PROBABILITY) / (count - 1))
    values[np.arange(len(true)), predicted] = _PROBABILITY
    probabilities = values if _may_have(model, "predict_proba") else None
    decisions = values if _may_have(model, "decision_function") else None
    return Predictions(classes[predicted], probabilities, classes, decisions), classes[true]


def _may_have(model: Any, method: str) -> bool:
    """Return whether a classifier has a method once it is fitted, or may have it."""
    if model is None or hasattr(model, method):
        return True
    # A stacking classifier only knows when it is fitted; its final estimator is a logistic regression by default.
    found = model.get_params().items() if hasattr(model, "get_params") else ()
    return any(name.rpartition("__")[2] == "final_estimator" and value is None for name, value in found)
