"""MLflow as Podium uses it: runs, model versions, the one in Production, and the record of why."""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.problems import PodiumError
from podium.trusted import TRUSTED_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

PRODUCTION = "Production"
PRODUCTION_ALIAS, PREVIOUS_ALIAS = "production", "previous"
PAGE = 1000
# Names the folder in which MLflow's server keeps what it has under this address, where that is on this machine.
LOCAL_ARTIFACTS, PROXIED_ARTIFACTS = "PODIUM_LOCAL_ARTIFACTS", "mlflow-artifacts:/"
# File of a training's run with its scores in each fold.
FOLDS = "folds.json"

# Without it MLflow's pages take an experiment for one of language models, and leave out what a run's note says.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}

# Tags of runs and versions.
IDENTITY = "podium.identity"
CONFIG = "podium.config"
ESTIMATOR = "podium.estimator"
CONFIG_DIGEST = "podium.config_digest"
DATA = "podium.data"
DATA_DIGEST = "podium.data_digest"
SPLIT_DIGEST = "podium.split_digest"
COMMIT = "podium.git_commit"
DAG_ID, DAG_RUN = "podium.dag_id", "podium.dag_run_id"
TRY = "podium.try_number"
AIRFLOW_TASK = "podium.airflow_task"
DEPLOYED = "podium.deployed"
ERROR = "podium.error"
OWN_FAULT = "podium.own_fault"
ROLLED_BACK = "podium.rolled_back"
VALIDATION, VALIDATION_REASON = "podium.validation", "podium.validation_reason"
# Scores on the held-out rows as JSON, and which rows these were.
SCORES, SCORED_ON = "podium.scores", "podium.scored_on"
# What a shadow has measured, as JSON, and the version in Production that it was beside.
SHADOW, SHADOW_AGAINST = "podium.shadow", "podium.shadow_against"
# Key of the XCom in which a training that fails leaves the id of its run; one that succeeds returns it.
FAILED_RUN = "podium_failed_run"

# Tags of decisions.
VERDICT, REASON, BY = "podium.verdict", "podium.reason", "podium.by"
# Why the version before must not win again, where a person has rolled back from it.
AGAINST = "podium.against"
FROM_VERSION, TO_VERSION = "podium.from_version", "podium.to_version"
# The version that a decision wanted in Production, also where it did not come to that.
PROPOSED = "podium.proposed_version"
APPROVAL, APPROVER = "podium.approval", "podium.approver"
MODE = "podium.mode"
SPEC_DIGEST = "podium.spec_digest"


def note(text: str, tags: Mapping[str, str]) -> str:
    """Return the description of a run as Markdown, with a link to the Airflow task that its tags name."""
    task = tags.get(AIRFLOW_TASK)
    return "\n\n".join(filter(None, (text, f"[The task in Airflow]({task})" if task else "")))


@dataclass(frozen=True)
class Version:
    """A model version as the registry holds it.

    Parameters
    ----------
    number : int
        Version number.
    run_id : str
        The MLflow run that made it.
    stage : str
        ``None``, ``Production`` or ``Archived``.
    tags : mapping of str to str
        Tags of the version.
    aliases : tuple of str
        Aliases that point at it.
    """

    number: int
    run_id: str
    stage: str
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: ModelVersion, aliases: tuple[str, ...] = ()) -> Version:
        """Return a model version of MLflow's; it does not know its aliases itself."""
        return cls(int(found.version), found.run_id, found.current_stage, found.tags, aliases)

    @property
    def config(self) -> str:
        """Name of the config that made it."""
        return self.tags.get(CONFIG, "")

    @property
    def metrics(self) -> dict[str, float]:
        """Scores on the held-out rows, by the names of :mod:`podium.metrics`, and what a shadow has measured."""
        return {**json.loads(self.tags.get(SCORES, "{}")), **self.shadow}

    @property
    def shadow(self) -> dict[str, float]:
        """What was measured while it was asked beside the version in Production; empty where it was not."""
        return dict(json.loads(self.tags.get(SHADOW, "{}")))

    @property
    def scored_on(self) -> str:
        """Which rows the scores are of."""
        return self.tags.get(SCORED_ON, "")

    @property
    def failure(self) -> str:
        """Why it may not be promoted: it was rolled back from, or failed validation; empty otherwise."""
        if reason := self.tags.get(ROLLED_BACK):
            return f"rolled back: {reason}"
        if self.tags.get(VALIDATION) != "failed":
            return ""
        return self.tags.get(VALIDATION_REASON, "failed validation")


