"""Which configs of a folder are trained and why, with versions in a real MLflow."""

import json
from dataclasses import replace

import pytest

from podium.registry import tag_names
from podium.training import fingerprint
from podium.training.plan import Item

FAILS = "estimator: KNeighborsClassifier\nparams: {n_neighbors: 5000}\n"


@pytest.fixture
def trained(lab):
    """A pipeline whose config ``nb`` has been trained on a CSV file."""
    rows = "a,b,label\n" + "".join(f"{i % 9},{i % 7},{'yes' if i % 3 else 'no'}\n" for i in range(40))
    (lab.project.root / "rows.csv").write_text(rows)
    lab = replace(lab, dataset={"path": "rows.csv", "target": "label"})
    lab.write("nb.yaml")
    assert lab.plan() == {"nb": ("train", "new")}
    lab.train_all()
    return lab


def test_a_folder_without_configs_is_made_and_nothing_trains(lab, capsys):
    assert lab.detect() == []
    assert lab.folder.is_dir()
    assert capsys.readouterr().out == f"nothing new in config/{lab.pipeline}\n"


def test_a_config_that_has_a_version_is_skipped(trained):
    assert trained.plan() == {"nb": ("skip", "already trained as version 1")}
    assert trained.detect() == []


def test_a_change_of_formatting_description_or_tags_does_not_retrain(trained):
    trained.write(
        "nb.yaml", "# a comment\ndescription: other words\ntags: {a: b}\nestimator:   GaussianNB\nparams: {}\n"
    )
    assert trained.plan() == {"nb": ("skip", "already trained as version 1")}


def test_a_changed_config_trains(trained):
    trained.write("nb.yaml", "estimator: GaussianNB\nparams: {var_smoothing: 0.1}\n")
    assert trained.plan() == {"nb": ("train", "config changed since version 1")}


def test_a_config_that_names_an_unknown_column_is_said_before_anything_trains(trained):
    item = "estimator: SVC\npreprocess: [{columns: [%s], steps: [StandardScaler]}]\n"
    trained.write("svm.yaml", item % "A")
    message = f"config/{trained.pipeline}/svm.yaml:2:25  the data set has no feature 'A': did you mean 'a'?"
    assert trained.plan()["svm"] == ("invalid", message)
    trained.write("svm.yaml", item % "label")
    assert trained.plan()["svm"][1].endswith("the data set has no feature 'label': it has a, b")
    trained.write("svm.yaml", item % "a")
    assert trained.plan()["svm"] == ("train", "new")


def test_a_grid_of_steps_by_column_and_class_weights_trains(trained):
    trained.write(
        "svm.yaml",
        "estimator: SVC\n"
        "params: {class_weight: {yes: 1, no: 3}, probability: true}\n"
        "preprocess: [{columns: [b], steps: [{KBinsDiscretizer: {encode: ordinal}}]}, StandardScaler]\n"
        "grid: {KBinsDiscretizer__n_bins: [2, 3]}\n",
    )
    results = trained.train_all()
    assert [result["name"] for result in results] == [f"svm-KBinsDiscretizer__n_bins={bins}" for bins in (2, 3)]
    trained.write("svm.yaml", "estimator: SVC\nparams: {class_weight: {maybe: 2}}\n")
    with pytest.raises(Exception, match="class_weight names the class 'maybe', which the data does not have"):
        trained.train_all()


def test_a_changed_row_trains(trained):
    with (trained.project.root / "rows.csv").open("a") as rows:
        rows.write("9,9,yes\n")
    assert trained.plan() == {"nb": ("train", "data changed since version 1")}


def test_a_changed_split_trains(trained):
    assert replace(trained, split={"seed": 4}).plan() == {"nb": ("train", "split changed since version 1")}


def test_a_raised_training_revision_trains(trained, monkeypatch):
    monkeypatch.setattr(fingerprint, "TRAINING_REVISION", fingerprint.TRAINING_REVISION + 1)
    assert trained.plan() == {"nb": ("train", "training revision or a package changed since version 1")}


def test_another_release_of_what_fits_trains(trained, monkeypatch):
    monkeypatch.setattr(fingerprint, "_release", lambda _: "1.9.99")
    assert trained.plan() == {"nb": ("train", "training revision or a package changed since version 1")}


def test_everything_that_changed_is_named(trained):
    trained.write("nb.yaml", "estimator: GaussianNB\nparams: {var_smoothing: 0.1}\n")
    assert replace(trained, split={"folds": 3}).plan()["nb"] == ("train", "config and split changed since version 1")


def test_a_config_that_is_changed_back_has_its_version(trained):
    trained.write("nb.yaml", "estimator: GaussianNB\nparams: {var_smoothing: 0.1}\n")
    trained.train_all()
    trained.write("nb.yaml")
    assert trained.plan() == {"nb": ("skip", "already trained as version 1")}


