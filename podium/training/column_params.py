"""Parameters of classifiers that name columns: the columns must reach the classifier, or be translated for it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean
from podium.training.own_steps import SCALERS, name_of
from podium.training.preprocessing import CATEGORIES, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.training.preprocessing import Preprocessing

CATEGORICAL, MONOTONIC, INTERACTION = "categorical_features", "monotonic_cst", "interaction_cst"
MONOTONE, INTERACTIONS = "monotone_constraints", "interaction_constraints"


def named_categories(classifier: Any, columns: Sequence[str]) -> list[str]:
    """Return the columns that the parameters of an unfitted classifier call categories.

    Parameters
    ----------
    classifier : classifier
        Only ``HistGradientBoostingClassifier`` has such a parameter, ``categorical_features``.
    columns : sequence of str
        The columns of the data set.

    Raises
    ------
    PodiumError
        If there is no column of a name or a position.
    """
    given = getattr(classifier, CATEGORICAL, None)
    if given is None or isinstance(given, str):
        return []
    if all(isinstance(one, bool) for one in given):
        return [column for column, named in zip(columns, given, strict=False) if named]
    return [_column(CATEGORICAL, one, columns) for one in given]


def needs_names(classifier: Any) -> bool:
    """Return whether a classifier must get the names of columns."""
    categorical = getattr(classifier, CATEGORICAL, None)
    return getattr(classifier, MONOTONIC, None) is not None or not (categorical is None or isinstance(categorical, str))


def connect(classifier: Any, preprocessing: Preprocessing) -> None:
    """Make the parameters of a classifier that name columns fit what the columns become.

    Parameters
    ----------
    classifier : classifier
        Unfitted; its parameters name columns of the data set, or their positions.
    preprocessing : Preprocessing
        What the columns become.

    Raises
    ------
    PodiumError
        If a parameter names a column that does not exist, or that becomes several columns.
    """
    if hasattr(classifier, CATEGORICAL):
        _connect_histogram(classifier, preprocessing)
    elif hasattr(classifier, "categories"):
        _connect_booster(classifier, preprocessing)


def _connect_histogram(classifier: Any, preprocessing: Preprocessing) -> None:
    """Connect a HistGradientBoostingClassifier: it takes names if its input is a data frame."""
    columns, single = list(preprocessing.kinds), _single_columns(preprocessing)
    native = _native(preprocessing)
    named = named_categories(classifier, columns)
    monotonic = getattr(classifier, MONOTONIC)
    if isinstance(monotonic, list | tuple):
        monotonic = dict(zip(columns, monotonic, strict=False))
    if interactions := getattr(classifier, INTERACTION):
        classifier.set_params(**{INTERACTION: _groups(INTERACTION, interactions, columns, single)})
    if preprocessing.keep_names:
        for column in monotonic or ():
            _column(MONOTONIC, column, columns)
        categories = list(dict.fromkeys([*native, *named]))
        classifier.set_params(**{CATEGORICAL: categories or None, MONOTONIC: monotonic})
    elif native and getattr(classifier, CATEGORICAL) is not None:
        classifier.set_params(**{CATEGORICAL: [single.index(column) for column in native]})


def _connect_booster(classifier: Any, preprocessing: Preprocessing) -> None:
    """Connect a BoostingClassifier: it takes positions."""
    columns, single = list(preprocessing.kinds), _single_columns(preprocessing)
    inner = classifier.estimator
    known = inner.get_params()
    changed: dict[str, Any] = {}
    if monotone := known.get(MONOTONE):
        changed[MONOTONE] = _directions(monotone, columns, single)
    if interactions := known.get(INTERACTIONS):
        groups = ast.literal_eval(interactions) if isinstance(interactions, str) else interactions
        positions = _groups(INTERACTIONS, groups, columns, single)
        changed[INTERACTIONS] = str(positions) if type(inner).__module__.startswith("xgboost") else positions
    inner.set_params(**changed)
    classifier.set_params(categories=[single.index(column) for column in _native(preprocessing)])


def _single_columns(preprocessing: Preprocessing) -> list[str]:
    """Return the columns that stay one column, in the order in which they reach the classifier; they come first."""
    own = preprocessing.own
    if any(name_of(step) not in SCALERS for step in own.rest):
        return []
    if not preprocessing.by_kind:
        return list(preprocessing.kinds)
    branches = (CATEGORIES, NUMBERS) if preprocessing.needs.categories == "native" else (NUMBERS,)
    return [column for branch in branches for column in preprocessing.columns.get(branch, ())]


def _native(preprocessing: Preprocessing) -> list[str]:
    """Return the columns with codes of categories, which the classifier is to treat as such."""
    if preprocessing.needs.categories != "native" or not preprocessing.by_kind or preprocessing.own.encoding:
        return []
    return preprocessing.columns.get(CATEGORIES, [])


def _directions(given: Any, columns: Sequence[str], single: Sequence[str]) -> tuple[int, ...]:
    """Return the direction of each of the single columns; 0 for none."""
    if isinstance(given, str):
        given = ast.literal_eval(given)
    by_column = given if isinstance(given, dict) else dict(zip(columns, given, strict=False))
    for column in by_column:
        if by_column[column]:
            _position(MONOTONE, column, columns, single)
    return tuple(by_column.get(column, 0) for column in single)


def _groups(parameter: str, groups: Any, columns: Sequence[str], single: Sequence[str]) -> Any:
    if isinstance(groups, str):  # such as 'pairwise'
        return groups
    return [[_position(parameter, one, columns, single) for one in group] for group in groups]


def _position(parameter: str, given: str | int, columns: Sequence[str], single: Sequence[str]) -> int:
    column = _column(parameter, given, columns)
    if column not in single:
        raise PodiumError(f"{parameter}: the column {column!r} becomes several columns, or is changed by preprocess")
    return single.index(column)


def _column(parameter: str, given: str | int, columns: Sequence[str]) -> str:
    """Return the column of a name or a position."""
    if isinstance(given, str) and given in columns:
        return given
    if isinstance(given, int) and -len(columns) <= given < len(columns):
        return columns[given]
    raise PodiumError(f"{parameter}: there is no column {given!r}{did_you_mean(str(given), columns)}")
