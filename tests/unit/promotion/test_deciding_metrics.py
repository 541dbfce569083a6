"""Any metric decides alike in training, gates, tests and leaderboard, and says before training what it lacks."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from airflow.sdk.exceptions import AirflowFailException
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef

from podium.data import datasets
from podium.promotion import leaderboard
from podium.promotion.rules import Rule
from podium.registry import tag_names
from podium.training.metric_check import MetricCheck

SPEC = """{pipeline}:
  tasks:
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: podium.steps.promote.promote_best
      pipeline: {pipeline}
      metric: {metric}
      gates: {gates}
"""


@pytest.fixture
def answers(lab, tmp_path):
    """A pipeline of two classes with text labels; `positive` is asked for by some metrics."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"]).round(4)
    rows["bought"] = np.where(rows["a"] + rng.normal(size=300) > 0.5, "yes", "no")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    return replace(lab, dataset={"path": "rows.csv", "target": "bought"})


def spec(lab, metric="balanced_accuracy", gates="null"):
    (lab.project.dag_specs / f"{lab.pipeline}.yaml").write_text(
        SPEC.format(pipeline=lab.pipeline, metric=metric, gates=gates)
    )


def with_positive(lab):
    return replace(lab, dataset={**lab.dataset, "positive": "yes"})


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("metric", ["matthews_corrcoef", "average_precision", "f1"])
def test_a_scorer_has_the_same_value_everywhere(answers, metric):
    lab = with_positive(answers)
    spec(lab, metric, "{f1: {threshold: 0.1}}")
    lab.write("lr.yaml", "estimator: LogisticRegression\n")
    lab.write("nb.yaml")
    reports = {report["name"]: report for report in lab.train_all()}
    rows = datasets.load(lab.job.dataset, lab.job.split)
    by_hand = {}
    for name, report in reports.items():
        model = lab.models.load(report["version"]).model
        y, predicted = rows.y_test, model.predict(rows.x_test)
        ranking = model.decision_function if name == "lr" else model.predict_proba
        by_hand[name] = {
            "matthews_corrcoef": matthews_corrcoef(y, predicted),
            "average_precision": average_precision_score(y, np.atleast_2d(ranking(rows.x_test).T)[-1], pos_label="yes"),
            "f1": f1_score(y, predicted, pos_label="yes"),
        }[metric]
        assert report["metrics"][metric] == pytest.approx(by_hand[name])
        run = lab.models.client.get_run(report["run_id"]).data.metrics
        folds = [fold[metric] for fold in lab.models.fold_scores(report["run_id"])]
        assert run[f"cv_{metric}"] == pytest.approx(np.mean(folds))
        assert len(folds) == 5
    best = max(by_hand, key=by_hand.__getitem__)
    outcome = lab.promote(list(reports.values()), metric=metric, gates={"f1": {"threshold": 0.1}}, confidence=0.9)
    assert (outcome["verdict"], outcome["version"]) == ("promoted", reports[best]["version"])
    first = leaderboard.leaderboard(lab.models, Rule(metric))[0]
    assert (first["config"], first["metrics"][metric]) == (best, pytest.approx(by_hand[best]))


@pytest.mark.parametrize("gate", ["f1", "recall", "average_precision"])
def test_a_gate_that_needs_a_positive_class_asks_for_it_before_training(answers, gate):
    spec(answers, gates=f"{{{gate}: {{threshold: 0.3}}}}")
    answers.write("nb.yaml")
    with pytest.raises(AirflowFailException, match=f"{gate} needs a positive class: add positive: .* 'no', 'yes'"):
        answers.detect()
    lab = with_positive(answers)
    assert [entry["metrics"] for entry in lab.detect()] == [[gate]]


@pytest.mark.usefixtures("without_plots")
def test_a_gate_that_cannot_be_computed_condemns_no_version(answers):
    answers.write("nb.yaml")
    reports = answers.train_all()
    outcome = answers.promote(reports, gates={"f1": {"threshold": 0.3}})
    assert outcome["verdict"] == "nothing"
    assert "it has no f1, which a gate requires: f1 needs a positive class" in outcome["reason"]
    assert answers.promote(reports, gates={"f1": {"threshold": 0.3}})["verdict"] == "nothing"
    assert answers.promote([], gates={"f1_macro": {"threshold": 0.3}})["verdict"] == "promoted"


