"""The main job as a user has it: files go into a folder, and Airflow and MLflow show what came of them."""

from __future__ import annotations

import os
import shutil
import signal
from urllib.parse import quote

import psutil
import pytest

from tests.support.checkout import mapped, wait_until

GOOD = "estimator: GaussianNB\nparams: {var_smoothing: %s}\n"
SLOW = "estimator: GradientBoostingClassifier\nparams: {n_estimators: 700}\n"


def log_lines(stack, run, task):
    path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/{task.task_id}/logs/1"
    events = stack.airflow.get(path, map_index=task.map_index, full_content=True)["content"]
    return [event["event"] for event in events if not event["event"].startswith("::")]


def test_shipped_configs_are_trained_by_themselves(trained_stack):
    run = trained_stack.first_run
    assert run["state"] == "success"
    assert run["run_type"] == "asset_triggered"
    names = set(mapped(trained_stack, run))
    assert {"lda", "svm_rbf", "extra_trees-max_depth=2", "extra_trees-max_depth=6"} <= names
    assert len(names) >= 8
    versions = trained_stack.versions()
    assert {v.tags["podium.config"] for v in versions} == names
    assert trained_stack.champion() == "lda"
    runs = trained_stack.mlflow.search_runs([trained_stack.mlflow.get_experiment_by_name("iris").experiment_id])
    assert {r.info.status for r in runs} == {"FINISHED"}


def test_a_run_in_mlflow_links_to_its_task_in_airflow(trained_stack):
    run = trained_stack.first_run
    experiment = trained_stack.mlflow.get_experiment_by_name("iris").experiment_id
    recorded = {r.info.run_name: r.data.tags for r in trained_stack.mlflow.search_runs([experiment])}
    tasks = f"{trained_stack.status['airflow']['url']}/dags/iris_train/runs/{quote(run['dag_run_id'])}/tasks"
    for name, task in mapped(trained_stack, run).items():
        link = f"{tasks}/train/mapped/{task.map_index}?try_number=1"
        assert recorded[name]["podium.airflow_task"] == link
        assert f"({link})" in recorded[name]["mlflow.note.content"]
    decisions = trained_stack.mlflow.get_experiment_by_name("iris-promotions").experiment_id
    first = trained_stack.mlflow.search_runs([decisions])[-1].data.tags
    assert f"({tasks}/promote?try_number=1)" in first["mlflow.note.content"]


def test_hosting_follows_training(trained_stack):
    run = trained_stack.finished_run("iris_host", after=0)
    assert run["state"] == "success"
    assert run["run_type"] == "asset_triggered"
    by_hosting = {name.partition(" ")[2] for name in mapped(trained_stack, run, "validate")}
    # Training's promotion has checked its champion, and the one without probabilities, which it tried to score.
    assert by_hosting == set(mapped(trained_stack, trained_stack.first_run)) - {"lda", "svm_rbf"}
    assert all(v.tags["podium.validation"] == "passed" for v in trained_stack.versions())
    assert trained_stack.champion() == "lda"


def test_other_rows_need_no_python(trained_stack):
    run = trained_stack.finished_run("churn_train", after=0)
    assert run["state"] == "success"
    assert set(mapped(trained_stack, run)) == {"boosted", "forest", "logistic"}
    assert len(trained_stack.production("churn-classifier")) == 1


def test_better_config_becomes_production_and_worse_does_not(trained_stack):
    done = len(trained_stack.runs("iris_train"))
    shutil.copy(trained_stack.root / "examples" / "qda.yaml", trained_stack.root / "config" / "iris")
    run = trained_stack.finished_run("iris_train", after=done)
    assert (run["state"], run["run_type"]) == ("success", "asset_triggered")
    assert list(mapped(trained_stack, run)) == ["qda"]
    assert trained_stack.champion() == "qda"
    before = trained_stack.mlflow.get_model_version_by_alias("iris-classifier", "previous")
    assert (before.tags["podium.config"], before.current_stage) == ("lda", "Archived")

    trained_stack.drop("worse.json", '{"estimator": "DummyClassifier", "params": {"strategy": "uniform"}}')
    run = trained_stack.finished_run("iris_train", after=done + 1)
    assert (run["state"], list(mapped(trained_stack, run))) == ("success", ["worse"])
    assert trained_stack.champion() == "qda"


