"""Requests: every row is predicted as by the model itself, alone and in a batch, or refused."""

import dataclasses
import functools
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from podium.configs import catalogue
from podium.configs.config import ClassifierConfig
from podium.data import datasets
from podium.data.splits import Split
from podium.errors import RequestError
from podium.registry import model_files
from podium.serving.scoring import Scorer
from podium.training import fit
from tests.support.estimators import ALLOWED, arguments, each_of

ROOT = Path(__file__).parents[3]
DATA = {"iris": "iris", "churn": {"path": "data/churn.csv", "target": "churned"}}
JSON = "application/json"
SINGLE_LABEL = sorted(set(catalogue.classifiers()) - {"ClassifierChain", "MultiOutputClassifier"})


@functools.cache
def rows_of(name):
    return datasets.load(datasets.DatasetRef.from_spec(DATA[name], ROOT), Split())


@functools.cache
def scorer(name, estimator="GaussianNB"):
    """The scorer of a model that was saved and loaded, without a run."""
    rows = rows_of(name)
    config = ClassifierConfig("one", "one.yaml", estimator, {}, [])
    model = fit.pipeline(config, rows, 0).fit(rows.x_train, rows.y_train)
    return saved(model, rows)


def saved(model, rows):
    with tempfile.TemporaryDirectory() as folder:
        model_files.save_model(model, rows, Path(folder) / "model")
        return Scorer(model_files.load_model(f"{folder}/model").served)


# What requests can have in a column of each kind; the second are refused.
VALUES = {
    "number": (
        st.one_of(st.floats(-1e6, 1e6), st.integers(-99, 99), st.none()),
        st.sampled_from(["old", True, [1]]),
    ),
    "boolean": (st.sampled_from([0, 1.0, True, False, None]), st.sampled_from(["yes", {}])),
    "category": (st.sampled_from(["ulm", "bonn", "new", "", " ", "NA", None]), st.sampled_from([1, 2.5, True])),
    "text": (st.one_of(st.sampled_from(["the cat sat", "", None]), st.text(max_size=9)), st.sampled_from([0, False])),
    "date": (
        st.sampled_from(["2026-03-01", "2026-03-01T12:30:00", "2031-12-31T00:00:00Z", "", None]),
        st.sampled_from(["1.3.2026", "soon", 20260301]),
    ),
}
COLUMNS = {"age [<1]": "number", "is_new": "boolean", "town": "category", "note": "text", "since": "date"}
MIXED_ESTIMATORS = ["HistGradientBoostingClassifier", "LogisticRegression", "RandomForestClassifier", "XGBClassifier"]
# Labels of every type, as the data set has them.
LABELS = {"text": ["no", "yes", "001"], "int": [1, 2, 3], "bool": [False, True]}


def mixed_rows(labels, gaps):
    """Rows of every kind of column; gaps in all of them or in none."""
    rng, size = np.random.default_rng(0), 160
    days = pd.date_range("2025-01-01", periods=size, freq="37h").strftime("%Y-%m-%dT%H:%M:%S")
    rows = pd.DataFrame(
        {
            "age [<1]": rng.normal(40, 9, size),
            "is_new": rng.integers(0, 2, size).astype("float64"),
            "town": pd.Series(rng.choice(["ulm", "bonn", "trier"], size), dtype="object"),
            "note": pd.Series(
                [f"{'cat' if n % 3 else 'dog'} number {n * 7 % 50}" for n in range(size)], dtype="object"
            ),
            "since": pd.Series(days, dtype="object"),
        }
    )
    if gaps:
        for at, column in enumerate(rows):
            rows.loc[at :: 7 + at, column] = None
    cuts = pd.qcut(rows["age [<1]"].fillna(0).rank(method="first"), len(LABELS[labels]), labels=False)
    y = pd.Series([LABELS[labels][n] for n in cuts])
    kinds = {column: "number" if kind == "boolean" else kind for column, kind in COLUMNS.items()}
    return dataclasses.replace(rows_of("iris"), x_train=rows, x_test=rows, y_train=y, y_test=y, kinds=kinds)


@functools.cache
def mixed_scorer(estimator, labels, gaps):
    if estimator in catalogue.EXTRAS:
        pytest.importorskip(catalogue.EXTRAS[estimator])
    rows = mixed_rows(labels, gaps)
    quick = {"max_iter": 5} if "Hist" in estimator else {} if "Logistic" in estimator else {"n_estimators": 5}
    model = fit.pipeline(ClassifierConfig("one", "one.yaml", estimator, quick, []), rows, 0)
    return saved(model.fit(rows.x_train, rows.y_train), rows)


