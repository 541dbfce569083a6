"""The client of Airflow's API waits for an Airflow that is slow or starts again."""

import json

import pytest

from podium.errors import PodiumError
from podium.pipeline import airflow_api
from podium.pipeline.airflow_api import AirflowAPI


def test_a_late_answer_is_requested_again(airflow):
    airflow.late = {"/auth/token": 1, "/api/v2/dags/a": 1}
    airflow.pages["/api/v2/dags/a"] = (200, {"dag_id": "a"})
    client = AirflowAPI(airflow.url, "", "")
    client.wait_for_dag("a")
    assert client.get("/dags/a") == {"dag_id": "a"}


def test_a_run_whose_start_is_answered_late_is_started_once(airflow):
    airflow.late = {"/api/v2/dags/a/dagRuns": 1}
    airflow.pages["/api/v2/dags/a/dagRuns"] = (409, {})  # the answer to a run that exists
    run_id = AirflowAPI(airflow.url, "", "").trigger("a", {"x": 1})
    sent = [json.loads(body) for method, path, body in airflow.seen if path.endswith("dagRuns")]
    assert len(sent) > 1
    assert {one["dag_run_id"] for one in sent} == {run_id}


def test_following_a_run_survives_a_connection_that_breaks(airflow):
    airflow.late = {"/api/v2/dags/a/dagRuns/r/wait": 1}
    airflow.pages["/api/v2/dags/a/dagRuns/r/wait"] = (200, {"state": "success"})
    airflow.pages["/api/v2/dags/a/dagRuns/r/taskInstances"] = (200, {"task_instances": [], "total_entries": 0})
    assert list(AirflowAPI(airflow.url, "", "").follow("a", "r")) == [("success", [])]


def test_an_airflow_that_is_gone_is_one_sentence(airflow, monkeypatch):
    client = AirflowAPI(airflow.url, "", "")
    monkeypatch.setattr(airflow_api, "ANSWER_SECONDS", 0.5)
    airflow.server.shutdown()
    airflow.server.server_close()
    for request in (
        lambda: client.get("/dags"),
        lambda: client.trigger("a", {}),
        lambda: list(client.follow("a", "r")),
    ):
        with pytest.raises(PodiumError, match=f"Airflow does not answer at {airflow.url}"):
            request()


def test_a_refusal_is_one_sentence_at_once(airflow):
    with pytest.raises(PodiumError, match="Airflow answers 404 to GET /api/v2/dags/b"):
        AirflowAPI(airflow.url, "", "").get("/dags/b")
