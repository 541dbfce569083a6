"""A run that cannot go on says why."""

import io

import pytest
from rich.console import Console

from podium.errors import PodiumError
from podium.pipeline import run
from podium.pipeline.airflow_api import AirflowAPI, Task

TASKS = [Task("promote", -1, "promote", "scheduled")]


@pytest.fixture
def client(airflow):
    airflow.pages |= {
        "/api/v2/dags/a": (200, {"dag_id": "a", "is_paused": False}),
        "/api/v2/dags/~/dagRuns": (200, {"dag_runs": [{"dag_id": "a", "dag_run_id": "r"}], "total_entries": 1}),
        "/api/v2/dags/a/dagRuns/r": (200, {"state": "running"}),
        "/api/v2/dags/a/dagRuns/r/taskInstances": (
            200,
            {"task_instances": [{"task_id": "promote", "pool": "promotion"}], "total_entries": 1},
        ),
        "/api/v2/pools/promotion": (200, {"name": "promotion"}),
    }
    return AirflowAPI(airflow.url, "", "")


@pytest.fixture
def standstill(client, monkeypatch):
    monkeypatch.setattr(run, "STANDSTILL_SECONDS", 0)
    found = run.Standstill(client, "a", "r")
    assert found.obstacle(TASKS) == "", "the state is new"
    return found


def test_a_paused_dag_is_not_run_unless_it_may_be_unpaused(airflow, client):
    shown = Console(file=io.StringIO())
    run.check_not_paused(client, "a", shown, unpause=False)
    airflow.pages["/api/v2/dags/a"] = (200, {"dag_id": "a", "is_paused": True})
    with pytest.raises(PodiumError, match="a is paused in Airflow, so a run would not start: add --unpause, or"):
        run.check_not_paused(client, "a", shown, unpause=False)
    run.check_not_paused(client, "a", shown, unpause=True)
    assert airflow.seen[-1] == ("PATCH", "/api/v2/dags/a", b'{"is_paused":false}')


def test_a_run_that_moves_or_works_has_no_obstacle(standstill, airflow):
    airflow.pages["/api/v2/dags/a"] = (200, {"dag_id": "a", "is_paused": True})
    assert standstill.obstacle([Task("train", 0, "nb", "running")]) == ""
    assert standstill.obstacle([Task("train", 0, "nb", "running")]) == ""


def test_a_dag_that_is_paused_during_the_run_is_said_once(standstill, airflow):
    airflow.pages["/api/v2/dags/a"] = (200, {"dag_id": "a", "is_paused": True})
    assert standstill.obstacle(TASKS) == f"paused in Airflow: unpause it on {airflow.url}/dags/a"
    assert standstill.obstacle(TASKS) == ""


def test_a_missing_pool_is_named(standstill, airflow):
    assert standstill.obstacle(TASKS) == ""
    airflow.pages["/api/v2/pools/promotion"] = (404, {})
    assert standstill.obstacle(TASKS) == (
        "waiting for the pool 'promotion', which does not exist: create it on Airflow's page Admin, Pools"
    )


def test_a_run_behind_another_one_names_it(standstill, airflow):
    runs = [{"dag_id": "a", "dag_run_id": name} for name in ("before", "r")]
    airflow.pages["/api/v2/dags/~/dagRuns"] = (200, {"dag_runs": runs, "total_entries": 2})
    airflow.pages["/api/v2/dags/a/dagRuns/r"] = (200, {"state": "queued"})
    assert standstill.obstacle(TASKS) == "waiting for the run before to end"