def in_form(form, columns, rows):
    if form == "text/csv":
        return pd.DataFrame(rows, columns=columns, dtype="object").to_csv(index=False)
    if form == "dataframe_split":
        return json.dumps({form: {"columns": columns, "data": [list(row) for row in rows]}})
    if form == "by column":
        return json.dumps({"inputs": {column: [row[at] for row in rows] for at, column in enumerate(columns)}})
    return json.dumps({form: [dict(zip(columns, row, strict=True)) for row in rows]})


JSON_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs", "by column")


def answer(scorer, form, columns, rows):
    """Return the predictions, or None for a refusal."""
    try:
        body = in_form(form, columns, rows).encode()
        return json.loads(scorer.predict(body, "text/csv" if form == "text/csv" else JSON, 1000).body)["predictions"]
    except RequestError:
        return None


@pytest.mark.parametrize("gaps", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["gaps in training", "none"])
@pytest.mark.parametrize("estimator", MIXED_ESTIMATORS)
def test_a_row_alone_the_row_in_a_batch_and_the_model_itself_agree(estimator, gaps):
    scorer = mixed_scorer(estimator, "text", gaps)
    row = st.tuples(*(VALUES[kind][0] for kind in COLUMNS.values()))

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(row, min_size=1, max_size=4), st.sampled_from(JSON_FORMS), st.permutations(list(COLUMNS)))
    def agrees(rows, form, order):
        frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")
        frame = frame.where(~frame.isin(["", " ", "NA"]), None)
        numbers = [column for column, kind in COLUMNS.items() if kind in ("number", "boolean")]
        frame[numbers] = frame[numbers].astype("float64")
        expected = scorer.model.get_raw_model().predict(frame.assign(since=frame["since"].str.rstrip("Z"))).tolist()
        shuffled = [[row[list(COLUMNS).index(column)] for column in order] for row in rows]
        assert answer(scorer, form, order, shuffled) == expected
        assert [answer(scorer, form, order, [row])[0] for row in shuffled] == expected

    agrees()


@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_of_another_type_is_refused_alone_and_in_a_batch_with_its_row_and_column(column):
    scorer = mixed_scorer("LogisticRegression", "text", gaps=True)
    fine = dict.fromkeys(COLUMNS)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(VALUES[COLUMNS[column]][1])
    def refused(value):
        for rows in ([{**fine, column: value}], [fine, {**fine, column: value}]):
            with pytest.raises(RequestError) as caught:
                scorer.predict(json.dumps({"dataframe_records": rows}).encode(), JSON, 1000)
            assert caught.value.message.startswith(f"row {len(rows)}: column {column!r} must be ")
            assert caught.value.message.endswith(f"not {json.dumps(value)}")

    refused()


def test_csv_and_json_give_the_same_predictions():
    scorer = mixed_scorer("LogisticRegression", "text", gaps=True)
    rows = mixed_rows("text", gaps=True).x_test.head(30)
    values = [[None if pd.isna(value) else value for value in row] for row in rows.to_numpy().tolist()]
    expected = scorer.model.get_raw_model().predict(rows).tolist()
    assert answer(scorer, "dataframe_split", list(rows), values) == expected
    assert answer(scorer, "text/csv", list(rows), values) == expected
    as_words = [[*row[:1], {1.0: "True", 0.0: "false"}.get(row[1]), *row[2:]] for row in values]
    assert answer(scorer, "text/csv", list(rows), as_words) == expected


@pytest.mark.parametrize("form", [*JSON_FORMS, "text/csv"])
@pytest.mark.parametrize("kinds", [("number", "number"), ("number", "category")], ids=["numbers", "mixed"])
def test_what_the_file_has_for_a_missing_value_is_missing_in_a_request(kinds, form):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    rows.loc[::5, "a"] = None
    y = rows["a"].isna().map({True: "unknown", False: "known"})
    if kinds[1] == "category":
        rows["b"] = pd.Series(rng.choice(["ulm", "bonn", None], 60), dtype="object")
    data = dataclasses.replace(
        rows_of("iris"), x_train=rows, x_test=rows, y_train=y, y_test=y, kinds=dict(zip("ab", kinds, strict=True)),
        na_values=("-9", "n.d."),
    )  # fmt: skip
    model = fit.pipeline(ClassifierConfig("one", "one.yaml", "HistGradientBoostingClassifier", {}, []), data, 0)
    one = saved(model.fit(rows, y), data)
    other = {"number": 0.5, "category": "ulm"}[kinds[1]]
    values = [["n.d.", other], [-9, other], ["-9.0", "n.d."], [-9.5, "-9"]]
    assert answer(one, form, ["a", "b"], values) == ["unknown", "unknown", "unknown", "known"]
    assert [answer(one, form, ["a", "b"], [row])[0] for row in values] == ["unknown", "unknown", "unknown", "known"]
    assert answer(one, form, ["a", "b"], [[-9.0, other], [1.5, other]]) == ["unknown", "known"]