class Registry:
    """One pipeline's experiment, registered model and decisions.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline; the registered model is ``<pipeline>-classifier``, the experiments are ``<pipeline>`` and
        ``<pipeline>-promotions``.
    client : mlflow.MlflowClient, optional
        Made from ``MLFLOW_TRACKING_URI`` when left out.
    """

    def __init__(self, pipeline: str, client: MlflowClient | None = None) -> None:
        if client is None:
            from mlflow import MlflowClient as Client

            client = Client()
        self.client = client
        self.pipeline = pipeline
        self.model = f"{pipeline}-classifier"

    def experiment_id(self, suffix: str = "") -> str:
        """Return the id of the experiment, made if it is not there yet."""
        from mlflow.exceptions import MlflowException

        name = self.pipeline + suffix
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            try:
                return str(self.client.create_experiment(name, tags=EXPERIMENT_TAGS))
            except MlflowException:  # another process was faster
                experiment = self.client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        return str(experiment.experiment_id)

    def create_version(self, **arguments: Any) -> ModelVersion:
        """Register a version, and before the first one the model."""
        from mlflow.exceptions import MlflowException

        create = functools.partial(self.client.create_model_version, self.model, await_creation_for=0, **arguments)
        try:
            return create()
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        with contextlib.suppress(MlflowException):  # another process was faster
            self.client.create_registered_model(self.model)
        return create()

    def versions(self, since: int = 1) -> list[Version]:
        """Return the versions from a number on, oldest first."""
        # search_model_versions leaves aliases out: they are kept with the model.
        aliases: dict[int, list[str]] = {}
        for alias, number in self._aliases().items():
            aliases.setdefault(number, []).append(alias)
        found = [
            Version.of(v, tuple(sorted(aliases.get(int(v.version), ()))))
            for v in self._pages(
                self.client.search_model_versions, f"name = '{self.model}' and version_number >= {since}"
            )
        ]
        return sorted(found, key=lambda version: version.number)

    def version(self, number: int) -> Version:
        """Return one version."""
        found = self.client.get_model_version(self.model, str(number))
        return Version.of(found, tuple(sorted(found.aliases)))

    def in_production(self) -> Version | None:
        """Return the version in Production, if there is one."""
        number = self._aliases().get(PRODUCTION_ALIAS)
        return None if number is None else self.version(number)

    def named(self, alias: str) -> Version | None:
        """Return the version that an alias points at, if there is one, with a single request; it knows no aliases."""
        from mlflow.exceptions import MlflowException

        try:
            return Version.of(self.client.get_model_version_by_alias(self.model, alias))
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise

    def trained(self, identity: str) -> Version | None:
        """Return the version of a training, its aliases left out."""
        query = f"name = '{self.model}' and tag.`{IDENTITY}` = '{identity}'"
        found = list(self._pages(self.client.search_model_versions, query))
        return Version.of(found[-1]) if found else None

    def _aliases(self) -> dict[str, int]:
        models = self.client.search_registered_models(f"name = '{self.model}'")
        return {alias: int(number) for model in models for alias, number in model.aliases.items()}

    @staticmethod
    def _pages(search: Any, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = search(filter_string=query, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def runs(self, query: str = "", suffix: str = "") -> Iterator[Run]:
        """Yield the runs of the experiment, newest first, that a filter of MLflow's search finds."""
        experiment = self.client.get_experiment_by_name(self.pipeline + suffix)
        if experiment:
            yield from self._pages(functools.partial(self.client.search_runs, [experiment.experiment_id]), query)

    def recent_runs(self, suffix: str, most: int) -> list[Run]:
        """Return so many runs of the experiment, the newest first."""
        experiment = self.client.get_experiment_by_name(self.pipeline + suffix)
        return list(self.client.search_runs([experiment.experiment_id], max_results=most)) if experiment else []

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags on a run, all or none."""
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def own_faults(self) -> dict[str, str]:
        """Return the identities whose config failed by its own fault, and how."""
        found = self.runs(f"tags.`{OWN_FAULT}` = 'true'")
        return {run.data.tags[IDENTITY]: run.data.tags.get(ERROR, "failed before") for run in found}

    def close_unfinished(self, query: str, reason: str) -> None:
        """Mark runs that are still RUNNING, because their process was killed, as KILLED."""
        for run in self.runs(f"attributes.status = 'RUNNING' and {query}"):
            self.client.set_tag(run.info.run_id, ERROR, reason)
            self.client.set_terminated(run.info.run_id, "KILLED")

    def set_production(self, number: int) -> None:
        """Put a version into Production: the stage and the alias, and archive the one before."""
        before = self._aliases().get(PRODUCTION_ALIAS)
        with warnings.catch_warnings():
            # Stages are deprecated in favour of aliases; both are kept, since people and pages look for either.
            warnings.simplefilter("ignore", FutureWarning)
            self.client.transition_model_version_stage(self.model, str(number), PRODUCTION, True)
        if before is not None and before != number:
            self._set_alias(PREVIOUS_ALIAS, before)
        self._set_alias(PRODUCTION_ALIAS, number)

    def _set_alias(self, alias: str, number: int) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.set_registered_model_alias(self.model, alias, str(number))
        except MlflowException:  # another process was faster to set it for the first time
            self.client.set_registered_model_alias(self.model, alias, str(number))

    def keep_one_in_production(self) -> None:
        """Archive every version in stage Production but the one that the alias names: two may have come at once."""
        champion = self._aliases().get(PRODUCTION_ALIAS)
        if champion is not None and [v.number for v in self.versions() if v.stage == PRODUCTION] != [champion]:
            self.set_production(champion)

    def tag_version(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags on a version."""
        for name, value in tags.items():
            self.client.set_model_version_tag(self.model, str(number), name, value)

    def fold_scores(self, run_id: str) -> list[dict[str, float]]:
        """Return the cross-validation scores of a training, one entry a fold; empty where they are not kept."""
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(MlflowException, OSError):
            return list(json.loads(Path(self.client.download_artifacts(run_id, FOLDS, folder)).read_text("utf-8")))
        return []

    def load(self, number: int) -> Loaded:
        """Load a version back from the registry as MLflow serves it; a file that could run code is not opened.

        Raises
        ------
        PodiumError
            If it is anything but a scikit-learn model in skops' format, of types that a config can lead to.
        """
        with tempfile.TemporaryDirectory() as folder:
            return opened(str(self.download(number, folder)))

    def download(self, number: int, folder: str) -> Path:
        """Download a version's files into a folder, and return where they lie."""
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(f"models:/{self.model}/{number}", dst_path=folder))


@dataclass(frozen=True)
class Loaded:
    """A model that was loaded back.

    Parameters
    ----------
    served : mlflow.pyfunc.PyFuncModel
        Enforces its signature.
    size : int
        Bytes that it takes in the registry.
    """

    served: Any
    size: int

    @property
    def model(self) -> Any:
        """The scikit-learn pipeline."""
        return self.served.get_raw_model()


def opened(path: str) -> Loaded:
    """Open a model's folder as MLflow serves it; a file that could run code is not opened.

    Raises
    ------
    PodiumError
        If it is anything but a scikit-learn model in skops' format, of types that a config can lead to.
    """
    import mlflow.pyfunc

    import_skops()
    _check_harmless(path)
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    # Without a look at all installed packages, 0.4 s: the model says which ones it was made with.
    return Loaded(mlflow.pyfunc.load_model(path, suppress_warnings=True), size)


def _check_harmless(path: str) -> None:
    from mlflow.models import Model

    flavors = Model.load(path).flavors
    own, served = flavors.get("sklearn", {}), flavors.get("python_function", {})
    brings_code = own.get("code") or served.get("code")
    if brings_code or served.get("loader_module") != "mlflow.sklearn" or own.get("serialization_format") != "skops":
        raise PodiumError("it is not a scikit-learn model in skops' format, and nothing else is loaded")
    if foreign := set(own.get("skops_trusted_types") or ()) - set(TRUSTED_TYPES):
        raise PodiumError(f"it asks for types that no config leads to: {', '.join(sorted(foreign))}")


def import_skops() -> None:
    """Import skops without the warnings of others.

    While it is imported it looks at every attribute of every loaded module, and so asks Airflow for deprecated ones.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import skops.io  # noqa: F401
