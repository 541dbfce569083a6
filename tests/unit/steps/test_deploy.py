"""The deploy step against real servers: their responses decide whether a new champion stays."""

import socket
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from podium.errors import UnreachableError
from podium.promotion import history
from podium.registry import tag_names
from tasks.deploy import deploy_model
from tests.support.served import Served

CONFIGS = {"first": "estimator: DecisionTreeClassifier\nparams: {max_depth: 1}\n", "second": "estimator: GaussianNB\n"}
FIRST, SECOND = 1, 2


@pytest.fixture
def reports(lab, without_plots):  # noqa: ARG001
    """Two versions, the worse one in Production."""
    for name, text in CONFIGS.items():
        lab.write(f"{name}.yaml", text)
    reports = lab.train_all()
    lab.promote(reports[:1], metric="log_loss")
    assert in_production(lab.models) == FIRST
    return reports


@pytest.fixture
def models(lab, reports):  # noqa: ARG001
    return lab.models


@pytest.fixture
def promote_second(lab, reports):
    def promote():
        assert lab.promote(reports, metric="log_loss")["version"] == SECOND

    return promote


def deploy(lab, *urls, timeout=15.0):
    return deploy_model(lab.pipeline, urls, timeout)


def nowhere():
    """Return a URL at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def in_production(models):
    return models.in_production().number


def test_every_server_serves_the_champion_when_the_step_ends(lab, models, promote_second):
    with Served(lab.project, lab.pipeline) as one, Served(lab.project, lab.pipeline, "--workers", "2") as other:
        promote_second()
        done = deploy(lab, one.url, other.url)
        assert done["version"] == SECOND
        assert done["seconds"].keys() == {one.url, other.url}
        assert [{worker["version"] for worker in server.model["workers"]} for server in (one, other)] == [{SECOND}] * 2
    assert tag_names.DEPLOYED in models.version(SECOND).tags


def test_a_version_that_fails_the_smoke_test_is_rolled_back(lab, models, promote_second, monkeypatch):
    monkeypatch.setattr(history, "_user", lambda: pytest.fail("the step must roll back by itself, not the user"))
    with Served(lab.project, lab.pipeline) as good, Served(lab.project, lab.pipeline, "--max-bytes", "20") as bad:
        # The first server passes the smoke test; the second refuses requests of that size.
        promote_second()
        with pytest.raises(AirflowFailException, match="version 1 is back in Production") as refused:
            deploy(lab, good.url, bad.url)
        assert f"{bad.url} answered the input example with 413" in str(refused.value)
        assert in_production(models) == FIRST
        assert deploy(lab, good.url)["version"] == FIRST
    last = history.entries(models)[0]
    assert (last.verdict, last.from_version, last.to_version, last.by) == ("rolled back", SECOND, FIRST, "podium")
    assert "not deployed" in last.reason


def test_a_version_that_cannot_be_loaded_is_rolled_back(lab, models, promote_second):
    with Served(lab.project, lab.pipeline) as server:
        promote_second()
        model = models.client.get_model_version(models.model, str(SECOND)).source
        location = models.client.get_logged_model(model.removeprefix("models:/")).artifact_location
        (Path(location.removeprefix("file://")) / "model.skops").write_bytes(b"not a model")
        with pytest.raises(AirflowFailException, match="version 1 is back in Production, and each server serves it"):
            deploy(lab, server.url)
        assert server.model["version"] == FIRST
    assert in_production(models) == FIRST


def test_a_version_that_was_deployed_before_stays_in_production(lab, models, promote_second):
    with Served(lab.project, lab.pipeline) as server:
        promote_second()
        deploy(lab, server.url)
    with (
        Served(lab.project, lab.pipeline, "--max-bytes", "20") as small,
        pytest.raises(AirflowFailException, match="was deployed before, so it stays"),
    ):
        deploy(lab, small.url)
    assert in_production(models) == SECOND


def test_production_stays_if_a_server_does_not_respond(lab, models):
    with pytest.raises(UnreachableError, match="does not respond"):
        deploy(lab, nowhere(), timeout=0.3)
    assert in_production(models) == FIRST


def test_without_a_server_or_a_champion_there_is_nothing_to_deploy(lab, models, monkeypatch, capsys):
    monkeypatch.delenv("PODIUM_SERVE_URL", raising=False)
    assert deploy(lab, "local")["version"] is None
    assert deploy_model("never_trained", [nowhere()])["version"] is None
    assert models.model
    assert "no server to deploy to" in capsys.readouterr().out


def test_local_is_the_server_of_the_local_stack(lab, models, monkeypatch):
    with Served(lab.project, lab.pipeline) as server:
        monkeypatch.setenv("PODIUM_SERVE_URL", server.url)
        assert deploy(lab, "local")["seconds"].keys() == {server.url}
    assert in_production(models) == FIRST
