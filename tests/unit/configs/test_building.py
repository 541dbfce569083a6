"""Every classifier and transformer: built from a config, checked as scikit-learn does, saved and loaded."""

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from podium.configs import building, catalogue
from podium.configs.config import ClassifierConfig
from podium.configs.constraints import SCORE_FUNCTIONS
from podium.configs.files import config_files, load_config
from podium.configs.parameters import parameters_of, required_parameters
from podium.errors import PodiumError
from podium.project import Project
from podium.registry.fitted_parts import check_parts
from podium.registry.skops_file import check_skops
from podium.registry.trusted_types import TRUSTED_TYPES
from tests.support.estimators import ALLOWED, arguments, each_of

ROOT = Path(__file__).parents[3]
SHIPPED = [
    config
    for path in config_files(ROOT / "config" / "iris")
    for config in load_config(path, Project(ROOT, ROOT / ".podium"))
]
X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]


def target(name):
    if name in ("ClassifierChain", "MultiOutputClassifier"):
        return np.column_stack([Y > 0, Y > 1])
    return Y > 0 if name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV") else Y


def opened(estimator, tmp_path):
    """Save an estimator, and open it as a model of the registry is opened."""
    path = tmp_path / "model.skops"
    skops.io.dump(estimator, path)
    check_skops(path)
    again = skops.io.load(path, trusted=list(TRUSTED_TYPES))
    check_parts(again)
    return again


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", each_of(ALLOWED))
def test_fitted_models_are_saved_and_loaded_with_only_the_trusted_types(name, tmp_path):
    model = ALLOWED[name](**arguments(name)).fit(X, target(name))
    again = opened(model, tmp_path)
    act = "predict" if name in catalogue.classifiers() else "transform"
    if hasattr(model, act):
        first, second = getattr(model, act)(X), getattr(again, act)(X)
        first, second = (value.toarray() if hasattr(value, "toarray") else value for value in (first, second))
        np.testing.assert_array_equal(first, second)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", each_of(ALLOWED))
def test_models_with_any_option_open_again(name, tmp_path):
    for parameter in parameters_of(name).by_name.values():
        if parameter.name == "scoring" and name != "TunedThresholdClassifierCV":
            continue  # only that one keeps the scorer in its fitted state; the others would take a minute
        for option in [option for branch in parameter.branches for option in branch.get("enum", [])]:
            value = building._argument(parameter.schema, option, 0)  # noqa: SLF001
            try:
                model = ALLOWED[name](**{**arguments(name), parameter.name: value}).fit(X, target(name))
            except (ValueError, TypeError, AttributeError, NotImplementedError, IndexError):
                continue  # the option does not go with the others' defaults, or with this data
            opened(model, tmp_path)


@pytest.mark.parametrize("function", SCORE_FUNCTIONS)
def test_score_functions_are_trusted(function, tmp_path):
    config = ClassifierConfig("x", "x", "GaussianNB", {}, [{"SelectKBest": {"score_func": function, "k": 2}}])
    opened(building.build(config).fit(X, Y), tmp_path)


def test_trusted_types_run_nothing():
    for name in list(TRUSTED_TYPES):
        assert name.split(".")[0] in {
            "collections",
            "lightgbm",
            "numpy",
            "pandas",
            "scipy",
            "sklearn",
            "skrub",
            "xgboost",
        } or name in {
            "datetime.timedelta",
            "datetime.timezone",
            "functools.partial",  # of a function that must itself be trusted
            "podium.estimators.boosting.BoostingClassifier",
        }
        assert not any(word in name for word in ("exec", "eval", "load", "pickle", "system", "FunctionTransformer"))


def inside_and_outside(branch):
    """Return values just inside and just outside a range."""
    whole = branch["type"] == "integer"
    for word, sign in (("inimum", 1), ("aximum", -1)):
        for bound, is_open in ((branch.get("m" + word), False), (branch.get("exclusiveM" + word), True)):
            if bound is None:
                continue
            edge = bound if whole else float(bound)
            step = 1 if whole else None
            inner = edge + sign * step if step else math.nextafter(edge, sign * math.inf)
            outer = edge - sign * step if step else math.nextafter(edge, -sign * math.inf)
            yield from (inner, outer, edge)
            assert not (whole and is_open)


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_bounds_agree_with_scikit_learn(name):
    constraints = ALLOWED[name]._parameter_constraints  # noqa: SLF001
    for parameter in parameters_of(name).by_name.values():
        ranges = [branch for branch in parameter.branches if branch.get("type") in ("integer", "number")]
        values = [value for branch in ranges for value in inside_and_outside(branch)]
        extremes = [0, 1, 0.5, 1.0, -1, math.inf, -math.inf, math.nan, None, "no such option"] if ranges else []
        for value in [*values, *extremes]:
            try:
                validate_parameter_constraints(constraints, {parameter.name: value}, name)
                expected = True
            except InvalidParameterError:
                expected = False
            if parameter.name == "scoring" or (value == "no such option" and expected):
                continue
            assert parameter.accepts(value) == expected, (parameter.name, value)


