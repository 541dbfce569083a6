"""The steps before the classifier: encoding by kind of column, imputation, scaling, and the config's ``preprocess``.

All-number rows get an imputer and a scaler, as far as the classifier needs them. Rows with other kinds get a
``ColumnTransformer`` with a branch for each kind, whose encoders are skrub's and scikit-learn's. What an encoder does
is fixed in training, so that a row is encoded the same alone as among others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podium.training.own_steps import (
    IMPUTERS,
    KEEP_THE_SCALE,
    OwnSteps,
    encodes,
    instances,
    name_of,
    sets_the_scale,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd

    from podium.data.columns import Kind
    from podium.training.needs import Needs
    from podium.training.own_steps import Step

#: A category with as many distinct values is encoded like text, as by skrub.
HIGH_CARDINALITY = 40
#: A sparse matrix takes less memory than a dense one if less than this share of its values is not zero.
SPARSE_BELOW = 0.3
#: Histogram gradient boosting fails for a column without any value, which a fold may have in place of so few.
FEW_VALUES = 20
#: The imputer adds columns after the numbers, so that the positions of categories and numbers are known.
CATEGORIES, NUMBERS, TEXTS, DATES = BRANCHES = ("categories", "numbers", "texts", "dates")


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of some rows for some classifier.

    Parameters
    ----------
    rows : pandas.DataFrame
        The training rows.
    kinds : mapping of str to Kind
        The kind of each column.
    own : OwnSteps
        The config's own steps.
    needs : Needs
        What the classifier needs.
    seed : int
        Seed of the steps.
    as_categories : collection of str
        Columns that the classifier is to treat as categories, however many values they have.
    keep_names : bool
        Whether the classifier must get the names of the columns.
    """

    rows: pd.DataFrame
    kinds: Mapping[str, Kind]
    own: OwnSteps
    needs: Needs
    seed: int
    as_categories: Collection[str] = ()
    keep_names: bool = False

    def steps(self) -> list[Any]:
        """Return the unfitted transformers, in order."""
        if self.by_kind:
            first = [self._column_transformer().set_params(verbose_feature_names_out=not self.keep_names)]
        else:
            first = self._numbers(self.own.encoding, encode=True)
        steps = [*first, *self._rest]
        return [step.set_output(transform="pandas") for step in steps] if self.keep_names else steps

    @cached_property
    def by_kind(self) -> bool:
        """Whether there is a branch for each kind: not all columns are numbers, or some have steps of their own."""
        return bool(self.own.by_column) or set(self.kinds.values()) != {"number"}

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """The columns of each branch, without those with steps of their own."""
        found: dict[str, list[str]] = {branch: [] for branch in BRANCHES}
        for column in self.kinds:
            if column not in self.own.columns:
                found[self._branch(column)].append(column)
        return {branch: columns for branch, columns in found.items() if columns}

    def _branch(self, column: str) -> str:
        kind = self.kinds[column]
        if kind == "number":
            return NUMBERS
        if column in self.as_categories:
            return CATEGORIES
        if kind == "category" and (self.own.encoding or self.rows[column].nunique() < HIGH_CARDINALITY):
            return CATEGORIES
        return DATES if kind == "date" else TEXTS

    def _column_transformer(self) -> Any:
        from sklearn.compose import ColumnTransformer

        build = {NUMBERS: self._numbers, CATEGORIES: self._categories, TEXTS: self._texts, DATES: self._dates}
        branches = [(name, _joined(build[name](self.own.encoding)), columns) for name, columns in self.columns.items()]
        branches += [
            (f"own {number}", _joined(self._own_branch(columns, steps)), list(columns))
            for number, (columns, steps) in enumerate(self.own.by_column, 1)
        ]
        sparse_below = SPARSE_BELOW if self.needs.sparse and not self.own.rest else 0
        return ColumnTransformer(branches, sparse_threshold=sparse_below)

    def _numbers(self, encoding: Sequence[Step], *, encode: bool = False) -> list[Any]:
        others = encoding if encode else [step for step in encoding if not encodes(step)]
        return [*self._imputer(), *instances(others, self.seed), *self._scaler()]

    def _categories(self, encoding: Sequence[Step]) -> list[Any]:
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

        if encoding:
            filled = _with_gaps() if self.own.impute else _filled()
            scaler = self._scaler() if _keeps_the_scale(encoding) else []
            return [*filled, *instances(encoding, self.seed), *scaler]
        if self.needs.categories == "columns":
            # All columns that it makes are on the same scale.
            return [*_filled(), OneHotEncoder(handle_unknown="ignore", sparse_output=self.needs.sparse)]
        unknown = float("nan") if self.needs.categories == "native" else -1
        return [*_filled(), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)]

    def _texts(self, _: Sequence[Step]) -> list[Any]:
        from skrub import ApplyToCols, StringEncoder

        filled = _filled()
        filled[-1].set_output(transform="pandas")
        return [*filled, ApplyToCols(StringEncoder(random_state=self.seed)), *self._scaler(), *self._raised()]

    def _dates(self, _: Sequence[Step]) -> list[Any]:
        from skrub import ApplyToCols, DatetimeEncoder, ToDatetime

        # A tree can cut a month out of the year; other classifiers need a curve over it.
        parts = DatetimeEncoder(periodic_encoding="spline" if self.needs.scaled else None, add_weekday=True)
        read = ApplyToCols(ToDatetime(format="ISO8601"))
        return [read, ApplyToCols(parts), *self._imputer(), *self._scaler(), *self._raised()]

    def _own_branch(self, columns: Sequence[str], steps: Sequence[Step]) -> list[Any]:
        """Return a config's own steps for some columns, and what must come before and after them."""
        kinds = {column: self.kinds[column] for column in columns}
        alone = replace(self, kinds=kinds, own=OwnSteps(), needs=replace(self.needs, scaled=False, sparse=False))
        if set(kinds.values()) == {"number"}:
            before = [] if any(name_of(step) in IMPUTERS for step in steps) else alone._imputer()  # noqa: SLF001
        else:
            before = _filled() if any(map(encodes, steps)) else [alone._column_transformer()]  # noqa: SLF001
        after = self._scaler() if _keeps_the_scale(steps) and not any(map(sets_the_scale, steps)) else []
        return [*before, *instances(steps, self.seed), *after]

    @cached_property
    def _rest(self) -> list[Any]:
        return instances(self.own.rest, self.seed)

    def _imputer(self) -> list[Any]:
        from sklearn.impute import SimpleImputer
        from sklearn.utils import get_tags

        takes_gaps = self.needs.takes_gaps and all(get_tags(step).input_tags.allow_nan for step in self._rest)
        if self.own.impute or (takes_gaps and not self._is_nearly_empty):
            return []
        return [SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)]

    @cached_property
    def _is_nearly_empty(self) -> bool:
        numbers = [column for column, kind in self.kinds.items() if kind == "number"]
        few = min(FEW_VALUES, len(self.rows) // 2)
        return bool((self.rows[numbers].count() < few).any())

    def _scaler(self) -> list[Any]:
        from sklearn.preprocessing import StandardScaler

        return [StandardScaler()] if self.needs.scaled and not self.own.set_the_scale else []

    def _raised(self) -> list[Any]:
        from sklearn.preprocessing import MinMaxScaler

        return [MinMaxScaler(clip=True)] if self.needs.non_negative else []


def _keeps_the_scale(steps: Sequence[Step]) -> bool:
    return all(name_of(step) in KEEP_THE_SCALE for step in steps)


def _filled() -> list[Any]:
    """Return steps that replace what is missing, whether NaN or None, by an empty string."""
    from sklearn.impute import SimpleImputer

    # None is last because its imputer refuses NaN. NaN is twice because the first step turns None into NaN if its
    # output is a data frame, unless the column has nothing but None.
    fill = {"strategy": "constant", "fill_value": "", "keep_empty_features": True}
    return [SimpleImputer(missing_values=each, **fill) for each in (float("nan"), float("nan"), None)]


def _with_gaps() -> list[Any]:
    """Return steps that replace None and the empty string by NaN, which the config's own imputer replaces."""
    from sklearn.impute import SimpleImputer

    nan = float("nan")
    return [*_filled(), SimpleImputer(missing_values="", strategy="constant", fill_value=nan, keep_empty_features=True)]


def _joined(steps: list[Any]) -> Any:
    from sklearn.pipeline import make_pipeline

    if not steps:
        return "passthrough"
    return steps[0] if len(steps) == 1 else make_pipeline(*steps)
