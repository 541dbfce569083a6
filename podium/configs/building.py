"""Building the unfitted estimator that a config describes.

Classifiers that are parameters of another (voting, stacking, bagging, calibration, one-vs-rest, ...) follow the rules
of a config::

    estimator: BaggingClassifier
    params:
      estimator: {estimator: SVC, params: {C: 10}, preprocess: [StandardScaler]}   # or just: SVC

    estimator: VotingClassifier
    params:
      estimators: {svm: {estimator: SVC}, tree: DecisionTreeClassifier}            # used in the order of their names
"""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from podium.configs import own_code
from podium.configs.catalogue import EXTRAS, classifiers, transformers
from podium.configs.own_code import ESTIMATORS, TRANSFORMERS
from podium.configs.parameters import Parameter
from podium.configs.vocabulary import Vocabulary
from podium.errors import MissingExtraError, PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podium.configs.config import ClassifierConfig


def build(config: ClassifierConfig, seed: int = 0) -> Any:
    """Return the unfitted estimator that a config describes.

    Parameters
    ----------
    config : ClassifierConfig
        A config that `podium.configs.files.load_config` returned.
    seed : int, default=0
        Passed as ``random_state`` to every part, including nested ones, that has this parameter and does not set it.

    Returns
    -------
    sklearn.base.BaseEstimator
        The classifier, or a ``Pipeline`` that ends with it if there is preprocessing.

    Raises
    ------
    PodiumError
        If a class is not allowed, or its package is not installed.
    """
    return _joined(_steps(config.estimator, config.params, config.preprocess, seed))


def build_classifier(config: ClassifierConfig, seed: int = 0) -> Any:
    """Return the unfitted classifier of a config, without its preprocessing."""
    return _instance(config.estimator, classifiers(), config.params, seed)


def build_step(step: Mapping[str, Mapping[str, Any]], seed: int = 0) -> Any:
    """Return the unfitted transformer of a step, ``{class name: parameters}``."""
    ((name, params),) = step.items()
    return _instance(name, transformers(), params, seed)


def _steps(estimator: str, params: Mapping[str, Any], preprocess: Sequence[Mapping[str, Any]], seed: int) -> list[Any]:
    return [*(build_step(step, seed) for step in preprocess), _instance(estimator, classifiers(), params, seed)]


def _joined(steps: list[Any]) -> Any:
    from sklearn.pipeline import make_pipeline

    return steps[0] if len(steps) == 1 else make_pipeline(*steps)


def _instance(name: str, allowed: Mapping[str, type], params: Mapping[str, Any], seed: int) -> Any:
    class_ = _class(name, allowed)
    table = Vocabulary.current().parameters_of(name)
    arguments = {}
    for key, value in params.items():
        parameter = table.get(key) or Parameter(key, {})  # configs of earlier releases were not checked for all classes
        arguments[parameter.stored] = _argument(parameter.schema, value, seed)
    if "random_state" not in arguments and _takes_seed(class_):
        arguments["random_state"] = seed
    found = class_(**arguments)
    return _wrapped(found, seed) if name in EXTRAS else found


def _wrapped(classifier: Any, seed: int) -> Any:
    from podium.estimators.boosting import BoostingClassifier

    return BoostingClassifier(classifier, random_state=seed)


def _class(name: str, allowed: Mapping[str, type]) -> type:
    if name in allowed:
        return allowed[name]
    if name in EXTRAS and allowed is classifiers():
        return _extra(name)
    own = own_code.current()
    entry = own.find(name, ESTIMATORS if allowed is classifiers() else TRANSFORMERS)
    if entry is None:
        raise PodiumError(f"unknown estimator {name!r}{did_you_mean(name, allowed)}")
    found: type = own.load(entry)
    return found


def _extra(name: str) -> type:
    try:
        class_: type = getattr(importlib.import_module(EXTRAS[name]), name)
    except ImportError:
        raise MissingExtraError(name, EXTRAS[name], "boosting") from None
    return class_


@cache
def _takes_seed(class_: type) -> bool:
    # xgboost's classes have their parameters only in the signature of a base class.
    return any("random_state" in inspect.signature(base).parameters for base in class_.__mro__[:-1])


def _argument(schema: Mapping[str, Any], value: Any, seed: int) -> Any:
    """Return a parameter's value as the constructor requires it, converted as the schema says."""
    nested = schema.get("x-nested")
    if nested == "estimators":
        return [(name, _nested(inner, seed)) for name, inner in sorted(value.items())]
    if nested == "estimator":
        return _nested(value, seed)
    if "x-function" in schema:
        return getattr(importlib.import_module(schema["x-function"]), value)
    return tuple(value) if schema.get("x-tuple") and isinstance(value, list) else value


def _nested(value: Any, seed: int) -> Any:
    if not isinstance(value, dict):  # None, 'drop', 'zero'
        return value
    return _joined(_steps(value["estimator"], value["params"], value["preprocess"], seed))
