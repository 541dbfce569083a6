"""A stack's state that release 0.1.0 wrote goes on with today's code: nothing is lost, and configs train again once."""

import json

import pytest

from tests.support.checkout import up, wait_until
from tests.support.upgrade import FIXTURES, restored

pytestmark = pytest.mark.slow

DECISIONS = [("promoted", None, 2), ("kept", 2, 2), ("promoted", 2, 3), ("kept", 3, 3), ("rolled back", 3, 2)]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory):
    """``podium up`` of today on the state of the release."""
    checkout = restored(FIXTURES / "release_0_1_0", tmp_path_factory.mktemp("upgraded"))
    with up(checkout):
        yield checkout


def history(checkout):
    return json.loads(checkout.podium("history", "iris_train", "--json").stdout)


def test_history_and_production_are_those_of_the_release(upgraded):
    found = [(entry["verdict"], entry["from_version"], entry["to_version"]) for entry in reversed(history(upgraded))]
    assert found == DECISIONS
    assert [(version.version, upgraded.champion()) for version in upgraded.production()] == [("2", "lda")]


def test_the_plan_says_that_each_config_trains_again_and_why(upgraded):
    plan = json.loads(upgraded.podium("plan", "iris_train", "--json").stdout)
    reasons = {item["config"]: (item["action"], item["reason"].partition(" since")[0]) for item in plan}
    assert reasons == {
        "gaussian_nb": ("train", "split changed"),
        "lda": ("train", "split changed"),
        "qda": ("train", "split changed"),
        "wrong": ("train", "new"),
    }


def test_a_dropped_config_trains_with_the_others_and_the_champion_is_compared_through_its_config(upgraded):
    runs, hosted = len(upgraded.runs("iris_train")), len(upgraded.runs("iris_host"))
    upgraded.drop("knn.yaml", "estimator: KNeighborsClassifier\n")
    upgraded.finished_run("iris_train", after=runs)
    assert upgraded.finished_run("iris_host", after=hosted)["state"] == "success"
    configs = [version.tags["podium.config"] for version in upgraded.versions()]
    assert configs[:3] == ["gaussian_nb", "lda", "qda"]
    assert sorted(configs[3:]) == ["gaussian_nb", "knn", "lda", "qda"]
    assert len(upgraded.runs("iris_train")) == runs + 1  # the watch reports nothing that the release had reported
    wait_until(lambda: len(history(upgraded)) == len(DECISIONS) + 2, "both runs have decided")
    retrained = "version 2 (lda) was trained again for this comparison: its training rows are not recorded"
    reasons = [entry["reason"] for entry in history(upgraded)]
    assert any(retrained in reason for reason in reasons), reasons
    assert upgraded.airflow.get("/importErrors")["total_entries"] == 0
