"""Find out before training whether the metrics that decide can be computed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from podium.configs import building
from podium.data import datasets
from podium.errors import PodiumError, Problem
from podium.evaluation.formulas import LABEL_SCORES
from podium.evaluation.metrics import GREATER_IS_BETTER, known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podium.configs.config import ClassifierConfig
    from podium.training.job import Job

# Every classifier has these, whatever the labels.
ALWAYS = {*LABEL_SCORES, "fit_seconds", "predict_seconds"}


class MetricCheck:
    """Checks the metrics of one job. The rows are read only if a metric depends on them.

    Parameters
    ----------
    job : Job
        The rows.
    metrics : iterable of str
        The metrics that decide about its versions; those that a spec leaves open are skipped.
    """

    def __init__(self, job: Job, metrics: Iterable[str]) -> None:
        self._job = job
        named = set(metrics) - ALWAYS
        self._metrics = sorted(named & set(known())) if named else []

    @property
    def scorers(self) -> tuple[str, ...]:
        """The metrics that training does not compute by itself."""
        return tuple(name for name in self._metrics if name not in GREATER_IS_BETTER)

    def data_obstacles(self) -> dict[str, str]:
        """Return why metrics cannot be computed for any classifier, by metric."""
        return self._obstacles(None)

    def check_data(self) -> None:
        """Check that a classifier can have every metric.

        Raises
        ------
        PodiumError
            If the labels do not allow a metric.
        """
        if found := self.data_obstacles():
            raise PodiumError("; ".join(found.values()))

    def problem(self, config: ClassifierConfig) -> Problem | None:
        """Return why a config's classifier cannot have a scorer that its training has to compute, or None."""
        found = [why for name, why in self._missing(config).items() if name in self.scorers]
        return Problem(config.path, 1, 1, f"{config.estimator}: {'; '.join(found)}") if found else None

    def note(self, config: ClassifierConfig) -> str:
        """Return why a config's version cannot be promoted: its training leaves out a metric that decides; or ""."""
        return "; ".join(self._missing(config).values())

    def _missing(self, config: ClassifierConfig) -> dict[str, str]:
        return self._obstacles(building.build_classifier(config)) if self._metrics else {}

    def _obstacles(self, model: Any) -> dict[str, str]:
        from podium.evaluation.requirements import obstacle

        if not self._metrics:
            return {}
        rows, classes = self._rows, self._classes
        weighted = rows.w_train is not None
        found = {name: obstacle(name, classes, rows.positive, weighted=weighted, model=model) for name in self._metrics}
        return {name: why for name, why in found.items() if why}

    @functools.cached_property
    def _rows(self) -> datasets.Dataset:
        return datasets.load(self._job.dataset, self._job.split)

    @functools.cached_property
    def _classes(self) -> list[Any]:
        import numpy as np

        return list(np.unique(np.concatenate([self._rows.y_train, self._rows.y_test])))
