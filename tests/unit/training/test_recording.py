"""What a training records in MLflow, exactly once, even if an earlier try was killed."""

import json
from pathlib import Path

import mlflow
import pytest
import yaml

from podium.configs.config import ClassifierConfig
from podium.data.datasets import load
from podium.evaluation.metrics import GREATER_IS_BETTER
from podium.registry import tag_names
from podium.training import recording

TEXT = """# two pieces
estimator: KNeighborsClassifier
params: {n_neighbors: 7}
preprocess: [StandardScaler, {PCA: {n_components: 2}}]
description: the seven nearest
tags: {owner: ann, podium.validation: passed, mlflow.runName: other}
"""


def attempt(lab, entry):
    return recording.Attempt.from_entry(lab.models, lab.job, entry)


def runs(lab):
    return {run.info.run_id: run.info.status for run in lab.models.runs()}


@pytest.fixture
def entry(lab):
    lab.write("knn.yaml", TEXT)
    (entry,) = lab.detect()
    return entry


@pytest.fixture
def record(lab, entry, tmp_path):
    """The MLflow run of a finished training, and its files."""
    report = lab.train(entry)
    run = lab.models.client.get_run(report["run_id"])
    files = Path(mlflow.artifacts.download_artifacts(run_id=report["run_id"], dst_path=str(tmp_path / "files")))
    return report, run, files


