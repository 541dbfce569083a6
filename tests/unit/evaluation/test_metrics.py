"""The scores equal those of scikit-learn, and which scores a classifier has."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC, LinearSVC

from podium.evaluation.formulas import label_scores, log_loss, roc_auc
from podium.evaluation.metrics import GREATER_IS_BETTER, score, scores_of
from podium.evaluation.predictions import Predictions

ALWAYS = {"accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "worst_class_recall", "predict_seconds"}


def rows(load):
    bunch = load(as_frame=True)
    shuffled = bunch.data.assign(y=bunch.target_names[bunch.target]).sample(frac=1, random_state=0)
    features, labels = shuffled.drop(columns="y"), shuffled["y"]
    return features[:90], labels[:90], features[90:], labels[90:]


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris], ids=["two classes", "three classes"])
def test_scores_are_those_of_scikit_learn(load):
    x_fit, y_fit, x, y = rows(load)
    model = LogisticRegression(C=1e-4, max_iter=5000).fit(x_fit, y_fit)
    predicted, probabilities = model.predict(x), model.predict_proba(x)
    one_column = probabilities[:, 1] if len(model.classes_) == 2 else probabilities
    found = score(model, x, y)
    assert found.pop("predict_seconds") > 0
    assert found == pytest.approx(
        {
            "accuracy": np.mean(predicted == y),
            "balanced_accuracy": sk.recall_score(y, predicted, average="macro"),
            "f1_macro": sk.f1_score(y, predicted, average="macro"),
            "f1_weighted": sk.f1_score(y, predicted, average="weighted"),
            "worst_class_recall": sk.recall_score(y, predicted, average=None).min(),
            "log_loss": sk.log_loss(y, probabilities),
            "roc_auc": sk.roc_auc_score(y, one_column, multi_class="ovr"),
        }
    )
    assert found["accuracy"] < 1


def test_two_classes_without_probabilities_still_have_a_roc_auc():
    x_fit, y_fit, x, y = rows(load_breast_cancer)
    model = RidgeClassifier().fit(x_fit, y_fit)
    found = score(model, x, y)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, model.decision_function(x)))
    assert set(found) == {*ALWAYS, "roc_auc"}


def test_three_classes_without_probabilities_have_neither_log_loss_nor_roc_auc():
    x_fit, y_fit, x, y = rows(load_iris)
    for model in (SVC(), LinearSVC()):
        assert set(score(model.fit(x_fit, y_fit), x, y)) == ALWAYS


def test_a_class_that_does_not_occur_leaves_roc_auc_out():
    x_fit, y_fit, x, y = rows(load_iris)
    model = LogisticRegression(max_iter=5000).fit(x_fit, y_fit)
    some = y != "setosa"
    found = score(model, x[some], y[some])
    assert set(found) == {*ALWAYS, "log_loss"}
    assert found["log_loss"] == pytest.approx(sk.log_loss(y[some], model.predict_proba(x[some]), labels=model.classes_))


def test_probabilities_in_single_precision_are_accepted():
    class SinglePrecision(LogisticRegression):
        def predict_proba(self, x):
            return super().predict_proba(x).astype("float32") * np.float32(1 + 3e-6)

    x_fit, y_fit, x, y = rows(load_iris)
    model = SinglePrecision(max_iter=5000).fit(x_fit, y_fit)
    assert score(model, x, y)["roc_auc"] == pytest.approx(
        sk.roc_auc_score(y, LogisticRegression.predict_proba(model, x), multi_class="ovr")
    )


def test_every_score_can_decide_a_promotion():
    x_fit, y_fit, x, y = rows(load_iris)
    found = score(LogisticRegression(max_iter=5000).fit(x_fit, y_fit), x, pd.Series(y))
    assert set(found) <= set(GREATER_IS_BETTER)


# One class only, a class that is never named or never true, one row, labels of any kind.
labels = st.one_of(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=200),
    st.lists(st.tuples(*[st.sampled_from(["", "a", "B", "ä", "no", "9", "10"])] * 2), min_size=1, max_size=50),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50),
    st.lists(st.tuples(st.just(0), st.sampled_from([0, 0, 0, 1])), min_size=1, max_size=200),
)


@given(labels)
def test_label_scores_are_those_of_scikit_learn_whatever_the_labels(pairs):
    true, named = (np.array(part) for part in zip(*pairs, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        occurring = sk.recall_score(true, named, labels=np.unique(true), average=None)
        expected = {
            "accuracy": sk.accuracy_score(true, named),
            "balanced_accuracy": sk.balanced_accuracy_score(true, named),
            "f1_macro": sk.f1_score(true, named, average="macro"),
            "f1_weighted": sk.f1_score(true, named, average="weighted"),
            "worst_class_recall": occurring.min(),
        }
    assert label_scores(pd.Series(true), named) == pytest.approx(expected)


@st.composite
def ranked(draw):
    """Draw true classes, each of which occurs, and probabilities with many ties and zeros."""
    classes = draw(st.integers(2, 12))
    rows = draw(st.integers(classes, 60))
    others = draw(st.lists(st.integers(0, classes - 1), min_size=rows - classes, max_size=rows - classes))
    codes = draw(st.permutations([*range(classes), *others]))
    counts = draw(hnp.arrays(int, (rows, classes), elements=st.integers(0, 4)))
    counts[counts.sum(axis=1) == 0] = 1
    return np.array(codes), counts / counts.sum(axis=1, keepdims=True)


@given(ranked())
def test_ranking_scores_are_those_of_scikit_learn_whatever_the_ties(drawn):
    codes, probabilities = drawn
    classes = probabilities.shape[1]
    one_column = probabilities[:, 1] if classes == 2 else probabilities
    assert log_loss(codes, probabilities) == pytest.approx(
        sk.log_loss(codes, probabilities, labels=range(classes)), abs=1e-12
    )
    assert roc_auc(codes, probabilities, columns=[1] if classes == 2 else None) == pytest.approx(
        sk.roc_auc_score(codes, one_column, multi_class="ovr"), abs=1e-12
    )


def test_probabilities_that_are_not_numbers_are_refused():
    class Diverged(LogisticRegression):
        def predict_proba(self, x):
            return super().predict_proba(x) * np.nan

    x_fit, y_fit, x, y = rows(load_iris)
    with pytest.raises(ValueError, match="not numbers"):
        score(Diverged(max_iter=5000).fit(x_fit, y_fit), x, y)


@given(ranked(), st.data())
def test_counts_score_each_row_as_often_as_they_say(drawn, data):
    codes, probabilities = drawn
    rows, classes = probabilities.shape
    counts = data.draw(hnp.arrays(int, (3, rows), elements=st.integers(0, 3)))
    counts[:, np.unique(codes, return_index=True)[1]] += 1
    predictions = Predictions(probabilities.argmax(axis=1), probabilities, np.arange(classes))
    found = scores_of(predictions, codes, counts=counts)
    for position, count in enumerate(counts):
        repeated = np.repeat(np.arange(rows), count)
        one = Predictions(predictions.labels[repeated], probabilities[repeated], predictions.classes)
        expected = scores_of(one, codes[repeated])
        assert {name: values[position] for name, values in found.items()} == pytest.approx(expected)
        assert set(expected) == {*ALWAYS, "log_loss", "roc_auc"} - {"predict_seconds"}


def test_columns_in_another_order_score_the_same():
    x_fit, y_fit, x, y = rows(load_iris)
    sorted_columns = Predictions.of(LogisticRegression(max_iter=5000).fit(x_fit, y_fit), x)
    order = [2, 0, 1]
    other = Predictions(sorted_columns.labels, sorted_columns.probabilities[:, order], sorted_columns.classes[order])
    assert scores_of(other, y) == pytest.approx(scores_of(sorted_columns, y))


def test_only_the_requested_scores_are_returned():
    x_fit, y_fit, x, y = rows(load_iris)
    predictions = Predictions.of(LogisticRegression(max_iter=5000).fit(x_fit, y_fit), x)
    for names in ([], ["roc_auc"], ["log_loss", "f1_macro"]):
        assert set(scores_of(predictions, y, names)) == set(names)


def test_a_label_of_rows_that_do_not_count_takes_no_part():
    true, named = np.array(["a", "a", "b"]), np.array(["a", "c", "b"])
    found = label_scores(true, named, np.array([[1, 0, 1], [1, 1, 1]]))
    assert found["f1_macro"] == pytest.approx([1, (2 / 3 + 1 + 0) / 3])
    assert found["worst_class_recall"] == pytest.approx([1, 0.5])
