"""What has to be known of versions to decide between them: found out when it is asked for, and once."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.evaluation import gates, significance
from podium.evaluation.metrics import GREATER_IS_BETTER, Answers
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


# Where the decision asks for no confidence, the interval in its record has this one.
USUAL_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Evidence:
    """How a challenger compares with the champion, luck taken into account.

    Parameters
    ----------
    gain : float
        By how much the deciding metric is better on the held-out rows; negative when it is worse.
    low, high : float or None
        Bootstrap interval of the gain; None for a metric that predictions do not define.
    confidence : float
        Of the interval.
    mcnemar : float
        One-sided p-value of the exact McNemar test on the held-out rows: is it right more often?
    resampled_t : float or None
        One-sided p-value of the corrected resampled t-test on the deciding metric's cross-validation scores; None
        when the two were not trained on the same folds.
    """

    gain: float
    low: float | None
    high: float | None
    confidence: float
    mcnemar: float
    resampled_t: float | None


def candidate(version: Version) -> Candidate:
    """Return a version of the registry as the rules see it."""
    estimator = version.tags.get(tag_names.ESTIMATOR, "")
    return Candidate(version.number, version.config, estimator, version.metrics, version.failure)


class Examination:
    """Loads and compares the versions that one decision is about.

    Parameters
    ----------
    models : Registry
        Where they are.
    job : Job
        The rows.
    rule : Rule
        What decides.
    """

    def __init__(self, models: Registry, job: Job, rule: Rule) -> None:
        self._models = models
        self.job = job
        self.rule = rule
        self._versions: dict[int, Version] = {}
        self._loaded: dict[int, Any] = {}
        self._champion: Candidate | None = None

    def candidate(self, version: Version) -> Candidate:
        """Return a version of the registry as the rules see it, and keep it for what they ask."""
        self._versions[version.number] = version
        return candidate(version)

    def champion(self, version: Version | None) -> Candidate | None:
        """Return the champion with its scores on the rows, by the metrics, that the challengers are compared by."""
        if version is not None:
            found = self.candidate(version)
            self._champion = found if self._is_scored(version) else self._checked(found)
        return self._champion

    def examine(self, challenger: Candidate) -> Candidate:
        """Return a candidate with what speaks against it, and its p-value where the rule asks for confidence."""
        version = self._versions[challenger.version]
        if version.tags.get(tag_names.VALIDATION) != "passed" or not self._is_scored(version):
            challenger = self._checked(challenger)
        champion = self._champion
        rival = champion if champion is not None and self.rule.can_compete(champion) else None
        if not challenger.failure:
            metrics = rival.metrics if rival else None
            missed = [why for gate in self.rule.gates for why in gate.failures(challenger.metrics, metrics)]
            challenger = replace(challenger, failure="; ".join(missed))
        if self.rule.confidence is None or rival is None or challenger.failure:
            return challenger
        return replace(challenger, p_value=self._p_value(challenger, rival))

    def evidence(self, challenger: Candidate, champion: Candidate) -> Evidence:
        """Compare two candidates that both have been asked about the rows."""
        ours, theirs = self.answers(challenger.version), self.answers(champion.version)
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
        answers, seed = self.answers(candidate.version), self.job.split.seed
        return significance.score_interval(self.rule.metric, self.labels, answers, self.confidence, seed)

    @property
    def confidence(self) -> float:
        """The confidence of intervals."""
        return self.rule.confidence or USUAL_CONFIDENCE

    @functools.cached_property
    def rows(self) -> datasets.Dataset:
        """The rows."""
        return datasets.load(self.job.dataset, self.job.split)

    @property
    def labels(self) -> Any:
        """True labels of the held-out rows."""
        return self.rows.y_test

    def version(self, number: int) -> Version:
        """Return a version that is looked at."""
        return self._versions[number]

    def model(self, number: int) -> Any:
        """Return a version's scikit-learn pipeline."""
        if number not in self._loaded:
            self._loaded[number] = self._models.load(number).model
        return self._loaded[number]

    @functools.lru_cache(maxsize=64)  # noqa: B019 (an examination lives as long as its decision)
    def answers(self, number: int) -> Answers:
        """Return what a version says of the held-out rows."""
        return Answers.of(self.model(number), self.rows.x_test)

    def _is_scored(self, version: Version) -> bool:
        asked = {gate.metric for gate in self.rule.gates} - gates.SHADOW.keys()
        return version.scored_on == self.job.held_out_digest() and asked <= version.metrics.keys()

    def _checked(self, candidate: Candidate) -> Candidate:
        version = self._versions[candidate.version]
        outcome: Check = validation.check(self._models, version, self.job, self.rule.gates)
        if outcome.model is not None:
            self._loaded[candidate.version] = outcome.model
        failures = [candidate.failure] if tag_names.ROLLED_BACK in version.tags else []
        return replace(candidate, metrics=outcome.scores, failure="; ".join([*failures, *outcome.failures]))

    def _p_value(self, challenger: Candidate, champion: Candidate) -> float:
        """Return the p-value of the test that decides for the metric."""
        if significance.decisive(self.rule.metric) == "resampled_t":
            resampled_t = self._resampled_t(challenger, champion)
            if resampled_t is not None:
                return resampled_t
        return self._mcnemar(challenger, champion)

    def _mcnemar(self, challenger: Candidate, champion: Candidate) -> float:
        ours, theirs = (self.answers(one.version).labels == self.labels for one in (challenger, champion))
        return significance.mcnemar(theirs.to_numpy(), ours.to_numpy())

    def _resampled_t(self, challenger: Candidate, champion: Candidate) -> float | None:
        gains = self._gains_by_fold(self._versions[challenger.version], self._versions[champion.version])
        if not gains:
            return None
        rows, folds = len(self.rows.x_train), len(gains)
        return significance.resampled_t(gains, rows * (folds - 1) / folds, rows / folds)

    def _gains_by_fold(self, challenger: Version, champion: Version) -> Sequence[float]:
        """Return by how much a challenger is better in each fold; empty when the folds were not the same."""
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
