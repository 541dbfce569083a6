"""scikit-learn's scorers, on predictions instead of a model.

A scorer asks a model for its predictions. Here it gets those that were made once: a stand-in returns them.
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

from podium.configs import own_code
from podium.errors import cause
from podium.evaluation.formulas import confusion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    import pandas as pd

    from podium.evaluation.predictions import Predictions

    Array = np.ndarray[Any, Any]


#: Scorers of one class against the rest.
BINARY = frozenset(
    {
        "average_precision",
        "f1",
        "jaccard",
        "neg_negative_likelihood_ratio",
        "positive_likelihood_ratio",
        "precision",
        "recall",
    }
)
#: Scorers that need probabilities.
PROBABILITIES = frozenset(
    {
        "d2_brier_score",
        "d2_log_loss_score",
        "neg_brier_score",
        "neg_log_loss",
        "roc_auc_ovo",
        "roc_auc_ovo_weighted",
        "roc_auc_ovr",
        "roc_auc_ovr_weighted",
    }
)
#: Scorers that need a ranking of the rows: decision values, which they prefer, or probabilities.
RANKINGS = frozenset({"average_precision", "top_k_accuracy"})
#: Scorers of how far a label is from the true one, for labels that are numbers.
NUMERIC = frozenset(
    {
        "d2_absolute_error_score",
        "explained_variance",
        "neg_max_error",
        "neg_mean_absolute_error",
        "neg_mean_absolute_percentage_error",
        "neg_mean_gamma_deviance",
        "neg_mean_poisson_deviance",
        "neg_mean_squared_error",
        "neg_mean_squared_log_error",
        "neg_median_absolute_error",
        "neg_root_mean_squared_error",
        "neg_root_mean_squared_log_error",
        "r2",
    }
)
#: Scorers that cannot weight rows.
UNWEIGHTED = frozenset(
    {
        "adjusted_mutual_info_score",
        "adjusted_rand_score",
        "completeness_score",
        "fowlkes_mallows_score",
        "homogeneity_score",
        "mutual_info_score",
        "neg_max_error",
        "neg_negative_likelihood_ratio",
        "normalized_mutual_info_score",
        "positive_likelihood_ratio",
        "rand_score",
        "v_measure_score",
    }
)
# Scorers for which a row that counts twice is not the same as two rows: they cannot weight rows, or take a median.
_BY_ROW = UNWEIGHTED | {"d2_absolute_error_score", "neg_median_absolute_error"}
_OF_SEVERAL_LABELS = "_samples"


def names() -> tuple[str, ...]:
    """Return the names of scikit-learn's scorers for classifiers with one label per row, then the project's own."""
    return (*_of_scikit_learn(), *own_code.current().names(own_code.METRICS))


@functools.cache
def _of_scikit_learn() -> tuple[str, ...]:
    from sklearn.metrics import get_scorer_names

    return tuple(name for name in get_scorer_names() if not name.endswith(_OF_SEVERAL_LABELS))


def prefers_decisions(name: str) -> bool:
    """Return whether a scorer takes decision values even if there are probabilities."""
    return name in RANKINGS


def instead_of(name: str) -> str:
    """Return what to use instead of a scorer for rows with several labels; empty for other names."""
    stem = name.removesuffix(_OF_SEVERAL_LABELS)
    return f"{stem}_macro or {stem}_weighted" if stem != name and f"{stem}_macro" in names() else ""


def positive_class(classes: Iterable[Any], positive: Any = None) -> Any:
    """Return the positive class of data with these classes.

    Parameters
    ----------
    classes : iterable of labels
        The classes.
    positive : label, optional
        The positive class as the spec has it. Default: 1 of 0 and 1, 1 of -1 and 1, true of false and true.

    Raises
    ------
    ValueError
        If there is no such class, or no default.
    """
    found = [one.item() if hasattr(one, "item") else one for one in classes]
    if positive is None:
        if set(found) in ({0, 1}, {-1, 1}):
            return max(found)
        raise ValueError(f"add positive: to the dataset, one of {listed(found)}")
    same = [one for one in found if one == positive] or [one for one in found if str(one) == str(positive)]
    if not same:
        hint = "; write it in quotes" if isinstance(positive, bool) else ""
        raise ValueError(f"the positive class {positive!r} is none of {listed(found)}{hint}")
    return same[0]


def listed(classes: Iterable[Any], most: int = 5) -> str:
    """Return classes for a message: the first few, and how many more there are."""
    found = [str(one) for one in classes]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(repr, found[:most])) + more


def compute(
    name: str,
    predictions: Predictions,
    y: Array,
    counts: Array | None = None,
    weights: Array | None = None,
    positive: Any = None,
) -> Any:
    """Return a score of scikit-learn's, or of the project's own metric.

    An own metric gets a stand-in for the model, the rows, and the labels as the data has them.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    predictions : Predictions
        The predictions, with :attr:`~podium.evaluation.predictions.Predictions.decisions` for :data:`RANKINGS`.
    y : numpy.ndarray, (n_rows,)
        The true labels.
    counts : numpy.ndarray of int, (..., n_rows), optional
        How often each row counts; once by default.
    weights : numpy.ndarray of float, (n_rows,), optional
        How much each row counts.
    positive : label, optional
        The positive class, for :data:`BINARY`. If there are more than two classes, it is compared with all others.

    Returns
    -------
    float, or numpy.ndarray (...)
        The score, or one for each set of counts.

    Raises
    ------
    ValueError
        If it is undefined for these predictions, with the reason as a sentence.
    """
    import numpy as np
    from sklearn.metrics import get_scorer

    own = None if name in _of_scikit_learn() else own_code.current().scorer(name)
    _check_needs(name, predictions, weights)
    scorer = own or get_scorer(name)
    answers, truth = (_Answers.of(predictions), y) if own else _prepared(name, predictions, y, positive)
    try:
        if counts is None:
            return _number(answers.score(scorer, truth, weights))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the warnings of thousands of resamples are no news
            sets = counts.reshape(-1, len(y))
            of_pairs = not own and name not in PROBABILITIES | RANKINGS | _BY_ROW
            found = (_by_pair if of_pairs else _by_row)(scorer, answers, truth, sets, weights)
        return np.reshape(list(found), counts.shape[:-1])
    except Exception as error:
        raise ValueError(f"{name} is undefined: {cause(error)}") from error


def _by_row(scorer: Any, answers: _Answers, truth: Array, counts: Array, weights: Array | None) -> Iterator[float]:
    """Yield the score of each resample from its rows."""
    import numpy as np

    for count in counts:
        rows = np.repeat(np.arange(len(truth)), count)
        yield _number(answers.drawn(rows).score(scorer, truth[rows], _at(weights, rows)))


def _by_pair(scorer: Any, answers: _Answers, truth: Array, counts: Array, weights: Array | None) -> Iterator[float]:
    """Yield the score of each resample from its pairs of true and predicted label, which are few."""
    import numpy as np

    labels, codes = np.unique(np.concatenate([truth, answers.predict(None)]), return_inverse=True)
    amounts = counts if weights is None else counts * weights
    for matrix in confusion(codes[: len(truth)], codes[len(truth) :], len(labels), amounts):
        true, predicted = np.nonzero(matrix)
        pairs = _Answers(labels[predicted], answers.classes_)
        yield _number(pairs.score(scorer, labels[true], matrix[true, predicted]))


def _check_needs(name: str, predictions: Predictions, weights: Array | None) -> None:
    if name in PROBABILITIES and predictions.probabilities is None:
        raise ValueError(f"{name} needs probabilities, which the classifier does not give")
    if name in RANKINGS and predictions.probabilities is None and predictions.decisions is None:
        raise ValueError(f"{name} needs probabilities or decision values, which the classifier does not give")
    if name in UNWEIGHTED and weights is not None:
        raise ValueError(f"{name} cannot weight rows")


def _at(values: Array | None, rows: Array) -> Any:
    return None if values is None else values[rows]


def _number(value: Any) -> float:
    import numpy as np

    if not np.isfinite(value):
        raise ValueError("it is not a number")
    return float(value)


def _prepared(name: str, predictions: Predictions, y: Array, positive: Any) -> tuple[_Answers, Array]:
    """Return what a scorer is to be told: the predictions and the true labels, as it needs them."""
    import numpy as np

    if name in NUMERIC:
        return _Answers(_numbers(name, predictions.labels), predictions.classes), _numbers(name, y)
    classes = np.unique(np.concatenate([predictions.classes, y]))
    known = predictions.with_classes(classes)
    if name in BINARY and not (name == "average_precision" and positive is None and len(classes) > 2):  # noqa: PLR2004
        try:
            wanted = positive_class(classes, positive)
        except ValueError as error:
            raise ValueError(f"{name} needs a positive class: {error}") from None
        return _against_the_rest(known, wanted), (y == wanted).astype(int)
    codes = np.searchsorted(classes, known.labels), np.arange(len(classes))
    return _Answers(*codes, known.probabilities, known.decisions), np.searchsorted(classes, y)


def _numbers(name: str, labels: Array) -> Array:
    try:
        return labels.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} needs labels that are numbers") from None


def _against_the_rest(predictions: Predictions, positive: Any) -> _Answers:
    """Return predictions of one class, coded 1, against the others, coded 0."""
    import numpy as np

    column = int(np.flatnonzero(predictions.classes == positive)[0])
    probabilities = decisions = None
    if predictions.probabilities is not None:
        of_it = predictions.probabilities[:, column]
        probabilities = np.column_stack([1 - of_it, of_it])
    if predictions.decisions is not None:
        of_it = predictions.decisions[:, column]
        decisions = np.column_stack([-of_it, of_it])
    return _Answers((predictions.labels == positive).astype(int), np.arange(2), probabilities, decisions)


class _Answers:
    """A classifier that returns predictions made before, whatever it is asked to predict.

    Parameters
    ----------
    labels : numpy.ndarray, (n_rows,)
        The predicted labels.
    classes : numpy.ndarray, (n_classes,)
        All classes.
    probabilities, decisions : numpy.ndarray of float, (n_rows, n_classes), or None
        One column per class.
    rows : pandas.DataFrame, (n_rows, n_features), or None
        What a metric of the project's own gets as `X`.
    """

    def __init__(
        self,
        labels: Array,
        classes: Array,
        probabilities: Array | None = None,
        decisions: Array | None = None,
        rows: pd.DataFrame | None = None,
    ) -> None:
        self._rows = rows
        self._labels = labels
        self._probabilities = probabilities
        self._decisions = decisions
        self.classes_ = classes
        # A scorer takes what the model has, so what it lacks must not be an attribute.
        if probabilities is not None:

            def predict_proba(_x: Any) -> Array:
                return probabilities

            self.predict_proba = predict_proba
        if decisions is not None:
            values = decisions[:, 1] if decisions.shape[1] == 2 else decisions  # noqa: PLR2004

            def decision_function(_x: Any) -> Array:
                return values

            self.decision_function = decision_function

    @classmethod
    def of(cls, predictions: Predictions) -> _Answers:
        """Return predictions with the labels as they are."""
        return cls(
            predictions.labels, predictions.classes, predictions.probabilities, predictions.decisions, predictions.rows
        )

    def predict(self, _x: Any) -> Array:
        """Return the labels."""
        return self._labels

    def drawn(self, rows: Array) -> _Answers:
        """Return the predictions of some rows, which may repeat."""
        drawn = None if self._rows is None else self._rows.iloc[rows]
        values = (_at(self._probabilities, rows), _at(self._decisions, rows))
        return _Answers(self._labels[rows], self.classes_, *values, drawn)

    def score(self, scorer: Any, truth: Array, weights: Array | None) -> Any:
        """Return what a scorer makes of these predictions."""
        return scorer(self, self._rows, truth, **({} if weights is None else {"sample_weight": weights}))

    def __sklearn_tags__(self) -> Any:
        """Return the tags of a classifier."""
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type="classifier", target_tags=TargetTags(required=True))
