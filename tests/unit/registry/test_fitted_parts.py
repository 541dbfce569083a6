"""What compiled code follows without checks is checked before a loaded model is used."""

import copy

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from podium.errors import PodiumError
from podium.registry.fitted_parts import check_parts

X, Y = load_iris(return_X_y=True)
MODELS = {
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": RandomForestClassifier(3, random_state=0),
    "gradient": GradientBoostingClassifier(n_estimators=2, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=2, random_state=0),
    "kd": KNeighborsClassifier(algorithm="kd_tree"),
    "ball": KNeighborsClassifier(algorithm="ball_tree"),
    "svc": SVC(),
}
MODELS = {name: make_pipeline(model).fit(X, Y) for name, model in MODELS.items()}


def nodes(field, at, value):
    """Return a change of a node of the first tree."""

    def change(model):
        while not hasattr(model, "tree_"):
            model = np.ravel(model.estimators_)[0]
        state = model.tree_.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][field][at] = value
        model.tree_.__setstate__(state)

    return change


def histogram(field, at, value):
    def change(model):
        model._predictors[0][0].nodes[field][at] = value  # noqa: SLF001

    return change


def neighbours(position, at, value):
    """Return a change of an array of a tree of neighbours, which is stored in its state."""

    def change(model):
        tree = model._tree  # noqa: SLF001
        state = list(tree.__getstate__())
        state[position] = np.array(state[position], copy=True)
        if isinstance(at, tuple):
            state[position][at[0]][at[1]] = value
        else:
            state[position][at] = value
        tree.__setstate__(tuple(state))

    return change


def attribute(name, value):
    def change(model):
        setattr(model, name, value(getattr(model, name)))

    return change


def with_label(values):
    values = values.copy()
    values[0] = 7
    return values


def narrower(model):
    model.estimators_[0] = DecisionTreeClassifier().fit(np.hstack([X, X]), Y)


def other_kind(model):
    model.estimators_[0, 0] = DecisionTreeRegressor().fit(np.hstack([X, X]), Y)


@pytest.mark.parametrize("name", MODELS)
def test_fitted_models_pass(name):
    check_parts(MODELS[name])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tree", nodes("left_child", 0, 0)),
        ("tree", nodes("right_child", 2, 1)),
        ("tree", nodes("left_child", 0, 10**9)),
        ("tree", nodes("left_child", 0, -5)),
        ("tree", nodes("feature", 0, 4)),
        ("tree", nodes("feature", 0, -1)),
        ("tree", attribute("n_features_in_", lambda count: count - 1)),
        ("forest", nodes("left_child", 0, 0)),
        ("forest", narrower),
        ("forest", attribute("n_jobs", lambda _: 20_000)),
        ("gradient", nodes("right_child", 0, 999)),
        ("gradient", other_kind),
        ("gradient", attribute("estimators_", lambda trees: trees[:, :1])),
        ("histogram", histogram("left", 0, 0)),
        ("histogram", histogram("right", 0, 10**6)),
        ("histogram", histogram("feature_idx", 0, 99)),
        ("histogram", histogram("is_categorical", 0, 1)),
        ("kd", neighbours(1, 0, 10**9)),
        ("kd", neighbours(2, ("idx_end", 0), 10**9)),
        ("ball", neighbours(2, ("idx_start", 0), -3)),
        ("kd", attribute("_y", with_label)),
        ("kd", attribute("_fit_X", lambda rows: rows[:10])),
        ("svc", attribute("_n_support", lambda counts: counts * 2)),
        ("svc", attribute("support_vectors_", lambda rows: rows[:, :2])),
        ("svc", attribute("_dual_coef_", lambda values: values[:1])),
        ("svc", attribute("_intercept_", lambda values: values[:1])),
    ],
)
def test_what_points_back_or_outside_is_refused(name, change):
    model = copy.deepcopy(MODELS[name])
    change(model[-1])
    with pytest.raises(PodiumError, match=r"^refused: "):
        check_parts(model)


def test_a_sparse_matrix_that_points_outside_is_refused():
    rows = scipy.sparse.csr_matrix(X)
    model = KNeighborsClassifier(algorithm="brute").fit(rows, Y)
    check_parts(model)
    model._fit_X.indices[0] = 10**6  # noqa: SLF001
    with pytest.raises(PodiumError, match="refused: csr_matrix"):
        check_parts(model)


def test_a_part_is_found_wherever_it_is():
    broken = copy.deepcopy(MODELS["tree"][-1])
    nodes("left_child", 0, 0)(broken)
    model = GaussianNB().fit(X, Y)
    model.extra = {"a": [(np.array([broken], dtype="object"),)]}
    with pytest.raises(PodiumError, match="refused: Tree: a node points back"):
        check_parts(model)
