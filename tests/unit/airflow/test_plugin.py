"""The MLflow page that a task's link points to."""

from types import SimpleNamespace

import pytest

from podium.airflow import plugin

SERVER = "http://127.0.0.1:5000"
RUN, VERSION = {"run_id": "abc", "version": 3, "metrics": {}}, {"name": "v3 lda", "version": 3, "metrics": {}}


@pytest.fixture
def link(monkeypatch):
    """Return a function for the link of a task with stored values."""

    def made(stored, server=SERVER, **operator):
        monkeypatch.setattr(plugin, "_stored", lambda _: stored)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
        operator = operator or {"op_kwargs": {"pipeline": "my iris"}}
        return plugin.MLflowLink().get_link(SimpleNamespace(**operator), ti_key=None)

    return made


@pytest.mark.parametrize(
    ("stored", "page"),
    [
        ({"return_value": RUN}, "/#/runs/abc"),
        ({"podium_failed_run": "abc"}, "/#/runs/abc"),
        ({"return_value": VERSION}, "/#/models/my%20iris-classifier/versions/3"),
        ({"return_value": [VERSION]}, ""),
        ({}, ""),
    ],
    ids=["run", "failed run", "version", "list of versions", "nothing"],
)
def test_a_task_links_to_what_it_wrote(link, stored, page):
    url = SERVER + page if page else ""
    assert link(stored) == link(stored, server=f"{SERVER}/") == url
    assert link(stored, partial_kwargs={"op_kwargs": {"pipeline": "my iris"}}) == url


def test_no_server_or_a_task_of_another_kind_gives_no_link(link):
    assert link({"return_value": RUN}, server="sqlite:///mlflow.db") == ""
    assert link({"return_value": RUN}, op_kwargs={"dataset": "iris"}) == ""
    assert link({"return_value": RUN}, partial_kwargs={}) == ""
