"""Class weights name the classes as the data has them."""

import numpy as np
import pytest

from podium.configs import building, labels
from podium.configs.files import load_config
from podium.errors import PodiumError
from podium.project import Project

RNG = np.random.default_rng(0)
X = RNG.random((60, 3))
CODES = np.arange(60) % 2
KINDS = {
    "text": (np.array(["no", "yes"], dtype=object), "no", "yes"),
    "whole numbers": (np.array([1, 2]), "1", "2"),
    "text of digits": (np.array(["001", "002"], dtype=object), "001", "002"),
    "booleans": (np.array([False, True]), "false", "true"),
    "negative": (np.array([-1, 1]), "-1", "1"),
}


def model(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    (config,) = load_config(tmp_path / "c.yaml", Project(tmp_path, tmp_path))
    return building.build(config)


LINEAR = "estimator: LogisticRegression, params: {class_weight: {%s}}"
MODELS = {
    "linear": f"{{{LINEAR}}}",
    "forest": "{estimator: RandomForestClassifier, params: {class_weight: {%s}, n_estimators: 5}, preprocess: [PCA]}",
    "lightgbm": "{estimator: LGBMClassifier, params: {class_weight: {%s}, n_estimators: 5}}",
    "voting": f"{{estimator: VotingClassifier, params: {{estimators: {{a: {{{LINEAR}}}}}}}}}",
    "bagging": f"{{estimator: BaggingClassifier, params: {{estimator: {{{LINEAR}, preprocess: [PCA]}}}}}}",
    "stacking": (
        f"{{estimator: StackingClassifier, params: {{estimators: {{a: GaussianNB}}, final_estimator: {{{LINEAR}}}}}}}"
    ),
    "calibrated": f"{{estimator: CalibratedClassifierCV, params: {{estimator: {{{LINEAR}}}}}}}",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_a_heavy_class_is_predicted_more_often(tmp_path, kind, name):
    values, first, second = KINDS[kind]
    y = values[CODES]
    shares = []
    for weights in (f"{first}: 1, {second}: 50", f"{first}: 50, {second}: 1"):
        fitted = labels.match(model(tmp_path, MODELS[name] % weights), np.unique(y)).fit(X, y)
        shares.append((fitted.predict(X) == values[1]).mean())
    assert shares[0] >= shares[1]
    assert shares[0] > 0.5 or name == "calibrated"  # which calibrates the weights away


def test_a_class_that_the_data_lacks_is_named_with_those_it_has(tmp_path):
    text = "estimator: SVC\nparams: {class_weight: {%s: 2}}\n"
    for written, words in (("yess", ": did you mean 'yes'?"), ("5", ": it has no, yes")):
        with pytest.raises(PodiumError) as caught:
            labels.match(model(tmp_path, text % written), ["no", "yes"])
        assert str(caught.value) == f"class_weight names the class {written!r}, which the data does not have{words}"


def test_other_class_weights_stay(tmp_path):
    text = "estimator: SVC\nparams: {class_weight: balanced}\n"
    assert labels.match(model(tmp_path, text), ["no", "yes"]).class_weight == "balanced"
