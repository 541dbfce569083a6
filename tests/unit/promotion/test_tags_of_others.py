"""Tags and records that somebody else has written to MLflow decide nothing, and stop nothing."""

import json

import mlflow
import pytest

from podium.promotion import history
from podium.promotion.leaderboard import leaderboard
from podium.promotion.rules import Rule
from podium.registry import names, tag_names

JSON_TAGS = [tag_names.SCORES, tag_names.SHADOW, tag_names.WARNINGS, tag_names.VALIDATION_GATES]
GARBAGE = ["{broken", "[1]", '{"accuracy": "high"}', "null", "7", "[" * 4000, '{"accuracy": true}', "\u202e"]

DECIDED = {tag_names.VERDICT: "promoted", tag_names.REASON: "so"}


@pytest.fixture
def two(lab):
    """Reports of two versions: 1 has depth 1, 2 has depth 3 and is better."""
    lab.write("a_stump.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n")
    lab.write("b_tree.yaml", "estimator: DecisionTreeClassifier\nparams: {max_depth: 3}\n")
    return lab.train_all()


def versions(lab):
    return {version.number: version for version in lab.models.versions()}


@pytest.mark.parametrize("tag", JSON_TAGS)
@pytest.mark.parametrize("text", GARBAGE)
def test_a_tag_that_cannot_be_read_is_a_verdict_on_its_version_alone(lab, two, tag, text):
    lab.models.tag_version(2, {tag: text})
    assert versions(lab)[2].failure == f"its tag {tag} cannot be read"
    assert lab.promote(two)["version"] == 1
    assert any("cannot be read" in line for line in history.explain(lab.models, 2, Rule()))
    assert len(leaderboard(lab.models, Rule())) == 2


@pytest.mark.parametrize("tag", JSON_TAGS)
def test_a_champion_with_a_tag_that_cannot_be_read_stays(lab, two, tag):
    lab.promote(two[1:])
    lab.models.tag_version(2, {tag: "{broken"})
    assert lab.promote(two[:1])["verdict"] == "kept"


@pytest.mark.parametrize(
    "forged",
    [
        {tag_names.SCORES: json.dumps({"balanced_accuracy": 0.1, "accuracy": 0.1})},
        {tag_names.VALIDATION: "failed", tag_names.VALIDATION_REASON: "too old"},
        {tag_names.ROLLED_BACK: "too old"},
        {tag_names.SCORED_ON: "other rows"},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_forged_tags_of_the_champion_do_not_replace_it(lab, two, forged):
    lab.promote(two[1:])
    lab.models.tag_version(2, forged)
    assert lab.promote(two[:1])["verdict"] == "kept"


@pytest.mark.parametrize("candidates", ["results", "registry"])
def test_forged_scores_promote_nothing(lab, two, candidates):
    lab.promote(two[1:])
    forged = dict.fromkeys(versions(lab)[1].metrics, 1.0)
    tags = {tag_names.SCORES: json.dumps(forged), tag_names.VALIDATION: "passed", tag_names.VALIDATION_REASON: ""}
    lab.models.tag_version(1, tags)
    assert lab.promote(two[:1], candidates=candidates)["verdict"] == "kept"
    assert "but training logged 1.0" in versions(lab)[1].failure


@pytest.mark.parametrize("candidates", ["results", "registry"])
def test_a_version_that_nothing_has_trained_is_not_promoted(lab, two, candidates, tmp_path):
    lab.promote(two[1:])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {python_function: {loader_module: os}}")
    created = mlflow.MlflowClient().create_model_version(
        lab.models.model, (tmp_path / "model").as_uri(), versions(lab)[2].run_id
    )
    tags = {**versions(lab)[2].tags, tag_names.CONFIG: "forged", tag_names.VALIDATION: "passed"}
    perfect = dict.fromkeys(versions(lab)[2].metrics, 1.0)
    lab.models.tag_version(int(created.version), {**tags, tag_names.SCORES: json.dumps(perfect)})
    result = {"name": "forged", "version": int(created.version), "metrics": perfect}
    assert lab.promote([*two, result], candidates=candidates)["version"] == 2
    assert "not a scikit-learn model saved with skops" in versions(lab)[3].failure


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {tag_names.TO_VERSION: "x", tag_names.FROM_VERSION: ""},
        {**DECIDED, tag_names.TO_VERSION: "-1", tag_names.FROM_VERSION: "1"},
        {**DECIDED, tag_names.TO_VERSION: "99", tag_names.FROM_VERSION: "1"},
        {tag_names.APPROVAL: "awaiting approval", tag_names.PROPOSED: "many"},
    ],
    ids=["empty", "words", "negative", "a version that is not there", "a request"],
)
@pytest.mark.parametrize("status", ["FINISHED", "RUNNING"])
def test_records_of_somebody_else_stop_no_decision(lab, two, tags, status):
    lab.promote(two[:1])
    client = mlflow.MlflowClient()
    run = client.create_run(lab.models.experiment_id(names.PROMOTIONS), tags=tags)
    if status == "FINISHED":
        client.set_terminated(run.info.run_id, status)
    assert lab.promote(two[1:])["version"] == 2
    assert 2 in {entry.to_version for entry in history.entries(lab.models)}
    assert history.explain(lab.models, 2, Rule())
    assert history.rollback(lab.models, None, "test").to_version == 1
