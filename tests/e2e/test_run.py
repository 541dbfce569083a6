"""``podium run`` without a running stack: it starts one, runs the pipeline, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess

import psutil
import pytest

from tests.support.checkout import PODIUM, copy_project
from tests.support.patience import PATIENCE

FEW = ("lda.json", "knn.json", "gaussian_nb.json")
# A DAG without Podium's steps, which still runs when training has ended.
PLAIN = """
plain:
  schedule: [{__type__: airflow.sdk.Asset, name: iris_models}]
  tasks:
    - task_id: wait
      operator: airflow.providers.standard.operators.bash.BashOperator
      bash_command: sleep 3
"""


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    """A copy of the project with three configs and no stack."""
    checkout = copy_project(tmp_path_factory.mktemp("lone"))
    for config in (checkout.root / "config" / "iris").iterdir():
        if config.name not in FEW:
            config.unlink()
    (checkout.root / "dag_specs" / "plain.yaml").write_text(PLAIN)
    return checkout


def leaderboard(lone):
    return json.loads(lone.podium("leaderboard", "iris", "--json").stdout)


def test_first_run_ends_with_a_champion(lone):
    first = lone.podium("run", "iris_train")
    assert first.returncode == 0, first.stderr
    assert "promoted: version" in first.stdout
    assert "plain: " in first.stdout
    rows = leaderboard(lone)
    assert rows[0]["config"] == "lda"
    assert {row["config"] for row in rows} == {"lda", "gaussian_nb", "knn"}
    losses = [row["metrics"]["log_loss"] for row in rows]
    assert losses == sorted(losses)
    assert [row["stage"] for row in rows] == ["Production", "None", "None"]
    assert rows[0]["aliases"] == ["production"]
    assert {row["validation"] for row in rows} == {"passed"}
    assert lone.podium("status").returncode == 1


@pytest.mark.slow
def test_rollback_is_one_command_and_recorded(lone):
    versions = {row["config"]: row["version"] for row in leaderboard(lone)}
    lda, knn = versions["lda"], versions["knn"]
    assert lone.podium("rollback", "iris").returncode == 2
    alone = lone.podium("rollback", "iris", "--reason", "doubts")
    assert alone.returncode == 1
    assert alone.stderr.strip() == f"version {lda} (lda) has no previous champion: choose a version with --to"

    back = lone.podium("rollback", "iris", "--to", str(knn), "--reason", "lda drifts", "--json")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["reason"] == f"version {knn} (knn) replaces version {lda} (lda): lda drifts"
    said = lone.podium("explain", str(lda), "iris").stdout
    assert "It was rolled back and is not promoted again automatically: lda drifts." in said

    assert lone.podium("rollback", "iris", "--to", str(lda), "--reason", "it does not").returncode == 0
    assert leaderboard(lone)[0]["stage"] == "Production"
    found = [
        (one["verdict"], one["from_version"], one["to_version"])
        for one in json.loads(lone.podium("history", "iris", "--json").stdout)
    ]
    assert [(verdict, before, after) for verdict, before, after in found if before != after] == [
        ("rolled back", knn, lda),
        ("rolled back", lda, knn),
        ("promoted", None, lda),
    ]


@pytest.mark.slow
def test_config_failing_because_of_its_own_content_is_listed_and_not_retried(lone):
    # scikit-learn refuses this only when it fits.
    lone.drop("pca.yaml", "estimator: GaussianNB\npreprocess: [{PCA: {n_components: 9}}]\n")
    ran = lone.podium("run", "iris_train")
    assert ran.returncode == 1
    assert "config/iris/pca.yaml:1:1  GaussianNB: ValueError: n_components=9" in ran.stderr
    planned = lone.podium("plan", "iris", "--json")
    assert planned.returncode == 1
    item = next(i for i in json.loads(planned.stdout) if i["config"] == "pca")
    assert item["action"] == "failed"
    assert "n_components=9" in item["reason"]
    retried = json.loads(lone.podium("plan", "iris", "--json", "--retry-failed").stdout)
    assert [i["config"] for i in retried if i["action"] == "train"] == ["pca"]
    (lone.root / "config" / "iris" / "pca.yaml").unlink()


@pytest.mark.slow
def test_interrupt_leaves_nothing_running_and_nothing_half_registered_and_the_next_run_has_nothing_new(lone):
    before = leaderboard(lone)
    lone.drop("slow.yaml", "estimator: GradientBoostingClassifier\nparams: {n_estimators: 2000}\n")
    command = subprocess.Popen(
        [PODIUM, "run", "iris_train"],
        cwd=lone.root,
        env=lone.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in command.stdout:
        if "1 running" in line:
            break
    started = psutil.Process(command.pid).children(recursive=True)
    assert started
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=PATIENCE)
    assert command.returncode == 130
    assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []
    (lone.root / "config" / "iris" / "slow.yaml").unlink()
    assert leaderboard(lone) == before
    again = lone.podium("run", "iris_train")
    assert again.returncode == 0, again.stderr
    assert "nothing new" in again.stdout
    assert leaderboard(lone) == before


def test_unknown_pipeline_is_one_line(lone):
    answer = lone.podium("run", "iris_trian")
    assert answer.returncode == 1
    assert answer.stderr.strip() == "no pipeline 'iris_trian' in dag_specs: did you mean 'iris_train'?"


def test_mlflow_that_does_not_answer_is_one_line(lone):
    env = lone.env | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    for command in ("run", "leaderboard"):
        answer = subprocess.run(
            [PODIUM, command, "iris_train"],
            cwd=lone.root,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert answer.returncode == 1
        assert answer.stderr.strip() == "MLFLOW_TRACKING_URI: no MLflow answers at http://127.0.0.1:1"


@pytest.mark.slow
def test_workers_that_cannot_warm_up_log_the_reason_and_run_tasks(lone):
    # The warm-up imports it; requests, which would import it too, does without.
    spoilt = 'import sys\nif "scheduler" in sys.orig_argv:\n    sys.modules["netrc"] = None\n'
    (lone.root / "sitecustomize.py").write_text(spoilt)
    lone.drop("cold.yaml", "estimator: BernoulliNB\n")
    ran = lone.podium("run", "iris_train")
    assert ran.returncode == 0, ran.stderr
    log = (lone.root / ".podium" / "logs" / "scheduler.log").read_text()
    assert "could not warm up" in log
    assert "netrc" in log
    assert "cold" in {row["config"] for row in leaderboard(lone)}
