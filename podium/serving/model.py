"""The champion as a server holds it: opened, asked a question, and with what is known of it."""

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


#: The file of a saved model in which MLflow keeps its input example as a request.
QUESTION = "serving_input_example.json"


@dataclass(frozen=True)
class About:
    """What is known of a version, and fits into a message.

    Parameters
    ----------
    model : str
        Name of the registered model.
    version : int
        Its number.
    run_id : str
        The run that made it. A model that was deleted and made anew has the same numbers, and other runs.
    config, estimator : str
        What it was trained from.
    metrics : mapping of str to float
        Its scores on the held-out rows.
    """

    model: str
    version: int
    run_id: str
    config: str = ""
    estimator: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, model: str, version: Version) -> About:
        """Return what the registry knows of a version."""
        estimator = version.tags.get(tag_names.ESTIMATOR, "")
        return cls(model, version.number, version.run_id, version.config, estimator, version.metrics)

    def __str__(self) -> str:
        return f"version {self.version}" + (f" ({self.config})" if self.config else "")


@dataclass(frozen=True)
class Champion:
    """A model that has answered its own input example.

    Parameters
    ----------
    about : About
        What is known of it.
    served : mlflow.pyfunc.PyFuncModel
        The model.
    question : bytes
        Its input example, as the body of a request.
    is_copy : bool
        Whether it is the last good copy, because no registry was to be had.
    """

    about: About
    served: Any
    question: bytes
    is_copy: bool = False

    @classmethod
    def opened(cls, folder: Path, about: About, *, is_copy: bool = False) -> Champion:
        """Open a model's folder and ask it.

        Raises
        ------
        PodiumError
            If it could run code, has no signature or no input example, or does not answer.
        """
        served = model_files.load_model(str(folder)).served
        if served.metadata.get_input_schema() is None:
            raise PodiumError("it has no signature")
        if not (folder / QUESTION).is_file():
            raise PodiumError("it has no input example that it could be asked about")
        champion = cls(about, served, (folder / QUESTION).read_bytes(), is_copy)
        champion.ask()
        return champion

    def ask(self) -> float:
        """Ask it its input example, and return the seconds that the quickest of some answers took.

        Raises
        ------
        PodiumError
            If it does not answer.
        """
        try:
            return scoring.quickest(scoring.Scorer(self.served), self.question)
        except RequestError as refusal:
            raise PodiumError(f"asked about its input example: {refusal}") from refusal
