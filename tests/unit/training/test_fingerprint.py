"""The fingerprint of a training: what changes it, and that those of release 0.1.0 still count."""

import pytest

from podium.configs.config import ClassifierConfig
from podium.configs.files import load_config
from podium.data.splits import Split
from podium.registry import tag_names
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
    now = "9fb831649359802a79cc216a731cab6f53d003a088b73ad13433f59b43816432"
    former = "85acd0c1101bf6f7d94bd49019337d0f49692e4281a76718d7d4ba858274a3f4"
    assert fingerprint.fingerprint(PLAIN, ROWS, split) == now
    assert fingerprint.former_fingerprint(PLAIN, ROWS, split) == former


def test_the_release_of_a_nested_classifiers_package_counts(releases):
    before = [fingerprint.fingerprint(config, ROWS, Split()) for config in (PLAIN, NESTED)]
    releases["xgboost"] = "3.2.0"
    after = [fingerprint.fingerprint(config, ROWS, Split()) for config in (PLAIN, NESTED)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_there_is_no_former_fingerprint_for_another_release_or_revision(releases, monkeypatch):
    releases["scikit-learn"] = "1.9.2"
    assert fingerprint.former_fingerprint(PLAIN, ROWS, Split()) is None
    releases["scikit-learn"] = "1.9.0"
    assert fingerprint.former_fingerprint(PLAIN, ROWS, Split())
    monkeypatch.setattr(fingerprint, "TRAINING_REVISION", 2)
    assert fingerprint.former_fingerprint(PLAIN, ROWS, Split()) is None


def test_a_version_with_a_fingerprint_of_release_0_1_0_counts_as_trained(lab):
    lab.write("nb.yaml")
    (report,) = lab.train_all()
    (config,) = load_config(lab.folder / "nb.yaml", lab.project)
    former = lab.job.former_identity(config)
    assert former != lab.job.identity(config)
    lab.models.tag_version(report["version"], {tag_names.IDENTITY: former})
    assert lab.plan() == {"nb": ("skip", "already trained as version 1")}
    lab.models.tag_version(report["version"], {tag_names.IDENTITY: "0" * 64})
    assert lab.plan()["nb"][0] == "train"
