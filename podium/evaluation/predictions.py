"""The predictions of a fitted classifier: everything that its scores depend on."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a fitted classifier on rows it has not seen.

    Parameters
    ----------
    labels : numpy.ndarray, (n_rows,)
        The predicted labels.
    probabilities : numpy.ndarray of float, (n_rows, n_classes), or None
        One column per class; None if the classifier has no probabilities.
    classes : numpy.ndarray, (n_classes,)
        The model's classes, in the order of the columns.
    decisions : numpy.ndarray of float, (n_rows, n_classes), or None
        Decision values that rank the rows; higher means that the class is more likely. None if the classifier has none,
        or nothing needs them.
    predict_seconds : float
        Time to predict the labels of all rows; NaN if it was not measured.
    rows : pandas.DataFrame, (n_rows, n_features), or None
        The rows, which a metric of the project's own may read.
    """

    labels: Array
    probabilities: Array | None
    classes: Array
    decisions: Array | None = None
    predict_seconds: float = math.nan
    rows: pd.DataFrame | None = None

    @classmethod
    def of(cls, model: Any, x: pd.DataFrame, *, decisions: bool = False) -> Predictions:
        """Predict rows, (n_rows, n_features), with a fitted classifier.

        Parameters
        ----------
        model : classifier
            Fitted scikit-learn estimator or pipeline.
        x : pandas.DataFrame, (n_rows, n_features)
            The rows.
        decisions : bool
            Also ask for the decision values if there are probabilities: some scorers of scikit-learn prefer them.

        Raises
        ------
        ValueError
            If a probability is not a number.
        """
        import numpy as np

        started = time.perf_counter()
        labels = model.predict(x)
        elapsed = time.perf_counter() - started
        probabilities = None
        if hasattr(model, "predict_proba"):
            probabilities = model.predict_proba(x)
            if not np.isfinite(probabilities).all():
                raise ValueError("predict_proba returns probabilities that are not numbers")
        ranks = probabilities is None and len(model.classes_) == 2  # noqa: PLR2004
        ranking = _decisions(model, x) if decisions or ranks else None
        return cls(labels, probabilities, model.classes_, ranking, elapsed, x)

    @property
    def ranking(self) -> Array | None:
        """Values that rank the rows by how likely they belong to each class; None if there are none.

        With more than two classes, decision values do not rank them: their scale differs from class to class.
        """
        if self.probabilities is not None:
            return self.probabilities
        return self.decisions if len(self.classes) == 2 else None  # noqa: PLR2004

    def with_classes(self, classes: Array) -> Predictions:
        """Return the same predictions with a column for each of these classes, in this order.

        A class that the model does not know has the probability 0, and a decision value below all others.

        Parameters
        ----------
        classes : numpy.ndarray, (n_classes,)
            All of the model's classes, and perhaps more.
        """
        import numpy as np

        order = np.argsort(classes)
        columns = order[np.searchsorted(classes, self.classes, sorter=order)]

        def spread(values: Array | None, least: float) -> Array | None:
            if values is None:
                return None
            wide = np.full((len(values), len(classes)), least, dtype=values.dtype)
            wide[:, columns] = values
            return wide

        least = -float(np.finfo("float32").max)
        return replace(
            self,
            classes=classes,
            probabilities=spread(self.probabilities, 0.0),
            decisions=spread(self.decisions, least),
        )

    def followed_by(self, other: Predictions) -> Predictions:
        """Return these predictions and those of another model with the same classes, one after the other."""
        import numpy as np
        import pandas as pd

        def joined(ours: Array | None, theirs: Array | None) -> Array | None:
            return None if ours is None or theirs is None else np.concatenate([ours, theirs])

        return Predictions(
            np.concatenate([self.labels, other.labels]),
            joined(self.probabilities, other.probabilities),
            self.classes,
            joined(self.decisions, other.decisions),
            rows=None if self.rows is None or other.rows is None else pd.concat([self.rows, other.rows]),
        )


def _decisions(model: Any, x: pd.DataFrame) -> Array | None:
    """Return the decision values by class; None if the classifier has none for each class."""
    import numpy as np

    if not hasattr(model, "decision_function"):
        return None
    found = np.asarray(model.decision_function(x))
    if found.ndim == 1:
        return np.column_stack([-found, found]) if len(model.classes_) == 2 else None  # noqa: PLR2004
    # One against one, a support vector classifier has a column for each pair of classes: three for three classes too.
    is_by_pair = getattr(getattr(model, "steps", [("", model)])[-1][1], "decision_function_shape", "") == "ovo"
    return None if is_by_pair or found.shape[1] != len(model.classes_) else found
