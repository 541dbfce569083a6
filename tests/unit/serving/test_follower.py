"""The inference server follows Production: swaps, versions that cannot be served, an unreachable registry, the copy."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import time

import mlflow
import pytest
from sklearn.base import BaseEstimator

from podium.promotion import records
from podium.registry.client import Registry
from tests.support.served import BODY, COLUMNS, GRID, PATIENCE, Client, Served

GNB, LDA, FOREST = 1, 2, 3


@pytest.fixture
def trained(lab):
    """Two versions, the first in Production."""
    for name, estimator in (("gnb", "GaussianNB"), ("lda", "LinearDiscriminantAnalysis")):
        lab.write(f"{name}.yaml", f"estimator: {estimator}\n")
        lab.train_all()
    lab.models.set_production(1)
    return lab


@pytest.fixture
def expected(hall):
    import pandas as pd

    rows = pd.DataFrame(GRID, columns=COLUMNS)
    found = {number: list(hall.models.load(number).served.predict(rows)) for number in (GNB, LDA, FOREST)}
    assert found[GNB] != found[LDA] != found[FOREST] != found[GNB]
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_during_a_swap_and_no_connection_sees_the_old_version_again(hall, expected, workers):
    hall.models.set_production(GNB)
    with Served(hall.project, "hall", "--workers", str(workers)) as server:
        server.line(f"serving version {GNB} (gnb)")
        clients = [Client(server.url, BODY) for _ in range(4)]
        for number in (LDA, FOREST, GNB):
            seen = len(server.lines)
            hall.models.set_production(number)
            started = time.monotonic()
            server.line(f"serving version {number} ", after=seen)
            assert time.monotonic() - started < 30  # usually under one; the bound allows for a loaded machine
            assert server.predict(BODY).headers["x-podium-model-version"] == str(number)
        answers = [client.finish() for client in clients]
    assert [client.error for client in clients] == [None] * 4
    for found in answers:
        assert {status for status, *_ in found} == {200}
        assert [version for version, _ in itertools.groupby(version for _, version, _ in found)] == [
            GNB, LDA, FOREST, GNB,
        ]  # fmt: skip
        assert all(body["predictions"] == expected[version] for _, version, body in found)


def test_a_reload_serves_a_newly_promoted_version(trained):
    with Served(trained.project, trained.pipeline) as server:
        server.line("serving version 1 (gnb)")
        trained.models.set_production(2)
        assert server.client.post("/reload").status_code == 202
        server.line("serving version 2 (lda), replacing version 1")
        assert server.model["version"] == 2
        assert "version 2 (lda)" in server.client.get("/openapi.json").text


@pytest.mark.slow
def test_a_stage_that_was_moved_by_hand_is_followed(trained):
    models = trained.models
    record = records.open_record(models, "promoted", "the first", None, 1, {})
    records.close_record(models, models.client.get_run(record))
    with Served(trained.project, trained.pipeline) as server:
        server.line("serving version 1 (gnb)")
        models.client.transition_model_version_stage(models.model, "2", "Production")
        server.line("serving version 2 (lda), replacing version 1")
        assert server.shown(lambda shown: shown["production"] == 2)["version"] == 2


class Trap(BaseEstimator):
    """A classifier whose pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def predict(self, rows):
        return rows

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def broken(lab, tmp_path, how):
    """Register a version that must not be served, and return the reason."""
    if how == "pickle":
        mlflow.sklearn.save_model(Trap(tmp_path / "loaded"), tmp_path / "bad", serialization_format="cloudpickle")
        (tmp_path / "loaded").unlink(missing_ok=True)  # MLflow loads the model that it saves
        reason = "refused: not a scikit-learn model saved with skops"
    else:
        source = lab.models.client.get_model_version_download_uri(lab.models.model, "1")
        shutil.copytree(source.removeprefix("file://"), tmp_path / "bad")
        if how == "cut short":
            (tmp_path / "bad" / "model.skops").write_bytes(b"PK")
            reason = "BadZipFile"
        elif how == "wrong input example":
            example = {"dataframe_split": {"columns": ["a"], "data": [[1]]}}
            (tmp_path / "bad" / "serving_input_example.json").write_text(json.dumps(example))
            reason = "the input example failed: missing columns"
        else:
            (tmp_path / "bad" / "MLmodel").unlink()
            reason = "MLmodel"
    run = lab.models.client.create_run(lab.models.experiment_id()).info.run_id
    lab.models.create_version(source=str(tmp_path / "bad"), run_id=run)
    return reason


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "how",
    [
        "pickle",
        pytest.param("cut short", marks=SLOW),
        "wrong input example",
        pytest.param("no MLmodel", marks=SLOW),
    ],
)
def test_the_served_version_stays_if_the_new_one_cannot_be_served(trained, tmp_path, how):
    reason = broken(trained, tmp_path, how)
    with Served(trained.project, trained.pipeline) as server:
        server.line("serving version 1 (gnb)")
        trained.models.set_production(3)
        line = server.line("version 3 cannot be served: ")
        assert reason in line
        assert line.endswith("; still serving version 1 (gnb)")
        found = server.shown(lambda model: model["failed"])
        assert (found["version"], found["production"], found["failed"]["version"]) == (1, 3, 3)
        assert reason in found["failed"]["reason"]
        assert "podium_load_failures_total 1.0" in server.client.get("/metrics").text
        assert server.predict(BODY).headers["x-podium-model-version"] == "1"
        assert not (tmp_path / "loaded").exists()
        trained.models.set_production(2)
        server.line("serving version 2 (lda), replacing version 1")
        assert server.shown(lambda model: model["failed"] is None)["version"] == 2


