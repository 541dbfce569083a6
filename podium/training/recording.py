"""Record a training in MLflow exactly once, completely, and with its provenance."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from podium.data import splits
from podium.errors import PodiumError, Problem, one_line
from podium.registry import artifacts, data_records, tag_names
from podium.registry.schema_rows import schema_rows
from podium.registry.versions import Version
from podium.training.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow.entities import DatasetInput, LoggedModel, RunInfo

    from podium.configs.config import ClassifierConfig
    from podium.data.datasets import Dataset
    from podium.registry.client import Registry
    from podium.training.fit import Training
    from podium.training.job import Job
from podium.registry.model_files import save_model
from podium.registry.provenance import store_failed_run, task_tags

# MLflow stores up to 36 characters of a data set's digest: 12 each for the rows and the split, then the part's name.
DATASET_DIGEST_LENGTH = 12
# A config must not set tags of Podium and MLflow, for example the one that marks a model as validated.
RESERVED_TAGS = ("podium.", "mlflow.")
# Takes half of the time; the file is a fifth larger.
FAST_PNG = {"compress_level": 1}
# Lack of memory or disk space is not the config's fault: such trainings are retried.
NOT_OWN_FAULT = (MemoryError, OSError)


@dataclass(frozen=True)
class Attempt:
    """One try to train one candidate.

    Parameters
    ----------
    models : Registry
        The pipeline's.
    job : Job
        The pipeline, its rows and their split.
    entry : Entry
        The candidate.
    """

    models: Registry
    job: Job
    entry: Entry

    @classmethod
    def from_entry(cls, models: Registry, job: Job, entry: Mapping[str, Any]) -> Attempt:
        """Parse the argument of a mapped task; :meth:`podium.training.plan.Item.entry` makes it."""
        return cls(models, job, Entry.from_dict(entry))

    @property
    def config(self) -> ClassifierConfig:
        """The config to train."""
        return self.entry.config

    @property
    def tags(self) -> dict[str, str]:
        """Tags that give the provenance of the run and the version."""
        return {
            **{name: value for name, value in self.config.tags.items() if not name.startswith(RESERVED_TAGS)},
            tag_names.IDENTITY: self.entry.identity,
            tag_names.CONFIG: self.config.name,
            tag_names.ESTIMATOR: self.config.estimator,
            tag_names.CONFIG_DIGEST: self.config.digest,
            **self.job.tags,
            tag_names.COMMIT: self.entry.commit,
            **task_tags(),
        }

    def finished_before(self) -> dict[str, Any] | None:
        """Finish or close what an earlier try of the same training left behind.

        The version is registered last, so an existing version is complete and only its run may still be open. A run
        without a version is closed as killed.

        Returns
        -------
        dict or None
            The task's result if the version exists.
        """
        found = self.models.trained(self.entry.identity)
        if found:
            self.models.client.set_terminated(found.run_id, "FINISHED")
        if task_tags().get(tag_names.TRY) != "1":
            self.models.close_unfinished(
                f"tags.`{tag_names.IDENTITY}` = '{self.entry.identity}'", "its process was killed"
            )
        return _report(found) if found else None

    @contextlib.contextmanager
    def run(self) -> Iterator[Record]:
        """Start an MLflow run named after the config; it ends FINISHED, or FAILED if the block raises."""
        tags = self.tags
        tags |= {
            "mlflow.source.type": "JOB",
            "mlflow.source.name": self.config.path,
            "mlflow.source.git.commit": self.entry.commit,
            "mlflow.note.content": tag_names.note(self.config.description, tags),
        }
        client = self.models.client
        record = Record(self, client.create_run(self.entry.experiment, tags=tags, run_name=self.config.name).info)
        try:
            yield record
        except BaseException as error:
            client.set_terminated(record.run_id, "FAILED")
            if isinstance(error, Exception):  # not KeyboardInterrupt or SystemExit
                store_failed_run(record.run_id)
            raise
        client.set_terminated(record.run_id)


@dataclass(frozen=True)
class Record:
    """An open MLflow run of an attempt.

    It uses MLflow's client: ``mlflow.start_run`` and ``mlflow.sklearn.log_model`` request their own run six times, and
    load the model again to predict the input example.
    """

    attempt: Attempt
    info: RunInfo

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return str(self.info.run_id)

    @contextlib.contextmanager
    def own_fault(self) -> Iterator[None]:
        """Record errors raised inside as the config's own fault, so that it is not retrained unchanged.

        Raises
        ------
        PodiumError
            In place of the original error.
        """
        try:
            yield
        except NOT_OWN_FAULT:
            raise
        except Exception as error:
            config = self.attempt.config
            sentence = f"{config.estimator}: {type(error).__name__}: {one_line(error)}"
            message = str(Problem(config.path, 1, 1, sentence))
            client = self.attempt.models.client
            client.set_tag(self.run_id, tag_names.ERROR, message)
            client.set_tag(self.run_id, tag_names.OWN_FAULT, "true")
            raise PodiumError(message) from error

    def register(self, training: Training, dataset: Dataset) -> dict[str, Any]:
        """Log a finished training, then register its version.

        Returns
        -------
        dict
            The task's result: ``name``, ``version``, ``run_id`` and ``metrics``.
        """
        self._log_inputs(dataset)
        self._log_files(training, dataset)
        model = self._log_model(training, dataset)
        self._log_numbers(training, model, dataset)
        return self._register(training, model)

    def _log_inputs(self, dataset: Dataset) -> None:
        from mlflow.exceptions import MlflowException

        with self.own_fault():
            inputs = _inputs(dataset, self.attempt.job)
        try:
            self.attempt.models.client.log_inputs(self.run_id, inputs)
        except MlflowException:  # another process has just logged this data set for the first time
            self.attempt.models.client.log_inputs(self.run_id, inputs)

    def _params(self) -> dict[str, str]:
        config = self.attempt.config
        params = {f"params.{name}": str(value) for name, value in config.params.items()}
        params["estimator"] = config.estimator
        if config.preprocess:
            params["preprocess"] = json.dumps(config.as_dict()["preprocess"])
        return params

    def _log_files(self, training: Training, dataset: Dataset) -> None:
        from podium.training.fit import confusion_matrix_figure

        config = self.attempt.config
        with self.attempt.models.artifact_folder(self.info.artifact_uri) as target:
            title = f"{config.name} on held-out rows"
            with self.own_fault():
                figure = confusion_matrix_figure(training.model, dataset.x_test, dataset.y_test, title)
                figure.savefig(target / "confusion_matrix.png", dpi=100, pil_kwargs=FAST_PNG)
            (target / "config").mkdir()
            (target / "config" / Path(config.path).name).write_text(self.attempt.entry.source, encoding="utf-8")
            (target / artifacts.CONFIG).write_text(yaml.safe_dump(config.as_dict(), sort_keys=False), encoding="utf-8")
            (target / artifacts.FOLDS).write_text(json.dumps(training.fold_scores, indent=1), encoding="utf-8")
            if training.warnings:
                (target / artifacts.WARNINGS).write_text(_warnings(training, indent=1), encoding="utf-8")

    def _log_model(self, training: Training, dataset: Dataset) -> LoggedModel:
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        client = self.attempt.models.client
        logged = client.create_logged_model(self.info.experiment_id, "model", self.run_id, params=self._params())
        location, model_id = logged.artifact_location, logged.model_id
        about = Model(artifact_path=location, run_id=self.run_id, model_uuid=model_id, model_id=model_id)
        with self.attempt.models.artifact_folder(location) as folder, self.own_fault():
            save_model(training.model, dataset, folder, about)
        client.log_outputs(self.run_id, [LoggedModelOutput(model_id, step=0)])
        client.finalize_logged_model(model_id, "READY")
        return logged

    def _log_numbers(self, training: Training, model: LoggedModel, dataset: Dataset) -> None:
        """Log the run's params and warnings, facts about its data, and the scores of run and model, in one request."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        facts = {**data_records.facts(dataset.report), tag_names.WARNINGS: _warnings(training)}
        self.attempt.models.client.log_batch(
            self.run_id,
            metrics=[Metric(k, v, now, 0, model.model_id, run_id=self.run_id) for k, v in training.scores.items()],
            params=[Param(name, value) for name, value in self._params().items()],
            tags=[RunTag(name, value) for name, value in facts.items()],
        )

    def _register(self, training: Training, logged: LoggedModel) -> dict[str, Any]:
        models, config = self.attempt.models, self.attempt.config
        scores = training.scores
        held_out = {
            n.removeprefix("test_"): v for n, v in scores.items() if n.startswith("test_") or n == "fit_seconds"
        }
        created = models.create_version(
            source=logged.model_uri,
            run_id=self.run_id,
            model_id=logged.model_id,
            description=f"{config.name}: {config.description or config.estimator}",
            tags={
                **self.attempt.tags,
                tag_names.SCORES: json.dumps(held_out),
                tag_names.SCORED_ON: self.attempt.job.held_out_digest(),
                tag_names.WARNINGS: _warnings(training),
            },
        )
        return _report(Version(int(created.version), self.run_id, "None", created.tags))


