"""The entry of a plan: what the mapped task that trains one candidate is given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from podium.configs.config import ClassifierConfig

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Entry:
    """One candidate to train. Its fields are the keys of the entry as JSON, which also has the config's ``name``.

    Parameters
    ----------
    config : ClassifierConfig
        The candidate.
    identity : str
        The fingerprint of its training.
    source : str
        Content of the config's file.
    commit : str
        The checkout's commit when the config was found; empty outside git.
    experiment : str
        Id of the pipeline's MLflow experiment.
    metrics : tuple of str
        The scorers of scikit-learn that the pipeline decides by, to compute in addition to the metrics of every
        training.
    """

    config: ClassifierConfig
    identity: str
    source: str
    commit: str
    experiment: str
    metrics: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        written = {"config": self.config.as_dict(), "metrics": list(self.metrics)}
        return {"name": self.config.name, **vars(self), **written}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Entry:
        """Return the entry that :meth:`as_dict` converted to JSON values."""
        read = {field.name: value[field.name] for field in fields(cls) if field.name in value}
        parsed = {"config": ClassifierConfig.from_dict(value["config"]), "metrics": tuple(value.get("metrics", ()))}
        return cls(**{**read, **parsed})


def failed_entry(name: str, error: str) -> dict[str, Any]:
    """Return the entry of a candidate that cannot be trained: its task fails with the error."""
    return {"name": name, "error": error}