def test_it_starts_without_a_version_in_production_and_serves_the_first_one(trained):
    models = Registry(f"{trained.pipeline}-later")
    with Served(trained.project, models.pipeline) as server:
        server.line("is in Production; requests get 503")
        refused = server.predict(BODY)
        assert (refused.status_code, refused.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert refused.json()["message"] == f"no version of {models.model} is in Production yet"
        assert [server.client.get(path).status_code for path in ("/ping", "/health")] == [503, 503]
        assert (server.model["version"], server.model["production"]) == (None, None)
        one = trained.models.client.get_model_version(trained.models.model, "1")
        models.create_version(source=one.source, run_id=one.run_id, model_id=one.model_id)
        models.set_production(1)
        server.line("serving version 1")
        assert server.predict(BODY).status_code == 200


@contextlib.contextmanager
def mlflow_server(folder, port=None):
    """A real MLflow server; its port is free again afterwards."""
    import socket

    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    env = {
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "podium.stack.launch", "mlflow", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    uri = f"http://127.0.0.1:{port}"
    try:
        import httpx

        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{uri}/health").status_code == 200:
                    break
            time.sleep(0.05)
        yield uri
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_it_serves_without_the_registry_reconnects_and_starts_from_the_local_copy(trained, tmp_path, monkeypatch):
    folder = tmp_path / "server"
    folder.mkdir()
    with mlflow_server(folder) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        lab = type(trained)(trained.project, f"{trained.pipeline}-away")
        for name, estimator in (("gnb", "GaussianNB"), ("lda", "LinearDiscriminantAnalysis")):
            lab.write(f"{name}.yaml", f"estimator: {estimator}\n")
            lab.train_all()
        model = lab.models.model
        lab.models.set_production(1)
        server = Served(lab.project, lab.pipeline, MLFLOW_TRACKING_URI=uri)
        server.line("serving version 1 (gnb)")
        assert server.shown(lambda shown: shown["mlflow"] == f"{uri}/#/models/{model}/versions/1")
    with server:
        assert "still serving version 1 (gnb)" in server.line("the registry does not respond")
        assert server.predict(BODY).status_code == 200
        assert server.shown(lambda model: not model["registry"]["reachable"])
        assert "podium_registry_reachable 0.0" in server.client.get("/metrics").text
        with mlflow_server(folder, int(uri.rpartition(":")[2])):
            server.line("the registry responds again at")
            Registry(lab.pipeline, uri).set_production(2)
            server.line("serving version 2 (lda), replacing version 1")
        server.stop()
    with Served(lab.project, lab.pipeline, MLFLOW_TRACKING_URI=uri) as again:
        again.line("serving version 2 (lda) from the local copy")
        assert (again.model["version"], again.model["is_copy"]) == (2, True)
        assert again.predict(BODY).status_code == 200
    (copy,) = (lab.project.home / "serve" / model).glob("*/model.skops")
    copy.write_bytes(b"PK")
    with Served(lab.project, lab.pipeline, MLFLOW_TRACKING_URI=uri) as last:
        last.line("the local copy cannot be served: ")
        assert last.predict(BODY).status_code == 503
