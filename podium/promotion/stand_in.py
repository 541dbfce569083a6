"""The stand-in of a champion that cannot be scored on today's held-out rows: its config, trained on today's rows.

It is compared in the champion's place. It is never registered, and never promoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from podium.configs.config import ClassifierConfig
from podium.errors import PodiumError, one_line
from podium.registry import artifacts

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.data.datasets import Dataset
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job


@dataclass(frozen=True)
class StandIn:
    """A champion's config, trained on today's training part.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        The model.
    fold_scores : list of dict of str to float
        The scores of each fold.
    """

    model: Any
    fold_scores: list[dict[str, float]]


def stand_in(models: Registry, champion: Version, job: Job, rows: Dataset, more: Collection[str] = ()) -> StandIn:
    """Return the stand-in of a champion: the model of the version with the same training, or else a new training.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    champion : Version
        The version in Production.
    job : Job
        The rows.
    rows : Dataset
        The rows, read and divided.
    more : collection of str
        Scorers of scikit-learn to compute for each fold.

    Raises
    ------
    PodiumError
        If its config cannot be read or trained.
    """
    from podium.training.fit import train

    try:
        config = _config(models, champion)
        if same := models.trained(job.identity(config)):
            return StandIn(models.load(same.number).model, models.fold_scores(same.run_id))
        training = train(config, rows, job.split, more)
    except Exception as error:  # any error of training belongs to the config
        sentence = one_line(error) if isinstance(error, PodiumError) else f"{type(error).__name__}: {one_line(error)}"
        raise PodiumError(f"its config cannot be trained again: {sentence}") from error
    return StandIn(training.model, training.fold_scores)


def _config(models: Registry, version: Version) -> ClassifierConfig:
    """Return the config that a version was trained from, as its run has it."""
    text = artifacts.read_text(models.client, version.run_id, artifacts.CONFIG)
    return ClassifierConfig.from_dict(yaml.safe_load(text))
