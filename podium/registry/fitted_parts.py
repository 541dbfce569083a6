"""The parts of a loaded model that compiled code reads without checks: trees, neighbours, support vectors, matrices.

scikit-learn follows the indices in their arrays. One that points back makes a prediction endless, one that points
outside ends the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

    Array = np.ndarray[Any, Any]

#: More threads than this are a mistake or an attack.
MOST_JOBS = 256
_LEAF = -1


def check_parts(model: Any) -> None:
    """Check every part of a loaded model.

    Raises
    ------
    PodiumError
        If an index points back or outside, arrays do not belong together, or a part would read files.
    """
    for part in _parts(model):
        name = type(part).__name__
        try:
            for check in _CHECKS:
                check(part)
        except PodiumError as error:
            raise PodiumError(f"refused: {name}: {error}") from None
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise PodiumError(f"refused: {name} is not as scikit-learn makes it") from error


def _parts(model: Any) -> Iterator[Any]:
    """Yield every object in a model, each once."""
    import numpy as np

    left, seen = [model], {}
    while left:
        part = left.pop()
        if part is None or isinstance(part, str | bytes | int | float | type) or id(part) in seen:
            continue
        seen[id(part)] = part  # kept, so that no other gets its id
        yield part
        if isinstance(part, dict):
            left += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple | set | frozenset):
            left += part
        elif isinstance(part, np.ndarray):
            left += part.ravel().tolist() if part.dtype.hasobject else ()
        else:
            left += getattr(part, "__dict__", {}).values()


def _require(truth: Any, what: str) -> None:
    if not truth:
        raise PodiumError(what)


def _check_settings(part: Any) -> None:
    attributes = getattr(part, "__dict__", {})
    jobs = attributes.get("n_jobs")
    _require(jobs is None or abs(int(jobs)) <= MOST_JOBS, f"n_jobs is more than {MOST_JOBS}")
    if hasattr(part, "build_analyzer"):  # a vectorizer of texts
        _require(attributes.get("input") == "content", "it reads files")


def _check_children(left: Array, right: Array, leaves: Array) -> None:
    """Check that both children of each inner node come after it."""
    import numpy as np

    count = len(left)
    inner = np.flatnonzero(~leaves)
    for children in (left[inner].astype("int64"), right[inner].astype("int64")):
        _require(((children > inner) & (children < count)).all(), "a node points back or outside")


def _check_within(values: Array, count: int, what: str) -> None:
    values = values.astype("int64")
    _require(((values >= 0) & (values < count)).all(), f"{what} points outside")


def _check_tree(part: Any) -> None:
    from sklearn.tree._tree import Tree

    if not isinstance(part, Tree):
        return
    _require(part.node_count > 0, "it has no node")
    leaves = part.children_left == _LEAF
    _check_children(part.children_left, part.children_right, leaves)
    _check_within(part.feature[~leaves], part.n_features, "a feature")


def _check_width_of_trees(part: Any) -> None:
    """Check that a tree gets rows of the width that it was fitted on."""
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.tree import BaseDecisionTree

    if isinstance(part, BaseDecisionTree) and hasattr(part, "tree_"):
        _require(part.tree_.n_features == part.n_features_in_, "its tree has other features")
        _require(part.tree_.n_outputs == part.n_outputs_, "its tree has other outputs")
    if isinstance(part, BaseForest | BaseGradientBoosting) and hasattr(part, "estimators_"):
        import numpy as np

        for tree in np.ravel(np.array(part.estimators_, dtype="object")):
            _require(isinstance(tree, BaseDecisionTree), "one of its trees is none")
            _require(tree.tree_.n_features == part.n_features_in_, "a tree has other features")
    if isinstance(part, BaseGradientBoosting) and hasattr(part, "estimators_"):
        count = 1 if part.n_classes_ == 2 else part.n_classes_  # noqa: PLR2004
        _require(part.estimators_.ndim == 2 and part.estimators_.shape[1] == count, "it has other classes")  # noqa: PLR2004


def _check_histogram_trees(part: Any) -> None:
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    if not isinstance(part, BaseHistGradientBoosting) or not hasattr(part, "_predictors"):
        _require(not isinstance(part, TreePredictor) or part.nodes.dtype.names, "it has no nodes")
        return
    features = part._n_features  # noqa: SLF001
    mapper = getattr(part, "_bin_mapper", None)
    _require(mapper is None or len(mapper.is_categorical_) == features, "its bins have other features")
    _require(mapper is None or len(mapper.bin_thresholds_) == features, "its bins have other features")
    for predictor in [predictor for round_ in part._predictors for predictor in round_]:  # noqa: SLF001
        nodes = predictor.nodes
        _require(len(nodes) > 0, "a tree has no node")
        leaves = nodes["is_leaf"].astype(bool)
        _check_children(nodes["left"], nodes["right"], leaves)
        inner = nodes[~leaves]
        _check_within(inner["feature_idx"], features, "a feature")
        bitsets = predictor.raw_left_cat_bitsets
        _require(bitsets.ndim == 2 and bitsets.shape[1] == 8, "its bitsets have another shape")  # noqa: PLR2004
        _check_within(inner["bitset_idx"][inner["is_categorical"].astype(bool)], len(bitsets), "a bitset")


def _check_neighbours(part: Any) -> None:
    from sklearn.neighbors import BallTree, KDTree
    from sklearn.neighbors._base import NeighborsBase

    if isinstance(part, BallTree | KDTree):
        data, order, nodes, bounds = map(_array, part.get_arrays())
        rows, features = data.shape
        _require(len(order) == rows, "its order has another length")
        _check_within(order, rows, "a row")
        for end in ("idx_start", "idx_end"):
            _check_within(nodes[end], rows + 1, "a node")
        _require((nodes["idx_start"] <= nodes["idx_end"]).all(), "a node ends before it starts")
        _require(bounds.shape[1:] == (len(nodes), features), "its bounds have another shape")
        inner = [at for at, leaf in enumerate(nodes["is_leaf"]) if not leaf]
        _require(not inner or 2 * max(inner) + 2 < len(nodes), "a node points outside")
        _require(part.__getstate__()[6] == len(nodes), "it has another number of nodes")
    if isinstance(part, NeighborsBase) and hasattr(part, "_fit_X"):
        rows, features = part._fit_X.shape  # noqa: SLF001
        _require(rows == part.n_samples_fit_ and features == part.n_features_in_, "its rows have another shape")
        if hasattr(part, "_y") and hasattr(part, "classes_") and part._y.ndim == 1:  # noqa: SLF001
            _require(len(part._y) == rows, "its labels have another length")  # noqa: SLF001
            _check_within(part._y, len(part.classes_), "a label")  # noqa: SLF001


def _array(values: Any) -> Array:
    import numpy as np

    return np.asarray(values)


def _check_support_vectors(part: Any) -> None:
    from sklearn.svm._base import BaseLibSVM

    if not isinstance(part, BaseLibSVM) or not hasattr(part, "support_vectors_"):
        return
    vectors, classes = part.support_vectors_, len(part.classes_)
    pairs = classes * (classes - 1) // 2
    _require(len(part._n_support) == classes and (part._n_support >= 0).all(), "its classes differ")  # noqa: SLF001
    _require(part._n_support.sum() == vectors.shape[0], "it has other support vectors")  # noqa: SLF001
    if part.kernel != "precomputed":
        _require(vectors.shape[1] == part.shape_fit_[1] == part.n_features_in_, "it has other features")
    for coefficients in (part.dual_coef_, part._dual_coef_):
        _require(coefficients.shape == (classes - 1, vectors.shape[0]), "its coefficients have another shape")
    for intercepts in (part.intercept_, part._intercept_):
        _require(len(intercepts) == pairs, "its intercepts have another length")
    for fitted in (part._probA, part._probB):  # noqa: SLF001
        _require(len(fitted) in (0, pairs), "its probabilities have another length")
    _require(len(part.support_) == vectors.shape[0], "it has other support vectors")


def _check_sparse(part: Any) -> None:
    import scipy.sparse

    if scipy.sparse.issparse(part):
        part.check_format(full_check=True)


_CHECKS: tuple[Callable[[Any], None], ...] = (
    _check_settings,
    _check_tree,
    _check_width_of_trees,
    _check_histogram_trees,
    _check_neighbours,
    _check_support_vectors,
    _check_sparse,
)