def test_a_finished_training_is_on_record(entry, record):
    report, run, files = record
    assert (run.info.status, run.info.run_name) == ("FINISHED", "knn")
    assert run.data.params == {
        "estimator": "KNeighborsClassifier",
        "params.n_neighbors": "7",
        "preprocess": json.dumps(entry["config"]["preprocess"]),
    }
    scores = GREATER_IS_BETTER.keys() - {"fit_seconds"}
    folds = {f"cv_{name}{ending}" for name in {*scores, "fit_seconds"} for ending in ("", "_std")}
    assert set(run.data.metrics) == {f"test_{name}" for name in scores} | folds | {"fit_seconds"}
    assert report["metrics"].pop("warnings") == 0
    assert report["metrics"].pop("fit_seconds") == run.data.metrics["fit_seconds"]
    assert {f"test_{name}": value for name, value in report["metrics"].items()}.items() <= run.data.metrics.items()

    assert (files / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")
    assert (files / "config" / "knn.yaml").read_text() == TEXT
    assert yaml.safe_load((files / "candidate.yaml").read_text())["params"] == {"n_neighbors": 7}
    assert len(json.loads((files / "folds.json").read_text())) == 5
    assert not (files / "warnings.json").exists()


def test_both_parts_of_the_data_are_inputs_of_the_run(lab, record):
    inputs = record[1].inputs.dataset_inputs
    assert sorted(tag.value for one in inputs for tag in one.tags) == ["testing", "training"]
    assert {one.dataset.name for one in inputs} == {"iris"}
    assert all(one.dataset.digest.startswith(lab.job.dataset.digest()[:12]) for one in inputs)
    assert all("load_iris" in one.dataset.source for one in inputs)
    rows = load(lab.job.dataset, lab.job.split)
    assert {tag.value: json.loads(one.dataset.profile)["num_rows"] for one in inputs for tag in one.tags} == {
        "training": len(rows.x_train),
        "testing": len(rows.x_test),
    }


def test_run_and_version_have_their_provenance(lab, entry, record):
    (version,) = lab.models.versions()
    says = {
        tag_names.IDENTITY: entry["identity"],
        tag_names.CONFIG: "knn",
        tag_names.ESTIMATOR: "KNeighborsClassifier",
        tag_names.CONFIG_DIGEST: ClassifierConfig.from_dict(entry["config"]).digest,
        tag_names.DATA: "iris",
        tag_names.DATA_DIGEST: lab.job.dataset.digest(),
        tag_names.COMMIT: "",
        "owner": "ann",
    }
    assert says.items() <= record[1].data.tags.items()
    assert says.items() <= version.tags.items()
    assert version.run_id == record[0]["run_id"]
    assert lab.models.client.get_model_version(lab.models.model, "1").description == "knn: the seven nearest"
    assert version.metrics == record[0]["metrics"]
    assert version.scored_on == lab.job.held_out_digest()
    assert record[1].data.tags["mlflow.source.name"] == f"config/{lab.pipeline}/knn.yaml"
    assert record[1].data.tags["mlflow.note.content"] == "the seven nearest"


def test_a_config_cannot_tag_its_own_model_as_validated(lab, record):
    assert tag_names.VALIDATION not in lab.models.versions()[0].tags
    assert record[1].info.run_name == "knn"


def test_a_model_of_a_csv_with_strings_and_gaps_predicts_through_its_signature(lab):
    rows = "age,town,label\n" + "".join(
        f"{'' if i % 5 == 0 else i},{'' if i % 7 == 0 else 'ulm'},{'yes' if i % 3 else 'no'}\n" for i in range(40)
    )
    (lab.project.root / "rows.csv").write_text(rows)
    lab = type(lab)(lab.project, lab.pipeline, {"path": "rows.csv", "target": "label"})
    lab.write("nb.yaml")
    (report,) = lab.train_all()
    (one, _) = lab.models.client.get_run(report["run_id"]).inputs.dataset_inputs
    assert (lab.project.root / "rows.csv").as_uri() in one.dataset.source
    model = mlflow.pyfunc.load_model(f"models:/{lab.models.model}/1")

    held_out = load(lab.job.dataset, lab.job.split).x_test
    assert set(model.predict(held_out)) <= {"yes", "no"}


def test_training_again_returns_the_existing_version(lab, entry):
    first = lab.train(entry)
    assert lab.train(entry) == first
    assert len(lab.models.versions()) == 1
    assert list(runs(lab).values()) == ["FINISHED"]


def test_a_try_that_was_killed_is_closed_and_the_next_one_trains(lab, entry):
    one = attempt(lab, entry)
    killed = one.models.client.create_run(one.models.experiment_id(), tags=one.tags).info.run_id
    report = lab.train(entry)
    assert runs(lab) == {killed: "KILLED", report["run_id"]: "FINISHED"}
    assert "killed" in lab.models.client.get_run(killed).data.tags[tag_names.ERROR]
    assert [version.number for version in lab.models.versions()] == [report["version"]]


def test_a_try_that_was_killed_after_its_version_was_registered_is_adopted(lab, entry):
    first = lab.train(entry)
    lab.models.client.set_terminated(first["run_id"], "RUNNING")
    assert runs(lab) == {first["run_id"]: "RUNNING"}
    assert lab.train(entry) == first
    assert runs(lab) == {first["run_id"]: "FINISHED"}
    assert len(lab.models.versions()) == 1


def test_the_run_of_another_config_stays_open(lab, entry):
    client = lab.models.client
    other = client.create_run(lab.models.experiment_id(), tags={tag_names.IDENTITY: "another"}).info.run_id
    lab.train(entry)
    assert runs(lab)[other] == "RUNNING"


def test_a_config_that_cannot_be_fitted_is_at_fault_and_its_run_says_how(lab):
    from airflow.sdk.exceptions import AirflowFailException

    lab.write("knn.yaml", "estimator: KNeighborsClassifier\nparams: {n_neighbors: 5000}\n")
    (entry,) = lab.detect()
    with pytest.raises(AirflowFailException) as caught:
        lab.train(entry)
    assert str(caught.value).startswith(f"config/{lab.pipeline}/knn.yaml:1:1  KNeighborsClassifier: ValueError: ")
    assert "\n" not in str(caught.value)
    (run,) = lab.models.runs()
    assert run.info.status == "FAILED"
    assert run.data.tags[tag_names.ERROR] == str(caught.value)
    assert lab.models.own_faults() == {entry["identity"]: str(caught.value)}
    assert lab.models.versions() == []


@pytest.mark.parametrize("error", [MemoryError("no room"), OSError("disk full")])
def test_lack_of_memory_or_disk_space_is_not_the_configs_fault(lab, entry, monkeypatch, error):
    def fails(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("podium.training.fit.train", fails)
        with pytest.raises(type(error)):
            lab.train(entry)
    assert lab.models.own_faults() == {}
    assert list(runs(lab).values()) == ["FAILED"]
    assert lab.train(entry)["version"] == 1


def test_a_failure_while_logging_registers_nothing_and_is_tried_again(lab, entry, monkeypatch):
    def fails(*_):
        raise ConnectionError("MLflow is gone")

    with monkeypatch.context() as patch:
        patch.setattr(recording.Record, "_log_model", fails)
        with pytest.raises(ConnectionError):
            lab.train(entry)
    assert lab.models.versions() == []
    assert lab.models.own_faults() == {}
    assert lab.train(entry)["version"] == 1


def test_an_entry_with_an_error_fails_with_that_error(lab):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"rf\.yaml:6:3"):
        lab.train({"name": "rf", "error": "rf.yaml:6:3  unknown parameter"})


def test_a_version_is_found_by_its_fingerprint_alone(lab, entry):
    """A version is found by its identity alone, whatever its config was called then."""
    report = lab.train(entry)
    one = attempt(lab, {**entry, "identity": "0" * 64})
    assert one.finished_before() is None
    assert attempt(lab, entry).finished_before() == report
