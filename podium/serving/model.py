"""A model version loaded for serving, with what the registry knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, RequestError
from podium.registry import model_files, tag_names
from podium.serving import scoring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podium.registry.versions import Version


#: File of a saved model in which MLflow keeps the input example as a request body.
INPUT_EXAMPLE = "serving_input_example.json"


@dataclass(frozen=True)
class VersionInfo:
    """What the registry knows of a version; small enough for a message.

    Parameters
    ----------
    model : str
        Name of the registered model.
    version : int
        Version number.
    run_id : str
        The run that made the version. If a model was deleted and created again, its versions have the same numbers but
        other runs.
    config, estimator : str
        Config and class that the version was trained from.
    metrics : mapping of str to float
        Scores on the held-out rows.
    """

    model: str
    version: int
    run_id: str
    config: str = ""
    estimator: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, model: str, version: Version) -> VersionInfo:
        """Return the information of a registry entry."""
        estimator = version.tags.get(tag_names.ESTIMATOR, "")
        return cls(model, version.number, version.run_id, version.config, estimator, version.metrics)

    def __str__(self) -> str:
        return f"version {self.version}" + (f" ({self.config})" if self.config else "")


@dataclass(frozen=True)
class LoadedModel:
    """A model that was loaded and has made predictions for its own input example.

    Parameters
    ----------
    info : VersionInfo
        The version.
    model : mlflow.pyfunc.PyFuncModel
        The model.
    input_example : bytes
        Its input example, as a request body.
    is_copy : bool
        Whether it was loaded from the local copy because the registry was unreachable.
    """

    info: VersionInfo
    model: Any
    input_example: bytes
    is_copy: bool = False

    @classmethod
    def load(cls, folder: Path, info: VersionInfo, *, is_copy: bool = False) -> LoadedModel:
        """Load a model from its folder and test it with its input example.

        Raises
        ------
        PodiumError
            If it could run code, has no signature or no input example, or cannot predict for the example.
        """
        model = model_files.load_model(str(folder)).served
        if model.metadata.get_input_schema() is None:
            raise PodiumError("the model has no signature")
        if not (folder / INPUT_EXAMPLE).is_file():
            raise PodiumError("the model has no input example to test it with")
        loaded = cls(info, model, (folder / INPUT_EXAMPLE).read_bytes(), is_copy)
        loaded.time_prediction()
        return loaded

    def time_prediction(self) -> float:
        """Predict for the input example several times and return the seconds of the fastest prediction.

        Raises
        ------
        PodiumError
            If the model cannot predict.
        """
        try:
            return scoring.fastest_prediction(scoring.Scorer(self.model), self.input_example)
        except RequestError as refusal:
            raise PodiumError(f"prediction for the input example failed: {refusal}") from refusal
