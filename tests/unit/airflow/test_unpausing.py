"""A DAG that is unpaused in Airflow is parsed at once."""

import asyncio

import pytest

from podium.airflow import unpausing


@pytest.fixture
def requested(monkeypatch):
    """Send a request through the middleware, and return the DAGs whose parsing it requests."""
    found = []
    monkeypatch.setattr(unpausing, "request_parsing", found.append)

    def send(method, path, status=200):
        found.clear()
        sent = []

        async def app(_scope, _receive, send):
            await send({"type": "http.response.start", "status": status})
            await send({"type": "http.response.body", "body": b"{}"})

        async def collect(message):
            sent.append(message["type"])

        scope = {"type": "http", "method": method, "path": path}
        asyncio.run(unpausing.ParseUnpaused(app)(scope, None, collect))
        assert sent == ["http.response.start", "http.response.body"]
        return list(found)

    return send


def test_a_dag_that_was_changed_is_parsed(requested):
    assert requested("PATCH", "/api/v2/dags/iris_train") == ["iris_train"]
    assert requested("PATCH", "/airflow/api/v2/dags/iris%20train") == ["iris train"]
    assert requested("PATCH", "/api/v2/dags") == [""]


def test_nothing_else_is(requested):
    assert requested("GET", "/api/v2/dags/iris_train") == []
    assert requested("PATCH", "/api/v2/dags/iris_train", 403) == []
    assert requested("PATCH", "/api/v2/dags/iris_train/dagRuns/x") == []