@pytest.mark.parametrize("config", SHIPPED, ids=lambda config: config.name)
def test_shipped_configs_train_on_iris_without_a_warning(config, tmp_path):
    iris = load_iris(as_frame=True)
    names = iris.target.map(dict(enumerate(iris.target_names)))
    x_train, x_test, y_train, y_test = train_test_split(iris.data, names, test_size=0.2, random_state=0, stratify=names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = building.build(config, seed=0)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        assert cross_val_score(model, x_train, y_train, cv=folds).mean() > 0.9
        assert model.fit(x_train, y_train).score(x_test, y_test) > 0.9
    opened(model, tmp_path)


def build(tmp_path, text, seed=3):
    (tmp_path / "c.yaml").write_text(text)
    (config,) = load_config(tmp_path / "c.yaml", Project(tmp_path, tmp_path))
    return building.build(ClassifierConfig.from_dict(config.as_dict()), seed)


def test_every_part_without_a_random_state_gets_the_seed(tmp_path):
    model = build(
        tmp_path,
        "estimator: VotingClassifier\n"
        "params:\n"
        "  estimators:\n"
        "    z: {estimator: BaggingClassifier, params: {estimator: DecisionTreeClassifier, random_state: 7}}\n"
        "    a: {estimator: SVC, preprocess: [PCA]}\n"
        "    gone: drop\n"
        "preprocess: [{QuantileTransformer: {n_quantiles: 10}}]\n",
    )
    found = model.get_params()
    assert [name for name, _ in found["votingclassifier__estimators"]] == ["a", "gone", "z"]
    assert found["votingclassifier__z__random_state"] == 7
    assert found["votingclassifier__z__estimator__random_state"] == 3
    assert found["votingclassifier__a__svc__random_state"] == found["votingclassifier__a__pca__random_state"] == 3
    assert found["quantiletransformer__random_state"] == 3
    assert isinstance(dict(found["votingclassifier__estimators"])["a"], Pipeline)


def test_values_are_converted_for_the_constructors(tmp_path):
    model = build(
        tmp_path,
        "estimator: LogisticRegression\nparams: {class_weight: {0: 1, 1: 2.5, two: 3}, C: .inf}\n"
        "preprocess: [{MinMaxScaler: {feature_range: [0, 2]}}]\n",
    )
    assert model[-1].class_weight == {"0": 1, "1": 2.5, "two": 3}
    assert math.isinf(model[-1].C)
    assert model[0].feature_range == (0, 2)


def test_a_class_that_is_not_allowed_is_refused_even_without_the_schema():
    for name in ("FunctionTransformer", "os.system", "GridSearchCV"):
        with pytest.raises(PodiumError, match="unknown estimator"):
            building.build(ClassifierConfig("x", "x", "SVC", {}, [{name: {}}]))


@pytest.mark.parametrize("name", sorted(catalogue.EXTRAS))
def test_an_extra_works_or_says_what_to_install(name, tmp_path):
    config = ClassifierConfig("x", "x", name, {"n_estimators": 3})
    try:
        model = building.build(config, 3)
    except PodiumError as error:
        assert "pip install 'podium-ml[boosting]'" in str(error)  # noqa: PT017
    else:
        assert model.estimator.get_params()["random_state"] == 3
        opened(model.fit(X, Y), tmp_path)


PARAMETERS = [
    (name, parameter)
    for name in sorted(catalogue.classifiers())
    for parameter in parameters_of(name).by_name.values()
    if parameter.nested is None and "deprecated" not in parameter.schema and parameter.branches != [{"not": {}}]
]


def values_of(parameter):
    def strategy(branch):
        if "enum" in branch:
            return st.sampled_from(branch["enum"])
        low, high = branch.get("minimum"), branch.get("maximum")
        return {
            "integer": st.integers(low, high if high is not None else (low or 0) + 50),
            "number": st.floats(-2, 2),
            "boolean": st.booleans(),
            "null": st.none(),
            "string": st.text(max_size=5),
            "array": st.lists(st.integers(1, 5), max_size=3),
            "object": st.dictionaries(st.text(max_size=3), st.integers(1, 3), max_size=2),
        }.get(branch.get("type"), st.none())

    return st.one_of([strategy(branch) for branch in parameter.branches])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_valid_parameters_build_and_pass_scikit_learns_own_validation(data, tmp_path_factory):
    name, parameter = data.draw(st.sampled_from(PARAMETERS))
    value = data.draw(values_of(parameter))
    if not parameter.accepts(value):
        return
    inner = {"estimators": {"a": "SVC"}} if "estimators" in required_parameters(name) else {}
    inner |= {"estimator": "LogisticRegression"} if "estimator" in required_parameters(name) else {}
    path = tmp_path_factory.getbasetemp() / "built.json"
    path.write_text(json.dumps({"estimator": name, "params": inner | {parameter.name: value}}))
    try:
        (config,) = load_config(path, Project(path.parent, path.parent))
    except PodiumError as error:
        assert "cannot be stored" in str(error)  # noqa: PT017 (a NUL among the random text)
        return
    model = building.build(config)
    assert parameter.name in model.get_params(deep=True)
    model._validate_params()  # noqa: SLF001


def test_reading_configs_imports_nothing_heavy():
    heavy = ["sklearn", "mlflow", "pandas", "numpy", "scipy", "skops", "airflow"]
    code = f"import sys, podium.configs.files, podium.configs.building; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
