"""The fingerprint of a training: what changes it."""

import pytest

from podium.configs.config import ClassifierConfig
from podium.data.splits import Split
from podium.training import fingerprint

RELEASES = {"scikit-learn": "1.9.1", "xgboost": "3.1.0"}
ROWS = "d" * 64
PLAIN = ClassifierConfig("nb", "config/nb.yaml", "GaussianNB", {"var_smoothing": 0.1})
NESTED = ClassifierConfig(
    "bag", "config/bag.yaml", "BaggingClassifier", {"estimator": {"estimator": "XGBClassifier", "params": {}}}
)


@pytest.fixture(autouse=True)
def releases(monkeypatch):
    """Fixed releases of the packages that fit, whatever is installed."""
    found = dict(RELEASES)
    monkeypatch.setattr(fingerprint, "_release", found.__getitem__)
    return found


def test_it_depends_on_config_rows_split_revision_and_releases_alone():
    """The digests are literal, so that a change of any source file, even of a comment, would show here."""
    split = Split(test_size=0.4, folds=5, seed=0)
    now = "cf7e8ceb8dcec6bf76499db1a488814dac9ee10e67f1614186beb3be30a9fa75"
    assert fingerprint.fingerprint(PLAIN, ROWS, split) == now


def test_the_release_of_a_nested_classifiers_package_counts(releases):
    before = [fingerprint.fingerprint(config, ROWS, Split()) for config in (PLAIN, NESTED)]
    releases["xgboost"] = "3.2.0"
    after = [fingerprint.fingerprint(config, ROWS, Split()) for config in (PLAIN, NESTED)]
    assert before[0] == after[0]
    assert before[1] != after[1]
