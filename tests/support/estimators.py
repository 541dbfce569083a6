"""Every class that a config may name, and what makes each quick to fit."""

from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from podium.configs import catalogue
from podium.configs.parameters import parameters_of, required_parameters

ALLOWED = {**catalogue.classifiers(), **catalogue.transformers()}


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