@pytest.mark.usefixtures("without_plots")
def test_a_version_that_an_earlier_release_condemned_is_a_candidate_again(lab):
    lab.write("nb.yaml")
    reports = lab.train_all()
    condemned = {tag_names.VALIDATION: "failed", tag_names.VALIDATION_REASON: "ValueError: pos_label=1 is not valid"}
    lab.models.tag_version(1, condemned)
    assert lab.promote([])["verdict"] == "promoted"
    assert reports[0]["version"] == 1


@pytest.mark.usefixtures("without_plots")
def test_a_version_that_fails_without_gates_is_not_tried_again_and_again(lab):
    lab.write("nb.yaml")
    lab.train_all()
    lab.models.tag_version(1, {tag_names.SCORES: json.dumps({"balanced_accuracy": 1.0, "accuracy": 0.1})})
    assert "training logged" in lab.promote([{"version": 1, "name": "nb"}])["reason"]
    assert lab.promote([], gates={"accuracy": {"threshold": 0.5}})["reason"] == "no candidate and nothing in Production"


@pytest.mark.usefixtures("without_plots")
def test_a_metric_that_became_the_deciding_one_later_is_computed_then(lab):
    lab.write("nb.yaml")
    lab.write("lda.yaml", "estimator: LinearDiscriminantAnalysis\n")
    reports = lab.train_all()
    assert all("matthews_corrcoef" not in report["metrics"] for report in reports)
    assert lab.promote(reports, metric="matthews_corrcoef")["verdict"] == "promoted"
    assert all("matthews_corrcoef" in version.metrics for version in lab.models.versions())


def test_a_classifier_without_the_metric_trains_and_is_said_to_have_no_chance(lab):
    spec(lab, "log_loss")
    lab.write("svm.yaml", "estimator: LinearSVC\n")
    plan = lab.plan(check=MetricCheck(lab.job, ["log_loss"]))
    why = "log_loss needs probabilities, which the classifier does not give"
    assert plan["svm"] == ("train", f"new; it cannot be promoted: {why}")
    lab.write("nb.yaml")
    reports = lab.train_all()
    assert {report["name"] for report in reports} == {"svm", "nb"}
    assert lab.models.version(lab.promote(reports, metric="log_loss")["version"]).config == "nb"


def test_a_classifier_that_cannot_give_a_scorer_fails_before_it_is_trained(lab):
    spec(lab, "neg_log_loss")
    lab.write("nb.yaml")
    lab.write("svm.yaml", "estimator: LinearSVC\n")
    found = {entry["name"]: entry for entry in lab.detect()}
    assert "error" not in found["nb"]
    assert found["svm"]["error"] == (
        f"config/{lab.pipeline}/svm.yaml:1:1  "
        "LinearSVC: neg_log_loss needs probabilities, which the classifier does not give"
    )


@pytest.mark.usefixtures("without_plots")
def test_scores_are_weighted_by_the_weights_of_the_rows(lab, tmp_path):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"]).round(4)
    rows["y"] = np.where(rows["a"] > 0, "p", "q")
    rows["w"] = np.where(rows["b"] > 0, 9, 1)
    rows.loc[rows["b"] > 0, "y"] = rng.choice(["p", "q"], (rows["b"] > 0).sum())
    rows.to_csv(tmp_path / "rows.csv", index=False)
    lab = replace(lab, dataset={"path": "rows.csv", "target": "y", "weight": "w"})
    lab.write("nb.yaml")
    (report,) = lab.train_all()
    data = datasets.load(lab.job.dataset, lab.job.split)
    right = lab.models.load(report["version"]).model.predict(data.x_test) == data.y_test
    assert report["metrics"]["accuracy"] == pytest.approx(np.average(right, weights=data.w_test))
    assert report["metrics"]["accuracy"] != pytest.approx(right.mean())
    assert lab.promote([report], metric="accuracy", confidence=0.9)["verdict"] == "promoted"
