"""XGBoost's and LightGBM's classifiers, with any labels, any column names and rows for early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

#: The parameters that turn on early stopping, in XGBoost and in LightGBM.
EARLY_STOPPING = ("early_stopping_rounds", "early_stopping_round")
CONSTRAINTS = "monotone_constraints"


class BoostingClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of XGBoost or LightGBM that takes what scikit-learn's classifiers take.

    Labels are encoded as 0, 1, 2, … and decoded, because XGBoost takes no others. The rows are passed without
    the names of columns: XGBoost refuses ``[``, ``]`` and ``<`` in them, and LightGBM ``"``, ``,``, ``:`` and brackets.
    With early stopping, a part of the rows of each class is held back to decide when to stop.

    Parameters
    ----------
    estimator : xgboost.XGBClassifier, xgboost.XGBRFClassifier or lightgbm.LGBMClassifier
        The classifier.
    categories : sequence of int, default=()
        Positions of the columns that hold the codes 0, 1, 2, … of categories, NaN for an unknown one.
    validation_fraction : float, default=0.1
        Share of each class's rows that early stopping holds back.
    random_state : int or None, default=None
        Seed of the choice of these rows.

    Attributes
    ----------
    classes_ : ndarray, (n_classes,)
        The class labels.
    estimator_ : estimator
        The fitted classifier.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        categories: Sequence[int] = (),
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.categories = categories
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> BoostingClassifier:  # noqa: N803
        """Fit the classifier.

        Parameters
        ----------
        X : array-like or sparse matrix, (n_rows, n_features)
            The rows.
        y : array-like, (n_rows,)
            The labels.
        sample_weight : array-like, (n_rows,), optional
            The weights of the rows.

        Raises
        ------
        ValueError
            If early stopping needs more rows.
        """
        values = self._values(X, reset=True)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        self.estimator_ = clone(self.estimator).set_params(**self._adapted(values.shape[1]))
        options: dict[str, Any] = {"categorical_feature": list(self.categories)} if self._is_lightgbm else {}
        fitted = np.arange(len(codes))
        if self._stops_early():
            fitted, held_back = self._divided(codes)
            options["eval_set"] = [(values[held_back], codes[held_back])]
            if weights is not None:
                options["eval_sample_weight" if self._is_lightgbm else "sample_weight_eval_set"] = [weights[held_back]]
        if not self._is_lightgbm:
            options["verbose"] = False
        weight = None if weights is None else weights[fitted]
        self.estimator_.fit(values[fitted], codes[fitted], sample_weight=weight, **options)
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the most likely label of each row, (n_rows,)."""
        check_is_fitted(self)
        codes = self.estimator_.predict(self._values(X)).astype(int)
        labels: Array = self.classes_[codes]
        return labels

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the probability of each class, (n_rows, n_classes), in the order of ``classes_``."""
        check_is_fitted(self)
        probabilities: Array = self.estimator_.predict_proba(self._values(X))
        return probabilities

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    @property
    def _is_lightgbm(self) -> bool:
        return type(self.estimator).__module__.startswith("lightgbm")

    def _values(self, rows: Any, *, reset: bool = False) -> Any:
        return validate_data(
            self, rows, reset=reset, accept_sparse="csr", dtype=(np.float64, np.float32), ensure_all_finite="allow-nan"
        )

    def _adapted(self, features: int) -> dict[str, Any]:
        """Return the parameters that depend on the number of features."""
        known = self.estimator.get_params()
        adapted: dict[str, Any] = {}
        constraints = known.get(CONSTRAINTS)
        if isinstance(constraints, list | tuple) and len(constraints) < features:
            adapted[CONSTRAINTS] = (*constraints, *[0] * (features - len(constraints)))
        if self.categories and "feature_types" in known:
            types = ["c" if position in self.categories else "q" for position in range(features)]
            adapted |= {"feature_types": types, "enable_categorical": True}
        if self._is_lightgbm and "verbosity" not in known:
            adapted["verbosity"] = -1  # otherwise it prints a line for each tree that it cannot grow
        return adapted

    def _stops_early(self) -> bool:
        known = self.estimator.get_params()
        return any(known.get(name) for name in EARLY_STOPPING)

    def _divided(self, codes: Array) -> tuple[Array, Array]:
        """Return the rows to fit and the rows to hold back; every class keeps a row to fit."""
        random = np.random.default_rng(self.random_state)
        held_back: list[int] = []
        for code in range(len(self.classes_)):
            rows = random.permutation(np.flatnonzero(codes == code))
            held_back.extend(rows[: min(round(self.validation_fraction * len(rows)), len(rows) - 1)])
        if not held_back:
            raise ValueError(f"early stopping needs more than {len(codes)} rows, to hold some back")
        return np.setdiff1d(np.arange(len(codes)), held_back), np.sort(held_back)
