"""MLflow as Podium uses it: runs, model versions, the one in Production, and the record of why."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
from podium.registry import artifacts
from podium.registry.model_files import Loaded, opened
from podium.registry.names import registered_model
from podium.registry.tag_names import ERROR, IDENTITY, OWN_FAULT
from podium.registry.versions import Version

PRODUCTION = "Production"
PRODUCTION_ALIAS, PREVIOUS_ALIAS = "production", "previous"
PAGE = 1000

# Without it MLflow's pages take an experiment for one of language models, and leave out what a run's note says.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


class Registry:
    """One pipeline's experiment, registered model and decisions.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline; the registered model is ``<pipeline>-classifier``, the experiments are ``<pipeline>`` and
        ``<pipeline>-promotions``.
    tracking_uri : str, optional
        The MLflow server or database. MLflow's own default when left out.
    local_artifacts : pathlib.Path, optional
        Where the server keeps its artifacts, if it is on this machine.
    """

    def __init__(self, pipeline: str, tracking_uri: str | None = None, *, local_artifacts: Path | None = None) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri)
        self.local_artifacts = local_artifacts
        self.pipeline = pipeline
        self.model = registered_model(pipeline)

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

    def artifact_folder(self, uri: str) -> AbstractContextManager[Path]:
        """Give a folder whose files become the artifacts at an address; see :func:`artifacts.folder`."""
        return artifacts.folder(uri, self.client, self.local_artifacts)

    def fold_scores(self, run_id: str) -> list[dict[str, float]]:
        """Return the cross-validation scores of a training, one entry a fold; empty where they are not kept."""
        return list(artifacts.read_json(self.client, run_id, artifacts.FOLDS) or ())

    def load(self, number: int) -> Loaded:
        """Load a version back from the registry as MLflow serves it; a file that could run code is not opened.

        Raises
        ------
        PodiumError
            If it is anything but a scikit-learn model in skops' format, of types that a config can lead to.
        """
        with tempfile.TemporaryDirectory() as folder:
            return opened(str(self.download(number, folder)))

    def location(self, number: int) -> str:
        """Return the address of a version's files in MLflow's artifact store."""
        return str(self.client.get_model_version_download_uri(self.model, str(number)))

    def download(self, number: int, folder: str, location: str | None = None) -> Path:
        """Download a version's files into a folder.

        Parameters
        ----------
        number : int
            The version.
        folder : str
            Where to.
        location : str, optional
            Where the files are, if that is not :meth:`location`.

        Returns
        -------
        pathlib.Path
            Where they are then: the folder, or another one on this machine that holds them already.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        uri = self.client.tracking_uri
        Path(folder).mkdir(parents=True, exist_ok=True)
        files = get_artifact_repository(location or self.location(number), tracking_uri=uri, registry_uri=uri)
        return Path(files.download_artifacts("", folder))
