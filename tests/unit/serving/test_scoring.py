"""The fast path from request body to data frame: equal to MLflow's own, or left to MLflow."""

import functools
import json
import math
import tempfile
import warnings
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import infer_and_parse_data
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
    config = ClassifierConfig("one", "one.yaml", estimator, {}, ())
    model = fit.pipeline(config, rows.x_train, rows.x_test, 0).fit(rows.x_train, rows.y_train)
    return saved(model, rows)


def saved(model, rows):
    with tempfile.TemporaryDirectory() as folder:
        model_files.save_model(model, rows, Path(folder) / "model")
        return Scorer(model_files.load_model(f"{folder}/model").served)


NUMBERS = st.one_of(
    st.floats(), st.integers(), st.integers(-(10**30), 10**30), st.just(10**400), st.none(), st.booleans(), st.text()
)
STRINGS = st.one_of(st.sampled_from(["basic", "east", "card"]), st.text(), st.none(), st.integers(), st.just(math.nan))
PLAIN_NUMBERS = st.one_of(st.floats(allow_nan=False), st.integers(-(2**70), 2**70))


@st.composite
def bodies(draw, name):
    """Bodies of every format with the right columns, some of them with a mistake."""
    schema = scorer(name).schema
    names = schema.input_names()
    is_plain = draw(st.booleans())
    values = {
        spec.name: (st.sampled_from(["basic", "east"]) if is_plain else STRINGS)
        if spec.type.name == "string"
        else (PLAIN_NUMBERS if is_plain else NUMBERS)
        for spec in schema.inputs
    }
    columns = draw(st.sampled_from([names, names, names[::-1], names[1:], [*names, "more"]]))
    values["more"] = NUMBERS
    rows = draw(st.lists(st.tuples(*(values[column] for column in columns)), min_size=0, max_size=4))
    form = draw(st.sampled_from(["dataframe_split", "dataframe_split", "dataframe_records", "instances", "inputs"]))
    if form == "dataframe_split":
        table = {"columns": columns, "data": [list(row) for row in rows]}
        if draw(st.integers(0, 3)) == 0:
            table["index"] = draw(st.one_of(st.just(list(range(len(rows)))), st.lists(st.integers(), max_size=4)))
        if draw(st.integers(0, 9)) == 0:
            del table["columns"]
        if rows and draw(st.integers(0, 9)) == 0:
            table["data"][0] = table["data"][0][1:]
    else:
        table = [dict(zip(columns, row, strict=True)) for row in rows]
    return {form: table}


@pytest.mark.parametrize("name", DATA)
def test_the_fast_path_builds_the_same_data_frame_as_mlflow(name):
    taken = []

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(bodies(name))
    def agrees(body):
        fast = scorer(name).plain_frame(json.loads(json.dumps(body)))
        taken.append(fast is not None)
        if fast is not None:
            schema = scorer(name).schema
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                slow = _enforce_schema(infer_and_parse_data(json.loads(json.dumps(body)), schema), schema)
            pd.testing.assert_frame_equal(fast.reset_index(drop=True), slow.reset_index(drop=True), check_exact=True)

    agrees()
    assert sum(taken) > len(taken) / 50, "hardly any body takes the fast path"


@pytest.mark.parametrize("name", DATA)
def test_predictions_and_refusals_equal_those_of_mlflow(name):
    model = scorer(name).model

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(bodies(name))
    def agrees(body):
        text = json.dumps(body)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = list(model.predict(infer_and_parse_data(json.loads(text), scorer(name).schema)))
            except Exception:  # noqa: BLE001
                expected = None
            try:
                found = json.loads(scorer(name).predict(text.encode(), JSON, 1000).body)["predictions"]
            except RequestError:
                found = None
        assert found == expected

    agrees()


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