def test_typo_fails_alone_and_says_where(trained_stack):
    config = trained_stack.root / "config" / "iris"
    done = len(trained_stack.runs("iris_train"))
    with_typo = "estimator: RandomForestClassifier\nparams:\n  n_estimators: 20\n  max_depht: 4\n"
    draft = trained_stack.root / "drafts"
    draft.mkdir()
    for name, text in {"good1.yaml": GOOD % 0.01, "rf.yaml": with_typo, "good2.yaml": GOOD % 0.02}.items():
        (draft / name).write_text(text)
    for file in draft.iterdir():
        file.rename(config / file.name)
    run = trained_stack.finished_run("iris_train", after=done)
    try:
        assert run["state"] == "failed"
        tasks = mapped(trained_stack, run)
        assert {name: task.state for name, task in tasks.items()} == {
            "good1": "success",
            "good2": "success",
            "rf": "failed",
        }
        assert log_lines(trained_stack, run, tasks["rf"])[-1] == (
            "config/iris/rf.yaml:4:3  unknown parameter 'max_depht' for RandomForestClassifier: "
            "did you mean 'max_depth'?"
        )
        others = trained_stack.airflow.tasks("iris_train", run["dag_run_id"])
        assert [task.name for task in others if task.state == "failed"] == ["rf"]
        assert len(trained_stack.versions("good1")) == len(trained_stack.versions("good2")) == 1
        assert trained_stack.champion() == "qda"
        listed = trained_stack.podium("plan", "iris_train")
        assert listed.returncode == 1
        assert "config/iris/rf.yaml:4:3" in listed.stdout
    finally:
        (config / "rf.yaml").unlink()


@pytest.mark.slow
def test_killed_training_is_tried_again_and_leaves_one_version(trained_stack):
    done = len(trained_stack.runs("iris_train"))
    trained_stack.drop("slow.yaml", SLOW)

    def training():
        runs = trained_stack.runs("iris_train")[done:]
        task = mapped(trained_stack, runs[0]).get("slow") if runs else None
        if task is None or task.state != "running":
            return None
        path = f"/dags/iris_train/dagRuns/{runs[0]['dag_run_id']}/taskInstances/train/{task.map_index}"
        pid = trained_stack.airflow.get(path)["pid"]
        experiment = trained_stack.mlflow.get_experiment_by_name("iris").experiment_id
        # Half-way: MLflow has the run and not yet the version.
        return pid if trained_stack.mlflow.search_runs([experiment], "attributes.status = 'RUNNING'") else None

    pid = wait_until(training, "the slow training runs")
    assert psutil.Process(pid).is_running()
    os.kill(pid, signal.SIGKILL)
    run = trained_stack.finished_run("iris_train", after=done)
    assert run["state"] == "success"
    assert len(trained_stack.versions("slow")) == 1
    experiment = trained_stack.mlflow.get_experiment_by_name("iris").experiment_id
    states = [r.info.status for r in trained_stack.mlflow.search_runs([experiment], "tags.`podium.config` = 'slow'")]
    assert sorted(states) == ["FINISHED", "KILLED"]
    (killed,) = trained_stack.mlflow.search_runs([experiment], "attributes.status = 'KILLED'")
    task = mapped(trained_stack, run)["slow"]
    said = log_lines(trained_stack, run, task)[-1]
    assert said.startswith("killed by SIGKILL: it had reached ")
    assert killed.data.tags["podium.error"] == f"slow: {said}"


def test_edited_spec_is_live_and_bad_one_hurts_nobody(trained_stack):
    airflow = trained_stack.airflow
    specs = trained_stack.root / "dag_specs"
    spec = (specs / "churn_train.yaml").read_text().replace("churn_train:", "empty_train:")
    spec = spec.replace("config/churn", "config/empty").replace("pipeline: churn", "pipeline: empty")
    (specs / "empty_train.yaml").write_text(spec)
    airflow.wait_for_dag("empty_train")

    (specs / "empty_train.yaml").write_text(spec.replace("description: Train", "description: Edited. Train"))
    wait_until(lambda: airflow.get("/dags/empty_train")["description"].startswith("Edited."), "the edited spec is live")

    (specs / "bad.yaml").write_text("bad_one:\n  tasks: [\n")

    def import_error():
        errors = airflow.get("/importErrors")["import_errors"]
        return next((e["stack_trace"] for e in errors if "dag_specs/bad.yaml:3:1" in e["stack_trace"]), None)

    wait_until(import_error, "the bad spec is an import error")
    for dag_id in ("iris_train", "iris_host", "churn_train", "empty_train"):
        dag = airflow.get(f"/dags/{dag_id}")
        assert (dag["has_import_errors"], dag["is_stale"]) == (False, False)
    (specs / "bad.yaml").unlink()


def test_run_without_configs_succeeds(trained_stack):
    ran = trained_stack.podium("run", "empty_train")
    assert ran.returncode == 0, ran.stderr
    assert (trained_stack.root / "config" / "empty").is_dir()


def test_nothing_new_says_so(trained_stack):
    before = len(trained_stack.versions())
    ran = trained_stack.podium("run", "iris_train", cwd=trained_stack.root / "config" / "iris")
    assert ran.returncode == 0, ran.stderr
    assert "nothing new" in ran.stdout
    assert "qda" in ran.stdout
    assert len(trained_stack.versions()) == before