@pytest.mark.parametrize("form", JSON_FORMS)
def test_a_missing_column_is_refused_by_its_name_whatever_the_other_rows_have(form):
    scorer = mixed_scorer("LogisticRegression", "text", gaps=True)
    names = [column for column in COLUMNS if column != "town"]
    with pytest.raises(RequestError, match="missing columns: 'town'; a missing value must be null"):
        scorer.predict(in_form(form, names, [[None] * 4]).encode(), JSON, 1000)
    body = json.dumps({"dataframe_records": [dict.fromkeys(COLUMNS), dict.fromkeys(names)]}).encode()
    with pytest.raises(RequestError, match="row 2: missing columns: 'town'"):
        scorer.predict(body, JSON, 1000)


@pytest.mark.parametrize("estimator", MIXED_ESTIMATORS)
@pytest.mark.parametrize("labels", LABELS)
def test_labels_are_served_as_the_data_set_has_them(estimator, labels):
    scorer = mixed_scorer(estimator, labels, gaps=True)
    rows = mixed_rows(labels, gaps=True)
    values = [[None if pd.isna(value) else value for value in row] for row in rows.x_test.to_numpy().tolist()]
    found = answer(scorer, "dataframe_split", list(rows.x_test), values)
    assert {json.dumps(label) for label in found} == {json.dumps(label) for label in rows.y_test.unique().tolist()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", each_of({*SINGLE_LABEL, *catalogue.transformers()}))
def test_a_pipeline_predicts_the_same_for_an_array_as_for_a_data_frame(name):
    rows = rows_of("iris")
    labels = rows.y_train
    if name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV"):
        labels = labels == "setosa"
    steps = [ALLOWED[name](**arguments(name)), *([GaussianNB()] if name in catalogue.transformers() else [])]
    try:
        model = make_pipeline(*steps).fit(rows.x_train, labels)
        model_scorer = saved(model, rows)
    except (ValueError, TypeError):
        pytest.skip("cannot be fitted on these rows")
    assert model_scorer.takes_arrays, "it would predict for a data frame"
    body = {"dataframe_split": rows.x_train.to_dict(orient="split")}  # an encoder may refuse unseen values
    found = json.loads(model_scorer.predict(json.dumps(body).encode(), JSON, 1000).body)["predictions"]
    assert found == model.predict(rows.x_train).tolist()


def test_a_model_that_selects_columns_by_name_gets_a_data_frame():
    assert not scorer("churn").takes_arrays
    assert scorer("iris").takes_arrays


def test_the_response_has_the_same_bytes_as_mlflows():
    from io import StringIO

    from mlflow.pyfunc.scoring_server import predictions_to_json

    rows = rows_of("iris").x_test
    text = StringIO()
    predictions_to_json(scorer("iris").model.predict(rows), text)
    body = json.dumps({"dataframe_records": rows.to_dict(orient="records")}).encode()
    assert scorer("iris").predict(body, JSON, 1000).body.decode() == text.getvalue()


@pytest.mark.parametrize("name", ["iris", "churn"])
@pytest.mark.parametrize("kind", ["dataframe_split", "dataframe_records"])
def test_a_request_for_probabilities_gets_them(name, kind):
    one, rows = scorer(name), rows_of(name).x_test.head(5)
    orient = {"dataframe_split": "split", "dataframe_records": "records"}[kind]
    body = {kind: json.loads(rows.to_json(orient=orient)), "params": {"predict_method": "predict_proba"}}
    found = one.predict(json.dumps(body).encode(), JSON, 10)
    assert json.loads(found.body)["predictions"] == one.model.get_raw_model().predict_proba(rows).tolist()
    assert (found.rows, found.are_labels) == (5, False)
    labels = one.predict(json.dumps({**body, "params": {"predict_method": "predict"}}).encode(), JSON, 10)
    assert json.loads(labels.body)["predictions"] == one.model.get_raw_model().predict(rows).tolist()
    assert labels.are_labels


@pytest.mark.parametrize(
    ("estimator", "method", "message"),
    [
        ("RidgeClassifier", "predict_proba", "the model has no predict_proba: it does not give probabilities"),
        ("GaussianNB", "predict_prob", "predict_method must be one of predict, predict_proba, predict_log_proba, not "),
        ("GaussianNB", ["predict"], "predict_method must be one of predict, predict_proba, predict_log_proba, not "),
    ],
)
def test_a_request_for_what_the_model_cannot_give_is_refused(estimator, method, message):
    split = json.loads(rows_of("iris").x_test.head(1).to_json(orient="split"))
    body = {"dataframe_split": split, "params": {"predict_method": method}}
    with pytest.raises(RequestError, match=message):
        scorer("iris", estimator).predict(json.dumps(body).encode(), JSON, 10)
