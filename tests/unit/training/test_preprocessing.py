"""Preprocessing: what becomes of columns of each kind, for each classifier, and with the config's own steps."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from podium.configs import catalogue
from podium.configs.config import ClassifierConfig
from podium.data.datasets import DatasetRef, load
from podium.data.splits import Split
from podium.errors import PodiumError
from podium.registry import model_files
from podium.training import fit

SIZE = 240
KINDS = {
    "a": "number",
    "b": "number",
    "t": "category",
    "name": "category",
    "note": "text",
    "day": "date",
    "moment": "date",
}
LEVELS = list("uvwxyz")


def table(gaps=True):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "a": rng.normal(size=SIZE),
            "b": rng.normal(1000, 300, SIZE),
            "t": pd.Series(rng.choice(LEVELS, SIZE), dtype="object"),
            "name": pd.Series([f"name {n % 60}" for n in range(SIZE)], dtype="object"),
            "note": pd.Series([f"{'a good one' if n % 2 else 'it broke'} {n}" for n in range(SIZE)], dtype="object"),
            "day": pd.Series([f"2025-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(SIZE)], dtype="object"),
            "moment": pd.Series([f"2025-03-{1 + n % 28:02d}T{n % 24:02d}:00:00+00:00" for n in range(SIZE)]).astype(
                "object"
            ),
        }
    )
    if gaps:
        for at, column in enumerate(rows):
            rows.loc[at :: 9 + at, column] = None
    return rows


def dataset(columns=tuple(KINDS), gaps=True, labels=None):
    rows = table(gaps)[list(columns)]
    if labels is None:
        labels = np.where(table(gaps)["t"].isin(["u", "x", "z"]), "yes", "no")
    return dataclasses.replace(
        load(DatasetRef("iris", None, "target"), Split()),
        x_train=rows,
        x_test=rows,
        y_train=pd.Series(labels),
        y_test=pd.Series(labels),
        kinds={column: KINDS[column] for column in columns},
    )


def built(estimator, data=None, preprocess=(), **params):
    data = data or dataset()
    config = ClassifierConfig("c", "config/c.yaml", estimator, params, list(preprocess))
    return fit.pipeline(config, data, 0)


def fitted(estimator, data=None, preprocess=(), **params):
    if estimator in catalogue.EXTRAS:
        pytest.importorskip(catalogue.EXTRAS[estimator])
    data = data or dataset()
    return built(estimator, data, preprocess, **params).fit(data.x_train, data.y_train)


def accuracy(model, data):
    return (model.predict(data.x_train) == data.y_train).mean()


BOTH = ("HistGradientBoostingClassifier", "XGBClassifier", "LGBMClassifier")
CLASSIFIERS = [
    *BOTH,
    "BernoulliNB",
    "CategoricalNB",
    "ComplementNB",
    "ExtraTreesClassifier",
    "GaussianNB",
    "KNeighborsClassifier",
    "LinearDiscriminantAnalysis",
    "LogisticRegression",
    "MLPClassifier",
    "MultinomialNB",
    "NearestCentroid",
    "RandomForestClassifier",
    "SGDClassifier",
    "SVC",
]
NON_NEGATIVE = ("CategoricalNB", "ComplementNB", "MultinomialNB")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_kind_of_column_is_used_and_new_values_and_gaps_are_predicted_the_same_alone(name, gaps):
    columns = [column for column in KINDS if column not in "ab"] if name in NON_NEGATIVE else KINDS
    data = dataset(columns, gaps)
    model = fitted(name, data)
    rows = data.x_test.head(12).astype("object")
    for at, column in enumerate(rows):
        rows.iloc[at, rows.columns.get_loc(column)] = None
        if KINDS[column] in ("category", "text"):
            rows.iloc[at + 1, rows.columns.get_loc(column)] = "never seen"
    rows.iloc[11] = None
    rows = rows.astype({column: "float64" for column in columns if KINDS[column] == "number"})
    together = model.predict(rows)
    assert [model.predict(rows.iloc[[at]])[0] for at in range(len(rows))] == list(together)
    nan = rows.where(rows.notna(), np.nan).astype(rows.dtypes)
    assert list(model.predict(nan)) == list(together)
    empty = rows.copy()
    strings = [column for column in columns if KINDS[column] != "number"]
    empty[strings] = empty[strings].where(empty[strings].notna(), "")
    assert list(model.predict(empty)) == list(together)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_models_with_every_kind_of_column_are_saved_and_opened_again(name, tmp_path):
    data = dataset([column for column in KINDS if column not in "ab"] if name in NON_NEGATIVE else KINDS)
    model = fitted(name, data)
    model_files.save_model(model, data, tmp_path / "model")
    opened = model_files.load_model(str(tmp_path / "model"))
    assert list(opened.served.predict(data.x_test)) == list(model.predict(data.x_test))


@pytest.mark.parametrize("name", BOTH)
def test_boosting_treats_categories_as_such(name):
    data = dataset(["t"], gaps=False)
    stumps = (
        {"max_iter": 1, "max_leaf_nodes": 2, "learning_rate": 1.0}
        if "Hist" in name
        else {"n_estimators": 1, "max_depth": 1}
    )
    small = {"min_child_samples": 5} if name == "LGBMClassifier" else {}
    assert accuracy(fitted(name, data, **stumps, **small), data) == 1


def test_a_month_decides_for_a_linear_classifier():
    days = table(gaps=False)["day"]
    data = dataset(["day"], gaps=False, labels=days.str[5:7].isin(["03", "10"]))
    assert accuracy(fitted("LogisticRegression", data), data) > 0.95


@pytest.mark.parametrize("name", ["LogisticRegression", "HistGradientBoostingClassifier"])
def test_free_text_is_used(name):
    data = dataset(["note"], gaps=False, labels=np.arange(SIZE) % 2)
    assert accuracy(fitted(name, data), data) > 0.95


def test_linear_classifiers_are_scaled_and_trees_are_not():
    data = dataset(["a", "b"])
    assert [type(step).__name__ for step in built("SVC", data)[:-1]] == ["SimpleImputer", "StandardScaler"]
    assert [type(step).__name__ for step in built("DecisionTreeClassifier", data)[:-1]] == []
    assert [type(step).__name__ for step in built("AdaBoostClassifier", data)[:-1]] == ["SimpleImputer"]
    inner = {"estimators": {"tree": {"estimator": "DecisionTreeClassifier", "params": {}, "preprocess": []}}}
    assert [type(step).__name__ for step in built("VotingClassifier", data, **inner)[:-1]] == []
    inner["estimators"]["svm"] = {"estimator": "SVC", "params": {}, "preprocess": []}
    assert [type(step).__name__ for step in built("VotingClassifier", data, **inner)[:-1]][1] == "StandardScaler"


def test_numbers_that_must_not_be_negative_are_not_scaled():
    assert [type(step).__name__ for step in built("MultinomialNB", dataset(["a"]))[:-1]] == ["SimpleImputer"]


def test_a_step_that_depends_on_the_scale_gets_the_numbers_as_they_are():
    steps = built("LogisticRegression", dataset(["a", "b"]), [{"Binarizer": {"threshold": 900}}])
    assert [type(step).__name__ for step in steps[:-1]] == ["SimpleImputer", "Binarizer"]


def test_a_linear_classifier_gets_a_sparse_matrix_if_most_values_are_zero():
    rows = pd.DataFrame({f"t{n}": table()["t"] for n in range(5)})
    data = dataclasses.replace(dataset(), x_train=rows, x_test=rows, kinds=dict.fromkeys(rows, "category"))
    model = fitted("LogisticRegression", data)
    assert model[:-1].transform(rows).format == "csr"
    assert isinstance(fitted("SVC", data)[:-1].transform(rows), np.ndarray)


def branch(model, name):
    return model[0].named_transformers_[name]


@pytest.mark.parametrize("encoder", [OneHotEncoder, OrdinalEncoder, TargetEncoder])
def test_an_encoder_of_the_config_takes_the_place_of_the_built_in_one(encoder):
    data = dataset(["a", "t", "name", "note"])
    model = fitted("LogisticRegression", data, [{encoder.__name__: {}}])
    steps = [type(step) for step in branch(model, "categories")]
    assert [step for step in steps if step in (OneHotEncoder, OrdinalEncoder, TargetEncoder)] == [encoder]
    assert (StandardScaler in steps) == (encoder is not OneHotEncoder)
    assert [columns for name, _, columns in model[0].transformers if name == "categories"] == [["t", "name"]]
    new = data.x_test.head(1).assign(t="never seen")
    assert model.predict(new)[0] in {"yes", "no"}
    assert len(model.steps) == 2


def test_the_imputer_of_the_config_takes_the_place_of_the_built_in_one():
    data = dataset(["a", "t"])
    step = {"SimpleImputer": {"strategy": "constant", "fill_value": -99, "add_indicator": True}}
    model = fitted("KNeighborsClassifier", data, [step])
    before = model[0].transform(data.x_train)
    assert np.isnan(before[data.x_train["a"].isna(), -1]).all()
    after = model[:-1].transform(data.x_train)
    assert after.shape[1] == before.shape[1] + 1
    numbers = fitted("KNeighborsClassifier", dataset(["a"]), [step])
    assert [type(step).__name__ for step in numbers[:-1]] == ["StandardScaler", "SimpleImputer"]


def test_the_imputer_before_an_encoder_imputes_the_categories():
    data = dataset(["a", "t"])
    steps = [{"SimpleImputer": {"strategy": "most_frequent"}}, {"OneHotEncoder": {}}]
    model = fitted("LogisticRegression", data, steps)
    assert list(branch(model, "categories")[-1].categories_[0]) == LEVELS


def test_steps_by_column_are_all_that_is_done_with_these_columns():
    data = dataset(["a", "b", "t"])
    steps = [{"columns": ["a"], "steps": [{"KBinsDiscretizer": {"n_bins": 3, "encode": "ordinal"}}]}]
    model = fitted("LogisticRegression", data, [*steps, {"columns": ["t"], "steps": [{"OrdinalEncoder": {}}]}])
    first = model[0].transform(data.x_train)
    assert {name: columns for name, _, columns in model[0].transformers} == {
        "numbers": ["b"],
        "own 1": ["a"],
        "own 2": ["t"],
    }
    assert set(first[:, 2]) == {0, 1, 2}
    assert model.predict(data.x_test).shape == (SIZE,)


def test_steps_by_column_that_take_numbers_get_encoded_categories():
    data = dataset(["a", "t"])
    steps = [{"columns": ["a", "t"], "steps": [{"PCA": {"n_components": 2}}]}]
    assert fitted("LogisticRegression", data, steps)[0].transform(data.x_train).shape == (SIZE, 2)


@pytest.mark.parametrize(
    ("preprocess", "message"),
    [
        ([{"columns": ["nope"], "steps": [{"PCA": {}}]}], "preprocess: there is no column 'nope'"),
        ([{"columns": ["day "], "steps": [{"PCA": {}}]}], "preprocess: there is no column 'day ': did you mean 'day'?"),
        ([{"PCA": {}}, {"columns": ["a"], "steps": [{"PCA": {}}]}], "must come before the steps for all columns"),
        ([{"columns": ["a", "a"], "steps": [{"PCA": {}}]}], "the column 'a' has steps twice"),
    ],
)
def test_steps_for_columns_that_cannot_be_are_refused(preprocess, message):
    with pytest.raises(PodiumError, match=message.replace("?", r"\?")):
        built("LogisticRegression", preprocess=preprocess)


HISTOGRAM = {"categorical_features": ["t"], "monotonic_cst": {"a": 1}}


@pytest.mark.parametrize("columns", [["a", "t"], ["t", "note", "a", "name"], ["a", "b", "t", "day"]])
@pytest.mark.parametrize("params", [HISTOGRAM, {"monotonic_cst": {"a": 1}}, {"categorical_features": ["t"]}])
def test_histogram_boosting_knows_columns_by_their_names(columns, params):
    data = dataset(columns)
    model = fitted("HistGradientBoostingClassifier", data, **params)
    rows = pd.concat([data.x_train.head(1)] * 9).assign(a=np.linspace(-2, 2, 9))
    if "monotonic_cst" in params:
        assert (np.diff(model.predict_proba(rows)[:, 1]) >= 0).all()
    assert accuracy(model, data) > 0.9


def test_a_number_can_be_a_category_of_histogram_boosting():
    rows = pd.DataFrame({"code": np.arange(SIZE) % 7.0, "t": table()["t"]})
    data = dataclasses.replace(
        dataset(),
        x_train=rows,
        kinds={"code": "number", "t": "category"},
        y_train=pd.Series(rows["code"].isin([0, 3, 5])),
    )
    params = {"max_iter": 1, "max_leaf_nodes": 2, "learning_rate": 1.0}
    assert accuracy(fitted("HistGradientBoostingClassifier", data, **params), data) < 0.9
    assert accuracy(fitted("HistGradientBoostingClassifier", data, categorical_features=["code"], **params), data) == 1


@pytest.mark.parametrize("columns", [["a", "b"], ["note", "a", "t", "b"]])
@pytest.mark.parametrize("constraints", [{"a": 1}, "by position"])
@pytest.mark.parametrize("name", ["XGBClassifier", "LGBMClassifier"])
def test_boosters_know_columns_by_name_or_position(name, columns, constraints):
    data = dataset(columns)
    if constraints == "by position":
        constraints = [int(column == "a") for column in columns]
    elif name == "LGBMClassifier":
        pytest.skip("LightGBM takes positions only")
    model = fitted(name, data, monotone_constraints=constraints)
    rows = pd.concat([data.x_train.head(1)] * 9).assign(a=np.linspace(-2, 2, 9))
    assert (np.diff(model.predict_proba(rows)[:, 1]) >= 0).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"categorical_features": ["tt"]}, "categorical_features: there is no column 'tt': did you mean 't'"),
        ({"categorical_features": [17]}, "categorical_features: there is no column 17"),
        ({"monotonic_cst": {"c": 1}}, "monotonic_cst: there is no column 'c'"),
        ({"interaction_cst": [[4]]}, "interaction_cst: the column 'note' becomes several columns"),
    ],
)
def test_a_parameter_that_names_no_column_is_refused(params, message):
    with pytest.raises(PodiumError, match=message):
        built("HistGradientBoostingClassifier", **params)


def test_no_classifier_fails_for_a_column_without_any_value():
    rows = table().assign(a=np.nan, t=None)
    data = dataclasses.replace(dataset(), x_train=rows, x_test=rows)
    for name in ("LogisticRegression", "RandomForestClassifier", "HistGradientBoostingClassifier"):
        fitted(name, data)
