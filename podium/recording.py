"""Write a training into MLflow so that it is there once, whole, and says where it came from."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from podium import estimators, identity, registry
from podium.problems import PodiumError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow.models.model import ModelInfo

    from podium.configs import ClassifierConfig
    from podium.data import Dataset
    from podium.plan import Job
    from podium.training import Training

INPUT_EXAMPLE_ROWS = 3
# MLflow's column for a data set's digest holds 36 characters: for the rows, for how they are split, for which part.
DATASET_DIGEST_LENGTH = 12
# A config's own tags may not say what Podium and MLflow say, such as that its model was validated.
RESERVED_TAGS = ("podium.", "mlflow.")
# A config that lacks memory or a disk is not to blame for it: these are tried again.
NOT_OWN_FAULT = (MemoryError, OSError)


@functools.cache
def git_commit(root: Path) -> str:
    """Return the commit that a checkout is at, or an empty string outside git."""
    try:
        found = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()


def task_tags() -> dict[str, str]:
    """Return the tags that say which Airflow task writes; empty outside a task."""
    from airflow.sdk import get_current_context

    try:
        instance: Any = get_current_context()["ti"]
    except RuntimeError:
        return {}
    return {
        registry.DAG_ID: instance.dag_id,
        registry.DAG_RUN: instance.run_id,
        registry.TRY: str(instance.try_number),
    }


@functools.cache
def pip_requirements() -> list[str]:
    """Return what a saved model needs, pinned to what is installed: MLflow would start a process to find out."""
    packages = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
    return [f"{name}=={importlib.metadata.version(name)}" for name in packages]


def model_arguments(model: Any, dataset: Dataset) -> dict[str, Any]:
    """Return how a model is written: as skops, never as pickle, with signature, input example and requirements."""
    import mlflow

    example = dataset.x_train.head(INPUT_EXAMPLE_ROWS)
    return {
        "serialization_format": "skops",
        "skops_trusted_types": estimators.trusted_types(),
        "signature": mlflow.models.infer_signature(dataset.x_train, model.predict(example)),
        "input_example": example,
        "pip_requirements": pip_requirements(),
    }


def save_model(model: Any, dataset: Dataset, folder: Path) -> None:
    """Write a model to a folder as it would be logged."""
    import mlflow.sklearn

    registry.import_skops()
    mlflow.sklearn.save_model(model, str(folder), **model_arguments(model, dataset))


@dataclass(frozen=True)
class Attempt:
    """One try at training one candidate.

    Parameters
    ----------
    job : Job
        The pipeline, its rows and their split.
    config : ClassifierConfig
        The candidate.
    identity : str
        What its training is known by.
    source : str
        Text of the config's file.
    """

    job: Job
    config: ClassifierConfig
    identity: str
    source: str

    @functools.cached_property
    def models(self) -> registry.Registry:
        """The pipeline's registry."""
        return registry.Registry(self.job.pipeline)

    @property
    def tags(self) -> dict[str, str]:
        """What the run and the version say of where they came from."""
        return {
            **{name: text for name, text in self.config.tags.items() if not name.startswith(RESERVED_TAGS)},
            registry.IDENTITY: self.identity,
            registry.CONFIG: self.config.name,
            registry.ESTIMATOR: self.config.estimator,
            registry.CONFIG_DIGEST: self.config.digest,
            registry.DATA: self.job.dataset.name,
            registry.DATA_DIGEST: self.job.dataset.digest(),
            registry.SPLIT_DIGEST: identity.split_digest(self.job.split),
            registry.COMMIT: git_commit(self.job.project.root),
            **task_tags(),
        }

    def finished_before(self) -> dict[str, Any] | None:
        """Finish or undo what an earlier try of the same training left behind.

        A version is registered when all else has been written, so one that is there is whole and only its run may be
        open; a run without a version is closed as killed.

        Returns
        -------
        dict or None
            What the task returns, if there is a version.
        """
        found = self.models.versions(identity=self.identity)
        if found:
            self.models.client.set_terminated(found[0].run_id, "FINISHED")
        self.models.close_unfinished(f"tags.`{registry.IDENTITY}` = '{self.identity}'", "its process was killed")
        return _report(found[0]) if found else None

    @contextlib.contextmanager
    def run(self) -> Iterator[Record]:
        """Open an MLflow run named after the config; it ends FINISHED, or FAILED when the block raises."""
        import mlflow

        tags = {
            **self.tags,
            "mlflow.source.type": "JOB",
            "mlflow.source.name": self.config.path,
            "mlflow.note.content": self.config.description,
        }
        experiment = self.models.experiment_id()
        created = self.models.client.create_run(experiment, tags=tags, run_name=self.config.name)
        with mlflow.start_run(run_id=created.info.run_id):
            yield Record(self, created.info.run_id)


