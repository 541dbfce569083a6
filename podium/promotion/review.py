"""Load and compare the versions of one decision; each result is computed on first use and cached."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.evaluation import gates, significance
from podium.evaluation.metrics import GREATER_IS_BETTER, Predictions
from podium.promotion import validation
from podium.promotion.rules import Candidate
from podium.registry import tag_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.promotion.rules import Rule
    from podium.promotion.validation import Check
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job


# Confidence of the recorded interval if the rule has none.
USUAL_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Evidence:
    """How a challenger compares with the champion, with interval and significance tests.

    Parameters
    ----------
    gain : float
        By how much the deciding metric is better on the held-out rows; negative when it is worse.
    low, high : float or None
        Bootstrap interval of the gain; None for a metric that predictions do not define.
    confidence : float
        Confidence of the interval.
    mcnemar : float
        One-sided p-value of the exact McNemar test on the held-out rows, whether the challenger is right more often.
    resampled_t : float or None
        One-sided p-value of the corrected resampled t-test on the deciding metric's cross-validation scores; None if
        the two were not trained on the same folds.
    """

    gain: float
    low: float | None
    high: float | None
    confidence: float
    mcnemar: float
    resampled_t: float | None


def candidate(version: Version) -> Candidate:
    """Return a version of the registry as a candidate for the rules."""
    estimator = version.tags.get(tag_names.ESTIMATOR, "")
    return Candidate(version.number, version.config, estimator, version.metrics, version.failure)


class Review:
    """Loads and compares the versions that one decision is about. Its methods can be called in any order.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    job : Job
        The rows.
    rule : Rule
        The rule that decides.
    challengers : sequence of Version
        The versions that could be promoted.
    champion : Version or None
        The version in Production.
    """

    def __init__(
        self,
        models: Registry,
        job: Job,
        rule: Rule,
        challengers: Sequence[Version] = (),
        champion: Version | None = None,
    ) -> None:
        self._models = models
        self.job = job
        self.rule = rule
        self._challengers = challengers
        self._champion = champion
        self._versions = {one.number: one for one in (*challengers, *([champion] if champion else []))}
        self._loaded: dict[int, Any] = {}

    @property
    def candidates(self) -> list[Candidate]:
        """The challengers with the scores that the registry has."""
        return [candidate(version) for version in self._challengers]

    @functools.cached_property
    def champion(self) -> Candidate | None:
        """The champion, scored on the same rows and metrics as the challengers."""
        if self._champion is None:
            return None
        found = candidate(self._champion)
        return found if self._is_scored(self._champion) else self._validated(found)

    @property
    def rival(self) -> Candidate | None:
        """The champion if challengers can be compared with it, otherwise None."""
        return self.champion if self.champion is not None and self.rule.can_compete(self.champion) else None

    def review(self, challenger: Candidate) -> Candidate:
        """Validate a candidate, apply the gates, and test its lead if the rule has a confidence.

        Returns
        -------
        Candidate
            The candidate with its failure, if there is one, or with its p-value.
        """
        version = self._versions[challenger.version]
        if version.tags.get(tag_names.VALIDATION) != "passed" or not self._is_scored(version):
            challenger = self._validated(challenger)
        if not challenger.failure:
            challenger = replace(challenger, failure="; ".join(self._missed_gates(challenger)))
        if self.rule.confidence is None or self.rival is None or challenger.failure:
            return challenger
        return replace(challenger, p_value=self._p_value(challenger, self.rival))

    def evidence(self, challenger: Candidate, champion: Candidate) -> Evidence:
        """Compare two candidates on the held-out rows and on the folds of their trainings."""
        ours, theirs = self.predictions(challenger.version), self.predictions(champion.version)
        low, high = significance.interval(
            self.rule.metric,
            self.labels,
            theirs,
            ours,
            confidence=self.confidence,
            seed=self.job.split.seed,
        ) or (None, None)
        return Evidence(
            gain=self.rule.gain(challenger, champion),
            low=low,
            high=high,
            confidence=self.confidence,
            mcnemar=self._mcnemar(challenger, champion),
            resampled_t=self._resampled_t(challenger, champion),
        )

    def interval(self, candidate: Candidate) -> tuple[float, float] | None:
        """Return the bootstrap interval of a candidate's deciding metric."""
        predictions, seed = self.predictions(candidate.version), self.job.split.seed
        return significance.score_interval(self.rule.metric, self.labels, predictions, self.confidence, seed)

    @property
    def confidence(self) -> float:
        """Confidence of the intervals."""
        return self.rule.confidence or USUAL_CONFIDENCE

    @functools.cached_property
    def rows(self) -> datasets.Dataset:
        """The rows."""
        return datasets.load(self.job.dataset, self.job.split)

    @property
    def labels(self) -> Any:
        """True labels of the held-out rows."""
        return self.rows.y_test

    def model(self, number: int) -> Any:
        """Return a version's scikit-learn pipeline."""
        if number not in self._loaded:
            self._loaded[number] = self._models.load(number).model
        return self._loaded[number]

    @functools.lru_cache(maxsize=64)  # noqa: B019 (a review lives as long as its decision)
    def predictions(self, number: int) -> Predictions:
        """Return a version's predictions on the held-out rows."""
        return Predictions.of(self.model(number), self.rows.x_test)

    def _is_scored(self, version: Version) -> bool:
        required = {gate.metric for gate in self.rule.gates} - gates.SHADOW.keys()
        return version.scored_on == self.job.held_out_digest() and required <= version.metrics.keys()

    def _missed_gates(self, challenger: Candidate) -> list[str]:
        metrics = self.rival.metrics if self.rival else None
        return [why for gate in self.rule.gates for why in gate.failures(challenger.metrics, metrics)]

    def _validated(self, candidate: Candidate) -> Candidate:
        version = self._versions[candidate.version]
        outcome: Check = validation.check(self._models, version, self.job, self.rule.gates)
        if outcome.model is not None:
            self._loaded[candidate.version] = outcome.model
        failures = [candidate.failure] if tag_names.ROLLED_BACK in version.tags else []
        return replace(candidate, metrics=outcome.scores, failure="; ".join([*failures, *outcome.failures]))

    def _p_value(self, challenger: Candidate, champion: Candidate) -> float:
        """Return the p-value of the test that decides for the metric; McNemar's if the folds differ."""
        if significance.decisive(self.rule.metric) == "resampled_t":
            resampled_t = self._resampled_t(challenger, champion)
            if resampled_t is not None:
                return resampled_t
        return self._mcnemar(challenger, champion)

    def _mcnemar(self, challenger: Candidate, champion: Candidate) -> float:
        ours, theirs = (self.predictions(one.version).labels == self.labels for one in (challenger, champion))
        return significance.mcnemar(theirs.to_numpy(), ours.to_numpy())

    def _resampled_t(self, challenger: Candidate, champion: Candidate) -> float | None:
        gains = self._gains_by_fold(self._versions[challenger.version], self._versions[champion.version])
        if not gains:
            return None
        rows, folds = len(self.rows.x_train), len(gains)
        return significance.resampled_t(gains, rows * (folds - 1) / folds, rows / folds)

    def _gains_by_fold(self, challenger: Version, champion: Version) -> Sequence[float]:
        """Return the challenger's gain in each fold; empty if the folds differ."""
        if any(not self.job.tags.items() <= version.tags.items() for version in (challenger, champion)):
            return []
        metric = self.rule.metric
        ours, theirs = (self._models.fold_scores(version.run_id) for version in (challenger, champion))
        if len(ours) != len(theirs):
            return []
        sign = 1 if GREATER_IS_BETTER[metric] else -1
        gains = [
            sign * (our.get(metric, math.nan) - their.get(metric, math.nan))
            for our, their in zip(ours, theirs, strict=True)
        ]
        return gains if all(map(math.isfinite, gains)) else []
