"""The MLflow client of one pipeline: its runs, its model versions and the version in Production."""

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

    from mlflow.entities import Experiment, Run
    from mlflow.entities.model_registry import ModelVersion
from podium.errors import PodiumError
from podium.registry import artifacts, production
from podium.registry.model_files import Loaded, load_model
from podium.registry.names import PROMOTIONS, TRAININGS, experiment, registered_model
from podium.registry.tag_names import ERROR, IDENTITY, OWN_FAULT
from podium.registry.versions import Version

PRODUCTION, ARCHIVED = production.PRODUCTION, "Archived"
PRODUCTION_ALIAS, PREVIOUS_ALIAS = production.PRODUCTION_ALIAS, "previous"
PAGE = 1000

# Without this tag, MLflow's UI treats an experiment as one of language models and hides the notes of its runs.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


class Registry:
    """One pipeline's experiment, registered model and decisions.

    Parameters
    ----------
    pipeline : str
        Name of the pipeline. :mod:`podium.registry.names` derives the registered model and the experiments from it.
    tracking_uri : str, optional
        The MLflow server or database. Default: MLflow's own, such as ``MLFLOW_TRACKING_URI``.
    local_artifacts : pathlib.Path, optional
        The server's artifact folder, if it is on this machine.
    """

    def __init__(self, pipeline: str, tracking_uri: str | None = None, *, local_artifacts: Path | None = None) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri)
        self.local_artifacts = local_artifacts
        self.pipeline = pipeline
        self.model = registered_model(pipeline)

    def experiment_id(self, suffix: str = TRAININGS) -> str:
        """Return the id of an experiment; create it if it does not exist.

        Raises
        ------
        PodiumError
            If it was deleted in MLflow.
        """
        from mlflow.exceptions import MlflowException

        found = self._experiment(suffix)
        if found is None:
            try:
                return str(self.client.create_experiment(experiment(self.pipeline, suffix), tags=EXPERIMENT_TAGS))
            except MlflowException:  # another process has created it meanwhile
                found = self._experiment(suffix)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _experiment(self, suffix: str) -> Experiment | None:
        """Return an experiment, None if it was never created.

        Raises
        ------
        PodiumError
            If it was deleted: MLflow keeps its name and its runs, and hides both.
        """
        name = experiment(self.pipeline, suffix)
        found = self.client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "deleted":
            uri = str(self.client.tracking_uri)
            where = f"MLFLOW_TRACKING_URI={uri} " if uri.startswith("http") else ""
            restore = f"{where}mlflow experiments restore --experiment-id {found.experiment_id}"
            raise PodiumError(f"the experiment {name!r} was deleted in MLflow; restore it with: {restore}")
        return found

    def create_version(self, **arguments: Any) -> ModelVersion:
        """Register a version; create the registered model before the first one."""
        from mlflow.exceptions import MlflowException

        create = functools.partial(self.client.create_model_version, self.model, await_creation_for=0, **arguments)
        try:
            return create()
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        with contextlib.suppress(MlflowException):  # another process has created it meanwhile
            self.client.create_registered_model(self.model)
        return create()

    def versions(self, since: int = 1) -> list[Version]:
        """Return the versions with this number or a higher one, oldest first."""
        # search_model_versions returns no aliases: MLflow stores them with the registered model.
        aliases: dict[int, list[str]] = {}
        for alias, number in self.aliases().items():
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

    def standing(self) -> production.Standing:
        """Return both marks of Production and what the last decision has left there."""
        return production.standing(self.versions(), self.decisions(production.RECENT))

    def in_production(self) -> Version | None:
        """Return the version in Production, or None; of stage and alias, the one that was moved last counts."""
        number = self.standing().number
        return None if number is None else self.version(number)

    def named(self, alias: str) -> Version | None:
        """Return the version that an alias points to, without its aliases, or None; this takes one request."""
        from mlflow.exceptions import MlflowException

        try:
            return Version.of(self.client.get_model_version_by_alias(self.model, alias))
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise

    def trained(self, identity: str) -> Version | None:
        """Return the version of a training, without its aliases, or None."""
        found = self.tagged(IDENTITY, identity)
        return found[-1] if found else None

    def tagged(self, name: str, value: str) -> list[Version]:
        """Return the versions with a tag, without their aliases."""
        query = f"name = '{self.model}' and tag.`{name}` = '{value}'"
        return [Version.of(found) for found in self._pages(self.client.search_model_versions, query)]

    def aliases(self) -> dict[str, int]:
        """Return the version that each alias points to."""
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

    def runs(self, query: str = "", suffix: str = TRAININGS) -> Iterator[Run]:
        """Yield the runs of an experiment that match a filter of MLflow's search, newest first."""
        found = self._experiment(suffix)
        if found:
            yield from self._pages(functools.partial(self.client.search_runs, [found.experiment_id]), query)

    def decisions(self, most: int | None = None) -> list[Run]:
        """Return the records of the newest decisions, newest first, but for those that are not as Podium writes them.

        Parameters
        ----------
        most : int, optional
            How many runs of their experiment are read. Default: all.
        """
        found = self._experiment(PROMOTIONS)
        if found is None:
            return []
        read = self.client.search_runs([found.experiment_id], max_results=most) if most else self.runs("", PROMOTIONS)
        return [run for run in read if production.is_record(run)]

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags on a run, all of them or none."""
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def own_faults(self) -> dict[str, str]:
        """Return the error of each training that failed because of its own config, by fingerprint."""
        found = self.runs(f"tags.`{OWN_FAULT}` = 'true'")
        return {run.data.tags.get(IDENTITY, ""): run.data.tags.get(ERROR, "failed before") for run in found}

    def close_unfinished(self, query: str, reason: str) -> None:
        """Mark runs that match a filter and are still RUNNING as KILLED, with the reason as their error."""
        for run in self.runs(f"attributes.status = 'RUNNING' and {query}"):
            self.client.set_tag(run.info.run_id, ERROR, reason)
            self.client.set_terminated(run.info.run_id, "KILLED")

    def set_production(self, number: int, previous: int | None = None) -> None:
        """Promote a version: set its stage and the alias, and archive the previous one.

        Parameters
        ----------
        number : int
            The version.
        previous : int, optional
            The version before it. Default: the one that the alias points to.
        """
        from mlflow.exceptions import MlflowException

        previous = previous or self.aliases().get(PRODUCTION_ALIAS)
        with warnings.catch_warnings():
            # Stages are deprecated in favour of aliases. Podium sets both, since people and UIs use either.
            warnings.simplefilter("ignore", FutureWarning)
            self.client.transition_model_version_stage(self.model, str(number), PRODUCTION, True)
        if previous is not None and previous != number:
            try:
                self._set_alias(PREVIOUS_ALIAS, previous)
            except MlflowException as error:  # it may have been deleted
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        self._set_alias(PRODUCTION_ALIAS, number)

    def clear_production(self) -> None:
        """Take every version out of Production: archive it, and remove the alias."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            for version in self.versions():
                if version.stage == PRODUCTION:
                    self.client.transition_model_version_stage(self.model, str(version.number), ARCHIVED)
        if PRODUCTION_ALIAS in self.aliases():
            self.client.delete_registered_model_alias(self.model, PRODUCTION_ALIAS)

    def _set_alias(self, alias: str, number: int) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.set_registered_model_alias(self.model, alias, str(number))
        except MlflowException:  # another process has just set it for the first time
            self.client.set_registered_model_alias(self.model, alias, str(number))

    def keep_one_in_production(self) -> None:
        """Archive every version in stage Production except the alias's: two may have been promoted at once."""
        champion = self.aliases().get(PRODUCTION_ALIAS)
        if champion is not None and [v.number for v in self.versions() if v.stage == PRODUCTION] != [champion]:
            self.set_production(champion)

    def tag_version(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags on a version."""
        for name, value in tags.items():
            self.client.set_model_version_tag(self.model, str(number), name, value)

    def artifact_folder(self, uri: str) -> AbstractContextManager[Path]:
        """Yield a folder whose files become the artifacts at a URI; see :func:`artifacts.folder`."""
        return artifacts.folder(uri, self.client, self.local_artifacts)

    def fold_scores(self, run_id: str) -> list[dict[str, float]]:
        """Return the cross-validation scores of a training, one entry per fold; empty if they are not stored."""
        return list(artifacts.read_json(self.client, run_id, artifacts.FOLDS) or ())

    def load(self, number: int) -> Loaded:
        """Load a version from the registry as MLflow serves it; see :func:`podium.registry.model_files.load_model`.

        Raises
        ------
        PodiumError
            If it is not a scikit-learn model saved with skops, or contains a type that no allowed config produces.
        """
        with tempfile.TemporaryDirectory() as folder:
            return load_model(str(self.download(number, folder)))

    def location(self, number: int) -> str:
        """Return the URI of a version's files in MLflow's artifact store."""
        return str(self.client.get_model_version_download_uri(self.model, str(number)))

    def download(self, number: int, folder: str, location: str | None = None) -> Path:
        """Download a version's files into a folder.

        Parameters
        ----------
        number : int
            The version.
        folder : str
            The target folder.
        location : str, optional
            URI of the files. Default: :meth:`location`.

        Returns
        -------
        pathlib.Path
            The folder that holds the files: `folder`, or an existing one on this machine.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        uri = self.client.tracking_uri
        Path(folder).mkdir(parents=True, exist_ok=True)
        files = get_artifact_repository(location or self.location(number), tracking_uri=uri, registry_uri=uri)
        return Path(files.download_artifacts("", folder))
