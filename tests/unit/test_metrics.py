"""The scores: that they are scikit-learn's, and which ones a classifier has."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC, LinearSVC

from podium.metrics import GREATER_IS_BETTER, score

ALWAYS = {"accuracy", "balanced_accuracy", "f1_macro", "predict_seconds"}


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


def test_probabilities_in_single_precision_are_good_enough():
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
