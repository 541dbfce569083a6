"""Load and compare the versions of one decision; each result is computed on first use and cached."""

from __future__ import annotations

import functools
import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.errors import PodiumError
from podium.evaluation import gates, metrics, significance
from podium.evaluation.metrics import greater_is_better
from podium.evaluation.predictions import Predictions
from podium.evaluation.scorers import prefers_decisions
from podium.promotion import comparison, validation
from podium.promotion.rules import USUAL_CONFIDENCE, Candidate
from podium.promotion.stand_in import stand_in
from podium.registry import tag_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podium.data.datasets import Dataset
    from podium.promotion.comparison import Unseen
    from podium.promotion.rules import Rule
    from podium.promotion.stand_in import StandIn
    from podium.promotion.validation import Check
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job


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
    permutation : float or None
        One-sided p-value of the permutation test of the deciding metric on the held-out rows, if it decides.
    """

    gain: float
    low: float | None
    high: float | None
    confidence: float
    mcnemar: float
    resampled_t: float | None
    permutation: float | None = None


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
    loads : bool
        Whether challengers may be loaded to score them on fewer rows.
    """

    def __init__(
        self,
        models: Registry,
        job: Job,
        rule: Rule,
        challengers: Sequence[Version] = (),
        champion: Version | None = None,
        *,
        loads: bool = True,
    ) -> None:
        self._models = models
        self.job = job
        self.rule = rule
        self._challengers = challengers
        self._champion = champion
        self._versions = {one.number: one for one in (*challengers, *([champion] if champion else []))}
        self._loads = loads
        self._loaded: dict[int, Any] = {}
        # Set by `champion`: the rows that are compared if they are not all held-out rows, and the stand-in.
        self._common: Dataset | None = None
        self._stand_in: StandIn | None = None

    @functools.cached_property
    def candidates(self) -> list[Candidate]:
        """The challengers with the scores that the registry has, or with scores on the rows that are compared.

        Those that were trained before the deciding metric was the deciding one are scored. A failed validation does not
        count if its gates may have been mended since: :meth:`review` repeats it.
        """
        found = [self._as_candidate(version) for version in self._challengers]
        return [self._validated(one) if self._needs_scores(one) else one for one in found]

    def _as_candidate(self, version: Version) -> Candidate:
        found = candidate(version)
        return replace(found, failure="") if validation.is_outdated(version, self.rule.gates) else found

    def _needs_scores(self, one: Candidate) -> bool:
        if self._is_on_fewer_rows:
            return True
        return self._loads and not one.failure and self.rule.metric not in one.metrics

    @functools.cached_property
    def champion(self) -> Candidate | None:
        """The champion, scored on the same rows and metrics as the challengers.

        Its tags do not decide: if challengers can be loaded, it is loaded and scored too. One that was trained on
        some of the held-out rows is compared on the others. If these are too few or unknown, its stand-in is scored in
        its place.
        """
        if self._champion is None:
            return None
        found = candidate(self._champion)
        if self._is_scored(self._champion) and not (self._loads and self._challengers):
            return found
        outcome = self._check(self._champion)
        # Scores that differ from those of its training, as with another release of scikit-learn, count as they are.
        failures = [why for why in outcome.failures if why not in outcome.changed]
        found = replace(self._with_outcome(found, outcome), failure="; ".join(failures))
        if outcome.unseen is None or not outcome.unseen.reason or not self._challengers:
            return found
        return self._compared(found, outcome.unseen)

    @property
    def rival(self) -> Candidate | None:
        """The champion if challengers can be compared with it, otherwise None."""
        return self.champion if self.champion is not None and self.rule.can_compete(self.champion) else None

    def review(self, challenger: Candidate) -> Candidate:
        """Load, score and validate a candidate, apply the gates, and test its lead if the rule has a confidence.

        This is done again if it was before: anyone who reaches MLflow can write the tags that say so.

        Returns
        -------
        Candidate
            The candidate with its failure, if there is one, or with its p-value.
        """
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
            **self.compared_rows.scoring,
        ) or (None, None)
        resampled_t = self._resampled_t(challenger, champion)
        return Evidence(
            gain=self.rule.gain(challenger, champion),
            low=low,
            high=high,
            confidence=self.confidence,
            mcnemar=self._mcnemar(challenger, champion),
            resampled_t=resampled_t,
            permutation=self._permutation(challenger, champion)
            if resampled_t is None and not self._is_counted
            else None,
        )

    def interval(self, candidate: Candidate) -> tuple[float, float] | None:
        """Return the bootstrap interval of a candidate's deciding metric."""
        predictions, seed = self.predictions(candidate.version), self.job.split.seed
        metric, how = self.rule.metric, self.compared_rows.scoring
        return significance.score_interval(metric, self.labels, predictions, self.confidence, seed, **how)

    @property
    def confidence(self) -> float:
        """Confidence of the intervals."""
        return self.rule.confidence or USUAL_CONFIDENCE

    @functools.cached_property
    def rows(self) -> datasets.Dataset:
        """The rows."""
        return datasets.load(self.job.dataset, self.job.split)

    @property
    def compared_rows(self) -> Dataset:
        """The rows; of the held-out ones, those that none of the compared versions was trained on."""
        return self._common if self._is_on_fewer_rows and self._common else self.rows

    @property
    def labels(self) -> Any:
        """True labels of the held-out rows that are compared."""
        return self.compared_rows.y_test

    def scores_of_version(self, one: Candidate) -> Mapping[str, float]:
        """Return a candidate's own scores on all held-out rows; empty if it has none."""
        if one.basis:
            return {}
        return self._versions[one.version].metrics if self._is_on_fewer_rows else one.metrics

    def model(self, number: int) -> Any:
        """Return a version's scikit-learn pipeline."""
        if number not in self._loaded:
            self._loaded[number] = self._models.load(number).model
        return self._loaded[number]

    @functools.lru_cache(maxsize=64)  # noqa: B019 (a review lives as long as its decision)
    def predictions(self, number: int) -> Predictions:
        """Return a version's predictions on the held-out rows that are compared."""
        rows = self.compared_rows.x_test  # determines the champion's model too
        return Predictions.of(self.model(number), rows, decisions=prefers_decisions(self.rule.metric))

    @property
    def _is_on_fewer_rows(self) -> bool:
        return self.champion is not None and self._common is not None

    def _is_scored(self, version: Version) -> bool:
        required = {self.rule.metric, *(gate.metric for gate in self.rule.gates)} - gates.SHADOW.keys()
        return version.scored_on == self.job.held_out_digest() and required <= version.metrics.keys()

    def _missed_gates(self, challenger: Candidate) -> list[str]:
        metrics = self.rival.metrics if self.rival else None
        return [why for gate in self.rule.gates for why in gate.failures(challenger.metrics, metrics)]

    def _validated(self, candidate: Candidate) -> Candidate:
        found = self._with_outcome(candidate, self._check(self._versions[candidate.version]))
        if found.failure or not self._is_on_fewer_rows:
            return found
        return replace(found, metrics={**found.metrics, **self._scores(candidate.version, self.compared_rows)})

    def _check(self, version: Version) -> Check:
        outcome = validation.check(self._models, version, self.job, self.rule.gates, self.rule.metric)
        if outcome.model is not None:
            self._loaded[version.number] = outcome.model
        return outcome

    def _with_outcome(self, candidate: Candidate, outcome: Check) -> Candidate:
        """Return a candidate with the result of its validation."""
        rolled_back = tag_names.ROLLED_BACK in self._versions[candidate.version].tags
        failures = [candidate.failure] if rolled_back else []
        # A model that cannot be scored keeps the scores that it has on these rows, so that they can be shown.
        has_own = self._versions[candidate.version].scored_on == self.job.held_out_digest()
        scores = outcome.scores or (candidate.metrics if has_own else {})
        return replace(candidate, metrics=scores, failure="; ".join([*failures, *outcome.failures]))

    def _compared(self, champion: Candidate, unseen: Unseen) -> Candidate:
        """Return a champion that has seen held-out rows, with scores on the others, or with those of its stand-in."""
        named = f"version {champion.version} ({champion.config})"
        common = comparison.only(self.rows, unseen.mask)
        missing = self._why_too_few(common)
        if not missing and self._loads:
            self._common = common
            basis = f"compared on the {unseen.count} held-out rows that {named} was not trained on"
            return replace(champion, metrics=self._measured(champion, common), basis=basis)
        why = f"{unseen.reason}{missing if unseen.count else ''}"
        try:
            self._stand_in = stand_in(self._models, self._versions[champion.version], self.job, self.rows, self._more)
        except PodiumError as error:
            return replace(champion, metrics={}, failure=f"{why}; {error}")
        self._loaded[champion.version] = self._stand_in.model
        basis = f"{named} was trained again for this comparison: {why}"
        return replace(champion, metrics=self._measured(champion, self.rows), basis=basis)

    def _why_too_few(self, common: Dataset) -> str:
        """Return why rows are too few for a comparison, as the end of a sentence; empty if they are not."""
        count, least = len(common.y_test), self.rule.least_rows
        if count < least:
            return f", and the other {count} are too few: {least} are required"
        absent = set(self.rows.y_test) - set(common.y_test)
        return f", and the other {count} lack {', '.join(sorted(map(str, absent)))}" if absent else ""

    def _measured(self, champion: Candidate, rows: Dataset) -> dict[str, float]:
        return {**champion.metrics, **self._scores(champion.version, rows)}

    def _scores(self, number: int, rows: Dataset) -> dict[str, float]:
        return metrics.score(self.model(number), rows.x_test, rows.y_test, more=self._more, **rows.scoring)

    @property
    def _more(self) -> list[str]:
        """The metrics that decide and are not measured otherwise."""
        return sorted({self.rule.metric, *(gate.metric for gate in self.rule.gates)} - gates.MEASURED.keys())

    def _p_value(self, challenger: Candidate, champion: Candidate) -> float | None:
        """Return the p-value of the test that decides for the metric; of a permutation test if the folds differ."""
        if self._is_counted:
            return self._mcnemar(challenger, champion)
        resampled_t = self._resampled_t(challenger, champion)
        return self._permutation(challenger, champion) if resampled_t is None else resampled_t

    @property
    def _is_counted(self) -> bool:
        """Whether the metric is the share of rows that are right, each of which counts once."""
        return significance.decisive(self.rule.metric) == "mcnemar" and self.rows.w_test is None

    def _permutation(self, challenger: Candidate, champion: Candidate) -> float | None:
        theirs, ours = (self.predictions(one.version) for one in (champion, challenger))
        how = {"seed": self.job.split.seed, **self.compared_rows.scoring}
        return significance.permutation(self.rule.metric, self.labels, theirs, ours, **how)

    def _mcnemar(self, challenger: Candidate, champion: Candidate) -> float:
        ours, theirs = (self.predictions(one.version).labels == self.labels for one in (challenger, champion))
        return significance.mcnemar(theirs.to_numpy(), ours.to_numpy())

    def _resampled_t(self, challenger: Candidate, champion: Candidate) -> float | None:
        gains = self._gains_by_fold(challenger, champion)
        if len(gains) < 2:  # noqa: PLR2004
            return None
        fitted, scored = (statistics.mean(map(len, part)) for part in zip(*self.rows.folds, strict=True))
        return significance.resampled_t(gains, fitted, scored)

    def _gains_by_fold(self, challenger: Candidate, champion: Candidate) -> Sequence[float]:
        """Return the challenger's gain in each fold; empty if the folds differ."""
        ours, theirs = (self._fold_scores(one.version) for one in (challenger, champion))
        metric = self.rule.metric
        if len(ours) != len(theirs):
            return []
        sign = 1 if greater_is_better(metric) else -1
        gains = [
            sign * (our.get(metric, math.nan) - their.get(metric, math.nan))
            for our, their in zip(ours, theirs, strict=True)
        ]
        return gains if all(map(math.isfinite, gains)) else []

    def _fold_scores(self, number: int) -> list[dict[str, float]]:
        """Return a version's scores on the folds of these rows; empty if it was trained on other rows."""
        if self._stand_in is not None and self.champion is not None and number == self.champion.version:
            return self._stand_in.fold_scores
        version = self._versions[number]
        return self._models.fold_scores(version.run_id) if comparison.is_trained_on(version, self.job) else []
