"""Every class that a config may name, and what makes each quick to fit."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from podium.configs import catalogue
from podium.configs.parameters import parameters_of, required_parameters

ALLOWED = {**catalogue.classifiers(), **catalogue.transformers()}
# One of each way to store what was fitted: arrays, trees, compiled objects, nested estimators.
TYPICAL = {
    *("GaussianNB", "HistGradientBoostingClassifier", "KNeighborsClassifier", "LogisticRegression"),
    *("OneHotEncoder", "RandomForestClassifier", "StandardScaler", "SVC", "VotingClassifier"),
}


def each_of(names):
    """Return names as parameters of a test, in which all but the typical ones are slow."""
    return [pytest.param(name, marks=() if name in TYPICAL else pytest.mark.slow) for name in sorted(names)]


def arguments(name):
    """Return what a class needs, and what makes it quick."""
    table = parameters_of(name)
    found = {"max_iter": 20} if "max_iter" in table.by_name else {}
    if "estimators" in table.by_name:
        found["estimators"] = [("a", LogisticRegression()), ("b", LinearSVC())]
    elif "estimator" in required_parameters(name):
        found["estimator"] = LogisticRegression()
    if name.endswith("RandomProjection"):
        found["n_components"] = 2
    if name == "TunedThresholdClassifierCV":
        found["thresholds"] = 5
    return found | ({"cv": 2} if "cv" in table.by_name else {})
