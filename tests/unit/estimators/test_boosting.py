"""XGBoost and LightGBM: any labels, any column names, and rows for early stopping."""

import numpy as np
import pandas as pd
import pytest
import skops.io

from podium.configs import building, catalogue
from podium.configs.config import ClassifierConfig
from podium.registry.trusted_types import TRUSTED_TYPES

ROWS = np.random.default_rng(0).normal(size=(120, 3))
FRAME = pd.DataFrame(ROWS, columns=["a[1", "<b>, {", '"c": '])
CODES = np.digitize(ROWS[:, 0], [-0.5, 0.5])
LABELS = {
    "strings": np.array(["low", "middle", "001"], dtype=object),
    "one to three": np.array([1, 2, 3]),
    "two strings": np.array(["no", "yes", "yes"], dtype=object),
    "booleans": np.array([False, True, True]),
}


def classifier(name, **params):
    pytest.importorskip(catalogue.EXTRAS[name])
    return building.build(ClassifierConfig("c", "c.yaml", name, {"n_estimators": 20, **params}, []), 3)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", catalogue.EXTRAS)
def test_labels_of_any_type_are_trained_and_predicted_saved_or_not(name, labels):
    y = LABELS[labels][CODES]
    model = classifier(name).fit(FRAME, y)
    predicted = model.predict(FRAME)
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.9
    assert list(model.classes_) == sorted(set(y))
    probabilities = model.predict_proba(FRAME)
    assert (model.classes_[probabilities.argmax(axis=1)] == predicted).all()
    again = skops.io.loads(skops.io.dumps(model), trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(again.predict_proba(FRAME), probabilities)
    assert (again.predict(ROWS) == predicted).all()


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("XGBClassifier", {"early_stopping_rounds": 2}),
        ("LGBMClassifier", {"early_stopping_round": 2}),
    ],
)
@pytest.mark.parametrize("weighted", [True, False])
def test_early_stopping_stops_early(name, params, weighted):
    y = LABELS["strings"][np.random.default_rng(1).permutation(CODES)]
    weights = np.linspace(1, 2, len(y)) if weighted else None
    model = classifier(name, n_estimators=300, **params).fit(FRAME, y, sample_weight=weights)
    inner = model.estimator_
    assert 0 <= (inner.best_iteration if name == "XGBClassifier" else inner.best_iteration_) < 100
    assert set(model.predict(FRAME)) <= set(y)


def test_early_stopping_keeps_a_row_of_every_class_and_says_if_there_are_too_few():
    model = classifier("XGBClassifier", early_stopping_rounds=2)
    y = np.array(["a"] * 60 + ["b"] * 59 + ["c"])
    assert list(model.fit(FRAME, y).predict_proba(FRAME).sum(axis=1).round(3)) == [1] * 120
    with pytest.raises(ValueError, match="early stopping needs more than 4 rows"):
        model.fit(FRAME.head(4), ["a", "a", "b", "b"])


@pytest.mark.parametrize("name", ["XGBClassifier", "LGBMClassifier"])
def test_weights_reach_the_fit(name):
    y = np.array(["a", "b"] * 60)
    heavy = np.where(y == "a", 100.0, 1.0)
    model = classifier(name).fit(np.zeros((120, 1)), y, sample_weight=heavy)
    assert model.predict_proba(np.zeros((1, 1)))[0, 0] > 0.9


@pytest.mark.parametrize("name", ["XGBClassifier", "LGBMClassifier"])
def test_gaps_are_taken(name):
    gaps = FRAME.mask(ROWS > 1)
    assert len(classifier(name).fit(gaps, CODES).predict(gaps)) == len(gaps)


@pytest.mark.parametrize("name", ["XGBClassifier", "LGBMClassifier"])
def test_they_can_be_parts_of_other_classifiers(name):
    pytest.importorskip(catalogue.EXTRAS[name])
    part = {"estimator": name, "params": {"n_estimators": 5}, "preprocess": []}
    for outer in ("CalibratedClassifierCV", "BaggingClassifier", "OneVsRestClassifier"):
        config = ClassifierConfig("c", "c.yaml", outer, {"estimator": part}, [])
        y = LABELS["strings"][CODES]
        assert (building.build(config, 0).fit(FRAME, y).predict(FRAME) == y).mean() > 0.8
