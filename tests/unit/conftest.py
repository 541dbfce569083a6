"""A project folder of a test's own, and one real MLflow for all of them."""

import os
import tempfile

import pytest

from tests.support.lab import HALL, Lab

# Airflow reads its settings when it is first imported.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="podium-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY"] = "False"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory):
    """A real MLflow on SQLite; making its tables takes seconds, so tests share it and differ in the pipeline's name."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder / "artifacts"))
        from mlflow import MlflowClient

        MlflowClient().search_experiments()
        yield


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project that the steps find."""
    from podium.project import find_project

    (tmp_path / "dag_specs").mkdir()
    monkeypatch.setenv("PODIUM_PROJECT", str(tmp_path))
    monkeypatch.delenv("PODIUM_HOME", raising=False)
    return find_project(tmp_path)


@pytest.fixture
def lab(mlflow_store, project, tmp_path):  # noqa: ARG001
    return Lab(project, tmp_path.name)


@pytest.fixture
def without_plots(monkeypatch):
    """Records without their plots, which are most of a decision's time, for tests that decide again and again."""
    monkeypatch.setattr("podium.promotion.report._figures", lambda *_: iter(()))


@pytest.fixture(scope="session")
def hall(mlflow_store, tmp_path_factory):  # noqa: ARG001
    """A pipeline with a few trained versions, none of them in Production, for tests that only read."""
    from podium.project import Project

    root = tmp_path_factory.mktemp("hall")
    (root / "dag_specs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_PROJECT", str(root))
        lab = Lab(Project(root, root / ".podium"), "hall")
        for name, text in HALL.items():
            lab.write(f"{name}.yaml", text)
            lab.train_all()
    return lab
