"""What a metric needs is known before anything is trained."""

import pytest
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import all_estimators

from podium.evaluation.metrics import known
from podium.evaluation.requirements import obstacle

PROBABILITIES = "needs probabilities, which the classifier does not give"


@pytest.mark.parametrize(
    ("metric", "classes", "options", "found"),
    [
        ("balanced_accuracy", ["a", "b"], {"model": LinearSVC()}, ""),
        ("log_loss", ["a", "b"], {"model": LogisticRegression()}, ""),
        ("log_loss", ["a", "b"], {"model": LinearSVC()}, f"log_loss {PROBABILITIES}"),
        ("roc_auc", ["a", "b"], {"model": LinearSVC()}, ""),
        ("roc_auc", ["a", "b", "c"], {"model": LinearSVC()}, f"roc_auc {PROBABILITIES}"),
        ("average_precision", ["a", "b", "c"], {"model": LinearSVC()}, ""),
        ("neg_brier_score", ["a", "b"], {"model": LinearSVC()}, f"neg_brier_score {PROBABILITIES}"),
        ("neg_brier_score", ["a", "b"], {}, ""),
        (
            "log_loss",
            ["a", "b"],
            {"model": VotingClassifier([("a", LogisticRegression())])},
            f"log_loss {PROBABILITIES}",
        ),
        ("log_loss", ["a", "b"], {"model": StackingClassifier([("a", SVC())])}, ""),
        ("log_loss", ["a", "b"], {"model": make_pipeline(StandardScaler(), StackingClassifier([("a", SVC())]))}, ""),
        ("f1", ["no", "yes"], {}, "f1 needs a positive class: add positive: to the dataset, one of 'no', 'yes'"),
        ("f1", ["no", "yes"], {"positive": "yes"}, ""),
        ("f1", [0, 1], {}, ""),
        (
            "recall",
            ["a", "b", "c"],
            {},
            "recall needs a positive class: add positive: to the dataset, one of 'a', 'b', 'c'",
        ),
        ("recall", ["a", "b", "c"], {"positive": "c"}, ""),
        ("r2", ["a", "b"], {}, "r2 needs labels that are numbers"),
        ("r2", [1, 2, 3], {}, ""),
        ("rand_score", ["a", "b"], {"weighted": True}, "rand_score cannot weight rows"),
        ("matthews_corrcoef", ["a", "b"], {"weighted": True}, ""),
    ],
)
def test_an_obstacle_is_a_sentence(metric, classes, options, found):
    assert obstacle(metric, classes, **options) == found


@pytest.mark.parametrize("metric", known())
def test_numbers_with_a_positive_class_allow_every_metric(metric):
    assert obstacle(metric, [1, 2], 1) == ""
    assert obstacle(metric, [1, 2, 3], 1) == ""


@pytest.mark.slow
def test_no_classifier_is_said_to_lack_what_it_has_once_it_is_fitted():
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    for name, class_ in all_estimators("classifier"):
        try:
            model = class_()
            fitted = class_().fit(x, y)
        except (TypeError, ValueError):  # it needs another classifier, or other labels
            continue
        said = obstacle("log_loss", ["a", "b", "c"], model=model)
        assert hasattr(fitted, "predict_proba") is (said == ""), name
