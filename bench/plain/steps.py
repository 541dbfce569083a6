"""The three steps as one writes them from MLflow's and scikit-learn's docs."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "config"
MODEL = "plain-classifier"
# What MLflow's default format, skops, must be told to trust in trees and ensembles.
TRUSTED = [
    "sklearn.tree._tree.Tree",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
]


def detect() -> list[str]:
    """List the configs, and create the experiment: MLflow fails where several tasks do so at once."""
    import mlflow

    mlflow.set_experiment("plain")
    return sorted(map(str, FOLDER.glob("*.yaml")))


def train(path: str) -> int:
    """Cross-validate, fit, log and register one config; return the version."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import mlflow
    import yaml
    from mlflow.models import infer_signature
    from sklearn.datasets import load_iris
    from sklearn.metrics import (
        ConfusionMatrixDisplay,
        accuracy_score,
        balanced_accuracy_score,
        f1_score,
        log_loss,
        roc_auc_score,
    )
    from sklearn.model_selection import StratifiedKFold, cross_validate, train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.utils import all_estimators

    config = yaml.safe_load(Path(path).read_text())
    x, y = load_iris(as_frame=True, return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    mlflow.set_experiment("plain")
    with mlflow.start_run(run_name=Path(path).stem):
        mlflow.log_params({"estimator": config["estimator"], **config["params"]})
        mlflow.set_tags({"config": Path(path).name, "data": "iris"})
        training = x_train.assign(target=y_train)
        mlflow.log_input(mlflow.data.from_pandas(training, name="iris", targets="target"), context="training")
        held_out = x_test.assign(target=y_test)
        mlflow.log_input(mlflow.data.from_pandas(held_out, name="iris", targets="target"), context="testing")
        kinds = dict(all_estimators(type_filter="classifier"))
        model = make_pipeline(kinds[config["estimator"]](**config["params"]))
        scoring = ["accuracy", "balanced_accuracy", "f1_macro"]
        if hasattr(model, "predict_proba"):
            scoring += ["neg_log_loss", "roc_auc_ovr"]
        folds = cross_validate(
            model, x_train, y_train, cv=StratifiedKFold(5, shuffle=True, random_state=0), scoring=scoring
        )
        for name in scoring:
            mlflow.log_metric(f"cv_{name}", folds[f"test_{name}"].mean())
            mlflow.log_metric(f"cv_{name}_std", folds[f"test_{name}"].std())
        model.fit(x_train, y_train)
        predicted = model.predict(x_test)
        mlflow.log_metric("test_accuracy", accuracy_score(y_test, predicted))
        mlflow.log_metric("test_balanced_accuracy", balanced_accuracy_score(y_test, predicted))
        mlflow.log_metric("test_f1_macro", f1_score(y_test, predicted, average="macro"))
        if hasattr(model, "predict_proba"):
            probabilities = model.predict_proba(x_test)
            mlflow.log_metric("test_log_loss", log_loss(y_test, probabilities))
            mlflow.log_metric("test_roc_auc", roc_auc_score(y_test, probabilities, multi_class="ovr"))
        mlflow.log_artifact(path, "config")
        ConfusionMatrixDisplay.from_predictions(y_test, predicted)
        mlflow.log_figure(plt.gcf(), "confusion_matrix.png")
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(x_train, predicted),
            input_example=x_train.head(3),
            skops_trusted_types=TRUSTED,
            registered_model_name=MODEL,
        )
    return int(info.registered_model_version)


def promote(versions: list[int]) -> str:
    """Put the version with the best held-out accuracy into Production."""
    from mlflow import MlflowClient

    client = MlflowClient()
    scores = {}
    for version in versions:
        run = client.get_run(client.get_model_version(MODEL, str(version)).run_id)
        scores[version] = run.data.metrics["test_accuracy"]
    best = str(max(scores, key=scores.__getitem__))
    client.transition_model_version_stage(MODEL, best, "Production", archive_existing_versions=True)
    client.set_registered_model_alias(MODEL, "production", best)
    return best
