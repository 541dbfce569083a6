"""Model files: saved with skops and pinned requirements, and refused if they could run code."""

import importlib.metadata
import json
from pathlib import Path

import mlflow
import pytest
import yaml
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skrub import StringEncoder

from podium.errors import PodiumError
from podium.estimators.boosting import BoostingClassifier
from podium.promotion import validation
from podium.registry import model_files

KNN = """estimator: KNeighborsClassifier
preprocess: [StandardScaler, {PCA: {n_components: 2}}]
"""


class Trap(ClassifierMixin, BaseEstimator):
    """A classifier whose pickle writes a file when it is opened."""

    def __init__(self, path=None):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_the_model_is_skops_with_signature_and_example_and_no_pickle(lab, tmp_path):
    lab.write("knn.yaml", KNN)
    lab.train_all()
    folder = Path(
        mlflow.artifacts.download_artifacts(f"models:/{lab.models.model}/1", dst_path=str(tmp_path / "model"))
    )
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert "model.skops" in names
    assert not {name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))}
    described = yaml.safe_load((folder / "MLmodel").read_text())
    assert len(json.loads(described["signature"]["inputs"])) == 4
    assert json.loads(described["signature"]["outputs"])[0]["type"] in {"string", "tensor"}
    assert "input_example.json" in names
    model = lab.models.load(1).model
    assert [type(step).__name__ for step in model] == ["SimpleImputer", "StandardScaler", "PCA", "KNeighborsClassifier"]


def test_requirements_are_pinned_and_are_those_of_the_parts():
    lines = model_files.pip_requirements(make_pipeline(StandardScaler(), GaussianNB()))
    assert all("==" in line for line in lines)
    assert {line.split("==")[0] for line in lines} == set(model_files.PACKAGES)
    texts = make_pipeline(ColumnTransformer([("texts", make_pipeline(StringEncoder()), ["a"])]), GaussianNB())
    assert f"skrub=={importlib.metadata.version('skrub')}" in model_files.pip_requirements(texts)
    boosters = BoostingClassifier(GaussianNB())
    assert f"podium-ml=={importlib.metadata.version('podium-ml')}" in model_files.pip_requirements(boosters)


def test_a_model_whose_file_could_run_code_is_not_opened_and_fails_validation(lab, tmp_path):
    opened = tmp_path / "opened"
    (tmp_path / "bad").mkdir()
    lab.write("knn.yaml", KNN)
    (report,) = lab.train_all()
    mlflow.sklearn.save_model(Trap(opened), tmp_path / "bad" / "model", serialization_format="cloudpickle")
    lab.models.client.log_artifacts(report["run_id"], tmp_path / "bad")
    source = f"runs:/{report['run_id']}/model"
    lab.models.create_version(source=source, run_id=report["run_id"], tags=dict(lab.models.version(1).tags))
    opened.unlink(missing_ok=True)  # MLflow opens what it saves
    with pytest.raises(PodiumError, match="refused: not a scikit-learn model saved with skops"):
        lab.models.load(2)
    outcomes = [validation.check(lab.models, version, lab.job) for version in lab.models.versions()]
    assert outcomes[0].failures == ()
    (failure,) = outcomes[1].failures
    assert failure.startswith("refused: not a scikit-learn model saved with skops")
    assert not opened.exists()


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_a_model_is_loaded_whether_or_not_mlflow_may_open_pickles(lab, allowed, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", allowed)
    lab.write("knn.yaml", KNN)
    lab.train_all()
    served = lab.models.load(1).served
    assert served.input_example is not None
    assert set(served.predict(served.input_example)) <= {"setosa", "versicolor", "virginica"}
    with pytest.raises(mlflow.exceptions.MlflowException, match="Incompatible input types"):
        served.predict(served.input_example.assign(**{served.input_example.columns[0]: "x"}))
