"""A project folder of a test's own, and one real MLflow for all of them."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    return find_project()


@dataclass(frozen=True)
class Lab:
    """A pipeline of one test, and its steps called as Airflow calls them."""

    project: object
    pipeline: str
    dataset: object = "iris"
    split: object = None

    @property
    def folder(self):
        return self.project.config / self.pipeline

    @property
    def arguments(self):
        return {"pipeline": self.pipeline, "dataset": self.dataset, "split": self.split}

    @property
    def job(self):
        from podium.plan import Job

        return Job.from_spec(self.project, **self.arguments)

    @property
    def models(self):
        from podium.registry import Registry

        return Registry(self.pipeline)

    def write(self, name, text="estimator: GaussianNB\n"):
        path = Path(self.folder / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def detect(self, **options):
        from tasks.detect import detect_configs

        return detect_configs(**self.arguments, **options)

    def train(self, entry):
        from tasks.train import train_classifier

        return train_classifier(entry, **self.arguments)

    def train_all(self):
        return [self.train(entry) for entry in self.detect()]

    def promote(self, results=(), **options):
        from tasks.promote import promote_best

        return promote_best(**self.arguments, results=results, **options)

    def plan(self, **options):
        from podium.plan import plan

        return {item.name: (item.action, item.reason) for item in plan(self.job, **options)}


@pytest.fixture
def lab(mlflow_store, project, tmp_path):  # noqa: ARG001
    return Lab(project, tmp_path.name)


@pytest.fixture
def without_plots(monkeypatch):
    """Records without their plots, which are most of a decision's time, for tests that decide again and again."""
    monkeypatch.setattr("podium.report._figures", lambda *_: iter(()))


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


HALL = {
    "gnb": "estimator: GaussianNB\n",
    "lda": "estimator: LinearDiscriminantAnalysis\n",
    "forest": "estimator: RandomForestClassifier\nparams: {n_estimators: 20}\n",
}
