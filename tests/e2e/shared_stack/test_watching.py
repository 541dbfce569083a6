"""What stands in the way of a run: a paused DAG, a missing pool, wrong params, a killed training."""

from __future__ import annotations

import subprocess

import httpx
import pytest

from podium.errors import PodiumError
from tests.support.checkout import PODIUM, mapped

CONFIG = "estimator: GaussianNB\nparams: {var_smoothing: %s}\n"


@pytest.fixture
def dag(trained_stack):
    """The DAG of the churn rows, which no other test runs, unpaused again in the end."""
    yield Dag(trained_stack)
    trained_stack.airflow.unpause("churn_train")


class Dag:
    def __init__(self, stack):
        self.stack = stack
        self.airflow = stack.airflow
        stack.finished_run("churn_train", after=0)

    @property
    def count(self):
        return len(self.stack.runs("churn_train"))

    def pause(self):
        self.airflow._json("PATCH", "/api/v2/dags/churn_train", json={"is_paused": True})  # noqa: SLF001

    def drop(self, name, smoothing):
        self.stack.drop(f"{name}.yaml", CONFIG % smoothing, "churn")

    def log(self, run_id, task_id):
        path = f"/dags/churn_train/dagRuns/{run_id}/taskInstances/{task_id}/logs/1"
        events = [line["event"] for line in self.airflow.get(path, full_content=True)["content"]]
        return [event for event in events if not event.startswith("::")]


@pytest.mark.slow
def test_files_dropped_while_the_dag_is_paused_start_a_run_when_it_is_unpaused(dag):
    before = dag.count
    dag.pause()
    refused = dag.stack.podium("run", "churn_train")
    assert refused.returncode == 1
    assert refused.stderr.startswith("churn_train is paused in Airflow, so a run would not start: add --unpause, or ")
    # Airflow drops their events, or has already ended the trigger, if it has read the DAG's file since.
    dag.drop("paused_1", 0.001)
    dag.drop("paused_2", 0.002)
    assert dag.count == before
    dag.airflow.unpause("churn_train")
    run = dag.stack.finished_run("churn_train", after=before)
    assert (run["state"], set(mapped(dag.stack, run))) == ("success", {"paused_1", "paused_2"})


def test_a_run_unpauses_its_dag_on_request_and_makes_up_for_a_deleted_pool(dag):
    dag.pause()
    deleted = dag.airflow.client.delete("/api/v2/pools/promotion")
    assert deleted.status_code == httpx.codes.NO_CONTENT
    ran = dag.stack.podium("run", "churn_train", "--unpause")
    assert ran.returncode == 0, ran.stderr
    assert "churn_train: unpaused" in ran.stdout
    assert "nothing new" in ran.stdout
    assert dag.airflow.get("/pools/promotion")["slots"] == 1


def test_the_mlflow_that_the_user_names_takes_precedence_over_the_running_stack(trained_stack):
    for uri, words in (("http://127.0.0.1:1", "no MLflow answers at"), ("notaurl", "is a folder")):
        env = trained_stack.env | {"MLFLOW_TRACKING_URI": uri}
        command = [PODIUM, "leaderboard", "iris"]
        ran = subprocess.run(command, cwd=trained_stack.root, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 1
        assert ran.stderr.count("\n") == 1
        assert ran.stderr.startswith("MLFLOW_TRACKING_URI: ")
        assert words in ran.stderr


def test_params_are_typed_and_unknown_ones_are_refused(dag):
    with pytest.raises(PodiumError, match="retry_failed"):
        dag.airflow.trigger("churn_train", {"retry_failed": "yes"})
    before = dag.count
    run_id = dag.airflow.trigger("churn_train", {"retry": True})
    run = dag.stack.finished_run("churn_train", after=before)
    assert run["state"] == "failed"
    said = "the run was started with an unknown param 'retry': known are retry_failed"
    assert dag.log(run_id, "detect")[-1] == said
    detect = next(task for task in dag.airflow.tasks("churn_train", run_id) if task.task_id == "detect")
    assert detect.state == "failed"
    assert dag.airflow.last_error("churn_train", run_id, detect) == said


def test_the_log_of_a_promotion_is_a_table_with_the_decision_last(dag):
    run_id = dag.stack.runs("churn_train")[0]["dag_run_id"]
    own = [line for line in dag.log(run_id, "promote") if line.startswith(("version ", " ", "promoted: "))]
    assert own[0].split() == ["version", "config", "estimator", "roc_auc", "result"]
    assert [len(line.split()) >= 4 for line in own[1:]] == [True] * (len(own) - 1)
    assert own[-1].startswith("promoted: version ")
    lines = dag.log(run_id, "promote")
    assert lines[lines.index(own[0]) : lines.index(own[0]) + len(own)] == own, "nothing is between them"
