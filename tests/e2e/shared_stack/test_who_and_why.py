"""The terminal and MLflow's pages each say what is in Production and why; a rollback takes one command."""

import json
import re
from pathlib import Path

import pytest

DAG = "iris_train"


@pytest.fixture(scope="module")
def better(trained_stack):
    """A second champion, so that there is one before it; other tests may have made it."""
    if trained_stack.champion() != "qda":
        done = len(trained_stack.runs(DAG))
        trained_stack.drop("qda.yaml", (trained_stack.root / "examples" / "qda.yaml").read_text())
        trained_stack.finished_run(DAG, after=done)
    (version,) = trained_stack.production()
    assert version.tags["podium.config"] == "qda"
    return version


@pytest.fixture(scope="module")
def explained(trained_stack, better):
    return trained_stack.podium("explain", better.version, DAG).stdout


def decision_of(stack, version):
    """Return the run that the registered model's page links to."""
    description = stack.mlflow.get_registered_model("iris-classifier").description
    run_id = re.search(r"\[The decision\]\(#/experiments/\d+/runs/(\w+)\)", description)[1]
    run = stack.mlflow.get_run(run_id)
    assert run.data.tags["podium.to_version"] == version.version
    return run


def test_which_model_and_since_when(trained_stack, better, explained):
    board = json.loads(trained_stack.podium("leaderboard", DAG, "--json").stdout)
    assert [str(row["version"]) for row in board if row["stage"] == "Production"] == [better.version]
    assert re.search(r"It has been in Production since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", explained)
    description = trained_stack.mlflow.get_registered_model("iris-classifier").description
    assert description.startswith(f"**Version {better.version} (qda) has been in Production since 20")


def test_why_it_and_not_the_others(trained_stack, better, explained):
    assert re.search(
        r"promoted: version \d+ \(qda\) has log_loss 0\.\d+ against 0\.\d+ of version \d+ \(lda\)", explained
    )
    loser = trained_stack.versions("svm_rbf")[0].version
    said = trained_stack.podium("explain", loser, DAG).stdout
    assert "It is not in Production: version" in said
    assert "It has no log_loss, the deciding metric." in said
    run = decision_of(trained_stack, better)
    text = Path(trained_stack.mlflow.download_artifacts(run.info.run_id, "decision.md")).read_text()
    assert "| qda | QuadraticDiscriminantAnalysis |" in text
    assert "The exact McNemar test on the held-out rows has p = " in text
    plots = {file.path for file in trained_stack.mlflow.list_artifacts(run.info.run_id, "plots")}
    assert plots == {f"plots/{name}.png" for name in ("calibration", "confusion_matrices", "scores")}


def test_on_what_data_and_by_which_commit_and_spec(trained_stack, better, explained):
    commit = trained_stack.git("rev-parse", "HEAD")
    assert f"made at commit {commit[:12]} by the run " in explained
    assert f"It was trained on iris, rows {better.tags['podium.data_digest'][:12]}." in explained
    tags = decision_of(trained_stack, better).data.tags
    assert tags["podium.git_commit"] == commit
    assert tags["podium.data_digest"] == better.tags["podium.data_digest"]
    assert tags["podium.spec_digest"]
    assert tags["podium.dag_run_id"] in {run["dag_run_id"] for run in trained_stack.runs(DAG)}


def test_by_whom_and_what_was_there_before(trained_stack, better, explained):
    newest = next(
        e for e in json.loads(trained_stack.podium("history", DAG, "--json").stdout) if e["verdict"] == "promoted"
    )
    assert (str(newest["to_version"]), newest["by"]) == (better.version, DAG)
    before = newest["from_version"]
    assert f", the previous champion was version {before}." in explained
    description = trained_stack.mlflow.get_registered_model("iris-classifier").description
    assert f", by {DAG}." in description
    assert description.endswith(f"previous champion: version {before}")


def test_its_model_card_goes_with_it(trained_stack, better):
    card = Path(trained_stack.mlflow.download_artifacts(better.run_id, "model_card.md")).read_text()
    assert f"iris-classifier version {better.version}" in card
    assert "QuadraticDiscriminantAnalysis" in card
    assert "[More Information Needed]" not in card
    run_id = decision_of(trained_stack, better).info.run_id
    assert f"({trained_stack.status['mlflow']['url']}/#/runs/{run_id})" in card
    assert f"({trained_stack.status['airflow']['url']}/dags/{DAG}/runs/" in card


def test_it_is_rolled_back_with_one_command(trained_stack, better):
    entry = json.loads(trained_stack.podium("rollback", DAG, "--reason", "it answers too slowly", "--json").stdout)
    assert (str(entry["from_version"]), entry["verdict"]) == (better.version, "rolled back")
    assert trained_stack.champion() == "lda"
    assert "it answers too slowly" in trained_stack.mlflow.get_registered_model("iris-classifier").description
    said = trained_stack.podium("explain", better.version, DAG).stdout
    assert "It was rolled back and is not promoted again automatically: it answers too slowly." in said
    again = json.loads(
        trained_stack.podium("rollback", DAG, "--to", better.version, "--reason", "tested", "--json").stdout
    )
    assert str(again["to_version"]) == better.version
    assert trained_stack.champion() == "qda"
