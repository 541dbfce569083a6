"""Parameters of XGBoost's and LightGBM's classifiers: all known, none unchecked, with the libraries' own limits."""

import contextlib
import json
import warnings

import lightgbm
import numpy as np
import pytest
import xgboost
from lightgbm.basic import _ConfigAliases

from podium.configs import building, catalogue
from podium.configs.files import load_config
from podium.configs.parameters import parameters_of
from podium.errors import InvalidFileError
from podium.project import Project
from podium.schema_generation import boosters, config_schema

CLASSES = {
    "LGBMClassifier": lightgbm.LGBMClassifier,
    "XGBClassifier": xgboost.XGBClassifier,
    "XGBRFClassifier": xgboost.XGBRFClassifier,
}
QUIET = {"LGBMClassifier": {"verbosity": -1, "min_child_samples": 2}, "XGBClassifier": {}, "XGBRFClassifier": {}}
RNG = np.random.default_rng(0)
X = RNG.random((80, 4))
Y = (X[:, 0] > 0.5).astype(int)


def load(tmp_path, config):
    path = tmp_path / "booster.json"
    path.write_text(json.dumps(config))
    return load_config(path, Project(tmp_path, tmp_path))


def messages(tmp_path, config):
    with pytest.raises(InvalidFileError) as caught:
        load(tmp_path, config)
    return [problem.message for problem in caught.value.problems]


