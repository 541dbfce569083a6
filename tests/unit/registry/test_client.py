"""A registry on an MLflow that it is given, whatever ``MLFLOW_TRACKING_URI`` says."""

import os

import pytest

from podium.registry import names
from podium.registry.client import PRODUCTION, Registry

TREE = "estimator: DecisionTreeClassifier\nparams: {max_depth: 2}\n"


@pytest.fixture
def elsewhere(lab, monkeypatch, tmp_path):
    """A registry with two versions, made with an explicit URI while the environment names another MLflow."""
    lab.write("nb.yaml")
    lab.write("tree.yaml", TREE)
    reports = lab.train_all()
    uri = os.environ["MLFLOW_TRACKING_URI"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    return Registry(lab.pipeline, uri), reports


def test_an_explicit_tracking_uri_is_used_for_everything(elsewhere, tmp_path):
    models, reports = elsewhere
    assert [version.config for version in models.versions()] == ["nb", "tree"]
    assert {run.info.run_id for run in models.runs()} == {report["run_id"] for report in reports}
    assert type(models.load(2).model[-1]).__name__ == "DecisionTreeClassifier"
    assert (models.download(1, str(tmp_path / "files")) / "model.skops").is_file()
    folds = models.fold_scores(reports[0]["run_id"])
    assert len(folds) == 5
    assert all("balanced_accuracy" in fold for fold in folds)
    with models.artifact_folder(models.client.get_run(reports[0]["run_id"]).info.artifact_uri) as folder:
        (folder / "note.txt").write_text("a note")
    assert "note.txt" in {file.path for file in models.client.list_artifacts(reports[0]["run_id"])}
    assert not (tmp_path / "other.db").exists(), "the other MLflow was used"


def test_production_moves_in_the_mlflow_of_the_explicit_uri(elsewhere, tmp_path):
    models, _ = elsewhere
    models.set_production(1)
    models.set_production(2)
    assert models.in_production().number == 2
    assert {v.number: (v.stage, v.aliases) for v in models.versions()} == {
        1: ("Archived", ("previous",)),
        2: (PRODUCTION, ("production",)),
    }
    assert models.named("previous").number == 1
    assert not (tmp_path / "other.db").exists(), "the other MLflow was used"


def test_names_follow_from_the_pipeline(elsewhere):
    models, _ = elsewhere
    assert models.model == names.registered_model(models.pipeline) == f"{models.pipeline}-classifier"
    experiments = {suffix: models.client.get_experiment(models.experiment_id(suffix)).name for suffix in SUFFIXES}
    assert experiments == {suffix: f"{models.pipeline}{suffix}" for suffix in ("", "-promotions", "-shadow")}


SUFFIXES = (names.TRAININGS, names.PROMOTIONS, names.SHADOW)