def _warnings(training: Training, indent: int | None = None) -> str:
    """Return the warnings of a training as JSON."""
    return json.dumps([one.as_dict() for one in training.warnings], ensure_ascii=False, indent=indent)


def _report(version: Version) -> dict[str, Any]:
    metrics: Mapping[str, float] = version.metrics
    return {"name": version.config, "version": version.number, "run_id": version.run_id, "metrics": dict(metrics)}


def _inputs(dataset: Dataset, job: Job) -> list[DatasetInput]:
    """Return both parts of a data set as MLflow inputs."""
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.entities import Dataset as Rows
    from mlflow.entities import DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    source = dataset.source if job.dataset.path else CodeDatasetSource({"function": dataset.source})
    digests = (dataset.digest, splits.split_digest(job.split))
    # MLflow treats inputs with the same name and digest as one, and keeps the first.
    digest = "-".join(part[:DATASET_DIGEST_LENGTH] for part in digests)
    inputs = []
    for rows, labels, context in (
        (dataset.x_train, dataset.y_train, "training"),
        (dataset.x_test, dataset.y_test, "testing"),
    ):
        few = schema_rows(rows)
        with warnings.catch_warnings():
            # MLflow warns that a file's address fits two dataset source classes, which are equivalent.
            warnings.simplefilter("ignore", UserWarning)
            logged = mlflow.data.from_pandas(
                few.assign(**{dataset.target: labels.loc[few.index]}),
                source=source,
                targets=dataset.target,
                name=dataset.name,
                digest=f"{digest}-{context}",
            )
        profile = {"num_rows": len(rows), "num_elements": len(rows) * (rows.shape[1] + 1)}
        about = logged.to_dict() | {"profile": json.dumps(profile)}
        inputs.append(DatasetInput(Rows(**about), [InputTag(MLFLOW_DATASET_CONTEXT, context)]))
    return inputs
