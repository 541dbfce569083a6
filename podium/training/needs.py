"""What a classifier needs of the rows that it is fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from podium.configs.catalogue import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How the categories of a column with few of them are encoded: by the classifier itself, as codes, or one column each.
Categories = Literal["native", "codes", "columns"]


@dataclass(frozen=True)
class Needs:
    """What a classifier needs, like the policy of skrub's ``tabular_pipeline``.

    Parameters
    ----------
    categories : {"native", "codes", "columns"}
        ``native`` for histogram gradient boosting, LightGBM and XGBoost; ``codes`` for forests.
    takes_gaps : bool
        Whether it takes missing numbers.
    scaled : bool
        Whether the scale of the columns matters: everything but trees.
    non_negative : bool
        Whether it takes no negative numbers, like multinomial naive Bayes; such columns are not scaled.
    sparse : bool
        Whether it is fitted faster, and in less memory, on a sparse matrix: linear classifiers and naive Bayes.
    """

    categories: Categories
    takes_gaps: bool
    scaled: bool
    non_negative: bool
    sparse: bool

    @classmethod
    def of(cls, classifier: Any) -> Needs:
        """Return the needs of an unfitted classifier; one that contains others has the needs of all of them."""
        from sklearn.utils import get_tags

        leaves = list(_leaves(classifier))
        tags = get_tags(classifier).input_tags
        non_negative = any(get_tags(leaf).input_tags.positive_only for leaf in leaves)
        return cls(
            categories=_categories(classifier),
            takes_gaps=tags.allow_nan and all(map(_takes_gaps, leaves)),
            scaled=not non_negative and not all(map(_is_tree, leaves)),
            non_negative=non_negative,
            sparse=tags.sparse and all(non_negative or _is_linear(leaf) for leaf in leaves),
        )


def _leaves(classifier: Any) -> Iterator[Any]:
    """Yield the classifiers that a classifier is made of; itself if there are none."""
    from sklearn.pipeline import Pipeline

    if isinstance(classifier, Pipeline):
        inner = [classifier[-1]]
    else:
        named = getattr(classifier, "estimators", None) or []
        inner = [*(each for _, each in named), getattr(classifier, "estimator", None)]
    found = [each for each in inner if hasattr(each, "fit")]
    if not found:
        yield classifier
    for each in found:
        yield from _leaves(each)


def _categories(classifier: Any) -> Categories:
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

    inner = getattr(classifier, "estimator", None)
    if isinstance(classifier, HistGradientBoostingClassifier) or (_is_booster(inner) and _is_tree(inner)):
        return "native"
    return "codes" if isinstance(classifier, ExtraTreesClassifier | RandomForestClassifier) else "columns"


def _is_booster(classifier: Any) -> bool:
    return type(classifier).__name__ in EXTRAS


def _is_tree(classifier: Any) -> bool:
    from sklearn import dummy, ensemble, tree

    trees = (
        dummy.DummyClassifier,  # does not look at the rows
        ensemble.AdaBoostClassifier,  # of trees: a leaf has no other classifier inside
        ensemble.BaggingClassifier,
        ensemble.ExtraTreesClassifier,
        ensemble.GradientBoostingClassifier,
        ensemble.HistGradientBoostingClassifier,
        ensemble.RandomForestClassifier,
        tree.DecisionTreeClassifier,
        tree.ExtraTreeClassifier,
    )
    if _is_booster(classifier):
        return bool(getattr(classifier, "booster", None) != "gblinear")
    return isinstance(classifier, trees)


def _is_linear(classifier: Any) -> bool:
    from sklearn.linear_model._base import LinearClassifierMixin

    return isinstance(classifier, LinearClassifierMixin)


def _takes_gaps(classifier: Any) -> bool:
    """Return whether a classifier takes missing numbers with the parameters that it has."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.utils import get_tags

    if not get_tags(classifier).input_tags.allow_nan:
        return False
    constrained = getattr(classifier, "monotonic_cst", None) is not None
    return isinstance(classifier, HistGradientBoostingClassifier) or not constrained