@dataclass(frozen=True)
class Record:
    """An open MLflow run of an attempt."""

    attempt: Attempt
    run_id: str

    @contextlib.contextmanager
    def own_fault(self) -> Iterator[None]:
        """Note that what is raised inside is the config's own fault, so that it is not tried again unchanged.

        Raises
        ------
        PodiumError
            In place of what was raised.
        """
        try:
            yield
        except NOT_OWN_FAULT:
            raise
        except Exception as error:
            config = self.attempt.config
            text = " ".join(str(error).split())
            message = str(Problem(config.path, 1, 1, f"{config.estimator}: {type(error).__name__}: {text}"))
            client = self.attempt.models.client
            client.set_tag(self.run_id, registry.ERROR, message)
            client.set_tag(self.run_id, registry.OWN_FAULT, "true")
            raise PodiumError(message) from error

    def register(self, training: Training, dataset: Dataset) -> dict[str, Any]:
        """Log everything about a finished training, then register its version.

        Returns
        -------
        dict
            What the task returns: ``name``, ``version``, ``run_id`` and ``metrics``.
        """
        self._log_inputs(dataset)
        self._log_params()
        self._log_files(training, dataset)
        logged = self._log_model(training, dataset)
        self._log_metrics(training, logged)
        return self._register(training, logged)

    def _log_inputs(self, dataset: Dataset) -> None:
        import mlflow
        from mlflow.data.code_dataset_source import CodeDatasetSource

        source = dataset.source if self.attempt.job.dataset.path else CodeDatasetSource({"function": dataset.source})
        digests = (dataset.digest, identity.split_digest(self.attempt.job.split))
        # MLflow takes inputs of one name and digest for the same one, and keeps the first.
        digest = "-".join(part[:DATASET_DIGEST_LENGTH] for part in digests)
        inputs = []
        for rows, labels, context in (
            (dataset.x_train, dataset.y_train, "training"),
            (dataset.x_test, dataset.y_test, "testing"),
        ):
            with warnings.catch_warnings():
                # MLflow wonders which of two equal classes a file's address belongs to.
                warnings.simplefilter("ignore", UserWarning)
                logged = mlflow.data.from_pandas(
                    rows.assign(**{dataset.target: labels}),
                    source=source,
                    targets=dataset.target,
                    name=dataset.name,
                    digest=f"{digest}-{context}",
                )
            inputs.append(logged)
        mlflow.log_inputs(inputs, contexts=["training", "testing"], tags_list=[None, None])

    def _log_params(self) -> None:
        import mlflow

        config = self.attempt.config
        params: dict[str, Any] = {f"params.{name}": value for name, value in config.params.items()}
        params["estimator"] = config.estimator
        if config.preprocess:
            params["preprocess"] = json.dumps(config.as_dict()["preprocess"])
        mlflow.log_params(params)

    def _log_files(self, training: Training, dataset: Dataset) -> None:
        import mlflow

        from podium.training import confusion_matrix_figure

        config = self.attempt.config
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder)
            title = f"{config.name} on held-out rows"
            figure = confusion_matrix_figure(training.model, dataset.x_test, dataset.y_test, title)
            figure.savefig(target / "confusion_matrix.png", dpi=100)
            (target / "config").mkdir()
            (target / "config" / Path(config.path).name).write_text(self.attempt.source, encoding="utf-8")
            (target / "candidate.yaml").write_text(yaml.safe_dump(config.as_dict(), sort_keys=False), encoding="utf-8")
            (target / "folds.json").write_text(json.dumps(training.fold_scores, indent=1), encoding="utf-8")
            mlflow.log_artifacts(folder)

    def _log_model(self, training: Training, dataset: Dataset) -> ModelInfo:
        import mlflow.sklearn

        registry.import_skops()
        return mlflow.sklearn.log_model(training.model, name="model", **model_arguments(training.model, dataset))

    def _log_metrics(self, training: Training, logged: ModelInfo) -> None:
        """Log the scores of run and model. Those of a run that are there before its model cost a request each."""
        import mlflow

        mlflow.log_metrics(training.scores, model_id=logged.model_id)

    def _register(self, training: Training, logged: ModelInfo) -> dict[str, Any]:
        models, config = self.attempt.models, self.attempt.config
        held_out = {n.removeprefix("test_"): v for n, v in training.scores.items() if n.startswith("test_")}
        created = models.create_version(
            source=logged.model_uri,
            run_id=self.run_id,
            model_id=logged.model_id,
            description=f"{config.name}: {config.description or config.estimator}",
            tags={
                **self.attempt.tags,
                registry.SCORES: json.dumps(held_out),
                registry.SCORED_ON: self.attempt.job.held_out_digest(),
            },
        )
        return _report(registry.Version(int(created.version), self.run_id, "None", created.tags))


def _report(version: registry.Version) -> dict[str, Any]:
    metrics: Mapping[str, float] = version.metrics
    return {"name": version.config, "version": version.number, "run_id": version.run_id, "metrics": dict(metrics)}