def test_a_copy_under_another_name_is_a_candidate_of_its_own(trained):
    trained.write("copy.json", '{"estimator": "GaussianNB"}')
    assert trained.plan() == {"copy": ("train", "new"), "nb": ("skip", "already trained as version 1")}


def test_a_config_that_failed_is_retrained_after_a_change_or_with_retry_failed(trained):
    path = trained.write("knn.yaml", FAILS)
    (entry,) = trained.detect()
    with pytest.raises(Exception, match="n_neighbors"):
        trained.train(entry)
    action, reason = trained.plan()["knn"]
    assert action == "failed"
    assert reason.startswith(f"failed before: config/{trained.pipeline}/knn.yaml:1:1  KNeighborsClassifier: ValueError")
    (listed,) = trained.detect()
    assert "error" in listed, "it stays listed and fails, but is not retrained"
    assert trained.plan(retry_failed=True)["knn"] == ("train", "new")
    assert "config" in trained.detect(retry_failed="True")[0]
    path.write_text(FAILS.replace("5000", "5"))
    assert trained.plan()["knn"] == ("train", "new")


def test_an_invalid_config_is_an_entry_with_its_error_and_the_others_train(lab):
    lab.write("bad.yaml", "estimator: GaussianNB\nparams:\n  var_smoothign: 1\n")
    lab.write("empty.json", "")
    lab.write("good.yaml")
    errors = {entry["name"]: entry.get("error") for entry in lab.detect()}
    assert errors["bad"] == (
        f"config/{lab.pipeline}/bad.yaml:3:3  unknown parameter 'var_smoothign' for GaussianNB: "
        "did you mean 'var_smoothing'?"
    )
    assert errors["empty"].startswith(f"config/{lab.pipeline}/empty.json:1:1  ")
    assert errors["good"] is None


def test_two_files_of_one_name_do_not_both_train(lab):
    lab.write("nb.json", '{"estimator": "GaussianNB"}')
    lab.write("nb.yaml")
    entries = lab.detect()
    assert [entry["name"] for entry in entries] == ["nb", "nb.yaml"]
    assert "error" not in entries[0]
    assert entries[1]["error"].startswith(f"config/{lab.pipeline}/nb.yaml:1:1  ")
    assert "nb.json" in entries[1]["error"]


def test_a_grid_is_one_candidate_per_combination(lab):
    lab.write(
        "knn.yaml", "estimator: KNeighborsClassifier\ngrid: {n_neighbors: [3, 5], weights: [uniform, distance]}\n"
    )
    entries = lab.detect()
    assert [entry["name"] for entry in entries] == [
        "knn-n_neighbors=3-weights=uniform",
        "knn-n_neighbors=3-weights=distance",
        "knn-n_neighbors=5-weights=uniform",
        "knn-n_neighbors=5-weights=distance",
    ]
    assert len({entry["identity"] for entry in entries}) == 4


def test_entries_are_json_and_hold_the_text_of_the_file(lab):
    text = "# why\nestimator: GaussianNB\n"
    lab.write("nb.yaml", text)
    (entry,) = lab.detect()
    assert json.loads(json.dumps(entry)) == entry
    assert entry["source"] == text


def test_two_thousand_candidates_are_listed(lab):
    values = ", ".join(map(str, range(1, 2001)))
    lab.write("knn.yaml", f"estimator: KNeighborsClassifier\ngrid: {{n_neighbors: [{values}]}}\n")
    assert len(lab.detect()) == 2000


def test_a_line_of_the_log_says_what_and_why():
    assert Item("nb", "train", "new").line() == "train nb: new"
    assert Item("nb", "invalid", "nb.yaml:1:1  empty").line() == "nb.yaml:1:1  empty"


def test_the_name_of_an_identity_tag_is_kept(trained):
    (version,) = trained.models.versions()
    assert version.tags[tag_names.IDENTITY] == trained.job.identity(next(iter(_configs(trained))))


def _configs(lab):
    from podium.configs.files import load_config

    return load_config(lab.folder / "nb.yaml", lab.project)


def test_a_file_that_is_still_being_written_is_left_for_later(lab):
    lab.write("nb.yaml")
    with (lab.folder / "forest.yaml").open("w") as file:
        file.write("estimator: RandomForestClassifier\n")
        file.flush()
        assert lab.plan()["forest"] == ("skip", "its file is still being written")
        assert [entry["name"] for entry in lab.detect()] == ["nb"]
        file.write("params: {n_estimators: 20}\n")
    assert [entry["name"] for entry in lab.detect()] == ["forest", "nb"]