def fit(name, **params):
    """Fit a few trees; the libraries check parameters no earlier."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CLASSES[name](**{"n_estimators": 2, "n_jobs": 1, **QUIET[name], **params}).fit(X, Y)


def names_in(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from names_in(inner) if isinstance(inner, dict | list) else [key]
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


def names_of_xgboost():
    """Return what a trained model reports as its settings, for each kind of training."""
    kinds = [
        {},
        {"booster": "dart"},
        {"booster": "gblinear"},
        {"booster": "gblinear", "updater": "coord_descent"},
        {"tree_method": "exact"},
        {"tree_method": "approx"},
        {"objective": "multi:softprob", "num_class": 2},
        {"objective": "count:poisson"},
        {"objective": "rank:ndcg"},
        {"objective": "reg:pseudohubererror"},
        {"objective": "reg:quantileerror", "quantile_alpha": 0.5},
        {"objective": "reg:tweedie"},
    ]
    found = set()
    for kind in kinds:
        model = xgboost.train({"verbosity": 0, **kind}, xgboost.DMatrix(X, Y), 1)
        found |= set(names_in(json.loads(model.save_config())))
    # The state of a model, and settings that its linear updaters and its column maker never document.
    return (
        found
        - {"name", "num_trees", "updater_seq", "specified_updater", "default_direction"}
        - {
            "max_row_perbatch",
            "opt_dense_col",
            "tolerance",
        }
    )


@pytest.mark.parametrize("name", sorted(catalogue.EXTRAS))
def test_every_parameter_that_the_library_knows_is_allowed_or_refused_with_a_reason(name):
    groups = _ConfigAliases._get_all_param_aliases()  # noqa: SLF001
    known = {one for names in groups.values() for one in names} if name[:4] == "LGBM" else names_of_xgboost()
    table = parameters_of(name)
    assert len(known) > 60
    assert [one for one in sorted(known) if table.get(one) is None and one not in table.refused] == []
    assert all(one in table.by_name or one in table.refused for one in CLASSES[name]().get_params())


def test_the_schema_is_the_same_with_and_without_the_packages():
    assert config_schema.generate(packaged_extras=True) == config_schema.generate(packaged_extras=False)
    assert boosters.definitions(packaged=False).keys() == catalogue.EXTRAS.keys()


def near_bounds(branch):
    """Return values near each bound of a range that the libraries, which have single precision, can tell apart."""
    step = 1 if branch["type"] == "integer" else 1e-3
    for word, sign in (("inimum", 1), ("aximum", -1)):
        for bound in (branch.get("m" + word), branch.get("exclusiveM" + word)):
            if bound is not None:
                yield from (bound - sign * step, bound, bound + sign * step)


#: Ranges that are narrower than what a library stores: as documented, or without values that fit nothing.
STRICTER = {"n_estimators", "random_state", "feature_weights", "scale_pos_weight"}
STRICTER |= {
    "subsample",
    "colsample_bytree",
    "colsample_bylevel",
    "colsample_bynode",
    "max_cached_hist_node",
    "num_gpu",
}
STRICTER |= {
    "rate_drop",
    "skip_drop",
    "sparse_threshold",
    "num_parallel_tree",
    "top_k",
    "linear_lambda",
    "num_grad_quant_bins",
}


@pytest.mark.parametrize("name", sorted(catalogue.EXTRAS))
def test_bounds_agree_with_the_library(name):
    for parameter in parameters_of(name).by_name.values():
        if parameter.name in ("early_stopping_rounds", "verbosity"):
            continue  # the one needs rows to validate on, a wrong value of the other stays for later fits
        ranges = [branch for branch in parameter.branches if branch.get("type") in ("integer", "number")]
        for value in [value for branch in ranges for value in near_bounds(branch)]:
            try:
                fit(name, **{parameter.name: value})
                accepted = True
            except (xgboost.core.XGBoostError, lightgbm.basic.LightGBMError, ValueError):
                accepted = False
            is_strict = parameter.name in STRICTER or parameter.name.endswith("_seed")
            assert accepted == parameter.accepts(value) or (accepted and is_strict), (parameter.name, value)


@pytest.mark.parametrize("name", sorted(catalogue.EXTRAS))
def test_the_library_knows_every_option(name):
    for parameter in parameters_of(name).by_name.values():
        if parameter.name in ("device", "device_type"):
            continue  # there may be no GPU
        for option in [option for branch in parameter.branches for option in branch.get("enum", [])]:
            message, linear = "", {"booster": "gblinear"} if option in ("coord_descent", "shotgun") else {}
            try:
                fit(name, **linear, **{parameter.name: option})
            except Exception as error:  # noqa: BLE001
                message = str(error)
            assert not any(word in message for word in ("Invalid Input", "Unknown", "valid values")), (option, message)


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("XGBClassifier", "n_estimator", "n_estimators"),
        ("XGBClassifier", "learning_rat", "learning_rate"),
        ("XGBRFClassifier", "colsample_by_tree", "colsample_bytree"),
        ("LGBMClassifier", "num_leafs", "num_leaves"),
        ("LGBMClassifier", "min_child_sample", "min_child_samples"),
        ("LGBMClassifier", "lambda_l3", "reg_alpha"),
        ("LGBMClassifier", "drop_rat", "drop_rate"),
    ],
)
def test_a_misspelt_parameter_is_not_trained_with_defaults(tmp_path, name, wrong, right):
    (message,) = messages(tmp_path, {"estimator": name, "params": {wrong: 5}})
    assert message.startswith(f"unknown parameter {wrong!r} for {name}: did you mean ")
    assert message in {
        f"unknown parameter {wrong!r} for {name}: did you mean {near!r}?" for near in (right, "reg_lambda")
    }
    (inner,) = messages(
        tmp_path, {"estimator": "BaggingClassifier", "params": {"estimator": {"estimator": name, "params": {wrong: 5}}}}
    )
    assert inner == message
    (listed,) = messages(tmp_path, {"estimator": name, "grid": {wrong: [5]}})
    assert listed == message


@pytest.mark.parametrize(
    ("name", "parameter", "reason"),
    [
        ("XGBClassifier", "callbacks", "it takes functions"),
        ("XGBClassifier", "process_type", "it is for changing a model that exists"),
        ("XGBClassifier", "num_class", "it follows from the data"),
        ("LGBMClassifier", "forcedsplits_filename", "it names a file or describes one"),
        ("LGBMClassifier", "forced_splits_file", "it names a file or describes one"),
        ("LGBMClassifier", "input_model", "it names a file or describes one"),
        ("LGBMClassifier", "local_listen_port", "it is for training on several machines"),
        ("LGBMClassifier", "port", "it is for training on several machines"),
        ("LGBMClassifier", "machines", "it is for training on several machines"),
        ("LGBMClassifier", "predict_raw_score", "it changes what the model predicts after the training"),
    ],
)
def test_a_parameter_that_opens_something_is_refused_with_the_reason(tmp_path, name, parameter, reason):
    wanted = [f"a config cannot set {parameter!r} of {name} because {reason}: remove it"]
    assert messages(tmp_path, {"estimator": name, "params": {parameter: "x"}}) == wanted
    assert messages(tmp_path, {"estimator": name, "grid": {parameter: ["x"]}}) == wanted


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("XGBClassifier", {"max_depth": 2.5}, "max_depth must be an integer of 0 or more or null, not 2.5"),
        ("XGBClassifier", {"subsample": 1.5}, "subsample must be a number above 0 and up to 1 or null, not 1.5"),
        ("XGBClassifier", {"eta": -1}, "eta must be a number of 0 or more or null, not -1"),
        (
            "XGBRFClassifier",
            {"booster": "gbtre"},
            "booster must be 'gbtree', 'gblinear', 'dart' or null, not 'gbtre': did you mean 'gbtree'?",
        ),
        ("LGBMClassifier", {"num_leaves": 1}, "num_leaves must be an integer from 2 to 131072, not 1"),
        (
            "LGBMClassifier",
            {"boosting": "gbd"},
            (
                "boosting must be one of 'gbdt', 'dart', 'rf', 'goss', 'gbrt', 'random_forest', not 'gbd':"
                " did you mean 'gbdt'?"
            ),
        ),
        ("LGBMClassifier", {"lambda": "much"}, "lambda must be a number of 0 or more, not 'much'"),
    ],
)
def test_values_are_checked(tmp_path, name, params, message):
    assert messages(tmp_path, {"estimator": name, "params": params}) == [message]


@pytest.mark.parametrize(
    ("name", "short", "long"),
    [
        ("XGBClassifier", {"eta": 0.1, "lambda": 2}, {"learning_rate": 0.1, "reg_lambda": 2.0}),
        ("LGBMClassifier", {"lambda_l1": 0.5, "num_boost_round": 7}, {"reg_alpha": 0.5, "n_estimators": 7}),
        ("LGBMClassifier", {"colsample_bynode": 0.5}, {"feature_fraction_bynode": 0.5}),
    ],
)
def test_other_names_of_a_parameter_give_the_same_config(tmp_path, name, short, long):
    ((first,), (second,)) = (load(tmp_path, {"estimator": name, "params": params}) for params in (short, long))
    assert first == second
    one, two = (building.build(config).estimator.get_params() for config in (first, second))
    assert one == two
    assert (
        load(tmp_path, {"estimator": name, "grid": {key: [value] for key, value in short.items()}})[0].params
        == first.params
    )


def test_a_seed_by_another_name_is_the_seed(tmp_path):
    for name, seed in (("XGBClassifier", "seed"), ("LGBMClassifier", "random_seed")):
        (config,) = load(tmp_path, {"estimator": name, "params": {seed: 7}})
        model = building.build(config, seed=3).estimator
        assert model.get_params()["random_state"] == 7
        assert seed not in model.get_params()


def test_two_names_of_one_parameter_are_refused(tmp_path):
    params = {"learning_rate": 0.1, "eta": 0.2}
    wanted = ["eta is another name of learning_rate: give one of them"]
    for name in ("XGBClassifier", "LGBMClassifier"):
        assert messages(tmp_path, {"estimator": name, "params": params}) == wanted
        assert (
            messages(tmp_path, {"estimator": name, "grid": {key: [value] for key, value in params.items()}}) == wanted
        )


def test_parameters_of_the_libraries_themselves_reach_them(tmp_path):
    params = {
        "XGBClassifier": {"booster": "dart", "rate_drop": 0.5, "skip_drop": 0.25, "eta": 0.5},
        "LGBMClassifier": {"boosting": "dart", "drop_rate": 0.5, "cat_smooth": 3.0, "max_bins": 31},
    }
    for name, values in params.items():
        (config,) = load(tmp_path, {"estimator": name, "params": values | {"n_estimators": 3}})
        model = building.build(config)
        with contextlib.redirect_stdout(None):
            booster = model.fit(X, Y).estimator_
        if name == "XGBClassifier":
            settings = json.loads(booster.get_booster().save_config())["learner"]["gradient_booster"]
            assert float(settings["dart_train_param"]["rate_drop"]) == 0.5
        else:
            text = booster.booster_.model_to_string()
            assert "[max_bin: 31]" in text
            assert "[cat_smooth: 3]" in text
            assert "[boosting: dart]" in text
