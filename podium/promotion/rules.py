"""The rules that decide which version is in Production: plain functions, without Airflow or MLflow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from podium.errors import PodiumError
from podium.evaluation.metrics import check_metric, greater_is_better
from podium.evaluation.significance import holm, rows_for_power

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from podium.evaluation.gates import Gate


Verdict = Literal["promoted", "kept", "nothing"]
# The confidence of intervals, and of the rows that a comparison needs, if the rule has none.
USUAL_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Candidate:
    """A model version that could be promoted.

    Parameters
    ----------
    version : int
        Number in the registry; lower means older.
    config, estimator : str
        Name of the config that made it, and its classifier.
    metrics : mapping of str to float
        Scores on the held-out rows, by the names of :mod:`podium.evaluation.metrics`.
    failure : str
        Why it must not be promoted; empty if it may be.
    p_value : float or None
        p-value of its lead over the champion, in the test that decides.
    adjusted : float or None
        The p-value corrected for the number of candidates that were compared with the champion.
    basis : str
        How its scores came about, if they are not those of its own model on all held-out rows; otherwise empty.
    """

    version: int
    config: str
    estimator: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    p_value: float | None = None
    adjusted: float | None = None
    basis: str = ""


@dataclass(frozen=True)
class Rule:
    """The rule of a decision: a metric on the held-out rows, and what it takes to replace the champion.

    Parameters
    ----------
    metric : str
        One of :data:`podium.evaluation.metrics.GREATER_IS_BETTER`, or a scorer of scikit-learn.
    min_improvement : float
        The required improvement, in the metric's units, at least 0. With 0, any strict improvement promotes.
    gates : tuple of Gate
        The gates that every version must pass.
    confidence : float or None
        Required confidence that the lead is not due to chance, in (0, 1); None if the metric alone decides.
    min_comparison_rows : int or None
        The least number of held-out rows on which a champion that was trained on others of them is compared; None for
        what the test needs: see :attr:`least_rows`.

    Raises
    ------
    PodiumError
        If the metric is unknown, the improvement is negative or the confidence is out of range.
    """

    metric: str = "balanced_accuracy"
    min_improvement: float = 0.0
    gates: tuple[Gate, ...] = ()
    confidence: float | None = None
    min_comparison_rows: int | None = None

    def __post_init__(self) -> None:
        check_metric(self.metric)
        if not self.min_improvement >= 0:
            raise PodiumError(f"min_improvement must be 0 or more, not {self.min_improvement}")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise PodiumError(f"confidence must be between 0 and 1, not {self.confidence}")
        if self.min_comparison_rows is not None and self.min_comparison_rows < 1:
            raise PodiumError(f"min_comparison_rows must be 1 or more, not {self.min_comparison_rows}")

    @property
    def least_rows(self) -> int:
        """The least number of rows for a comparison: what is given, or what the test needs for its power."""
        return self.min_comparison_rows or rows_for_power(self.confidence or USUAL_CONFIDENCE)

    def gain(self, challenger: Candidate, champion: Candidate) -> float:
        """Return by how much the challenger is better; negative if it is worse."""
        difference = challenger.metrics[self.metric] - champion.metrics[self.metric]
        return difference if greater_is_better(self.metric) else -difference

    def improves(self, challenger: Candidate, champion: Candidate) -> bool:
        """Return whether a challenger is better by at least the required improvement."""
        gain = self.gain(challenger, champion)
        return gain > 0 and gain >= self.min_improvement

    def can_compete(self, candidate: Candidate) -> bool:
        """Return whether a candidate has a finite score and no failure."""
        return not candidate.failure and math.isfinite(candidate.metrics.get(self.metric, math.nan))

    def ranked(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return candidates best first, ties by version; those that cannot compete come last."""
        sign = -1 if greater_is_better(self.metric) else 1
        return sorted(
            candidates,
            key=lambda c: (0, sign * c.metrics[self.metric], c.version) if self.can_compete(c) else (1, 0.0, c.version),
        )


@dataclass(frozen=True)
class Decision:
    """A decision about Production.

    Parameters
    ----------
    verdict : {"promoted", "kept", "nothing"}
        There is a new champion; the champion stays; there is neither a champion nor a promotable candidate.
    champion : Candidate or None
        The version in Production after the decision.
    previous : Candidate or None
        The version in Production before it.
    reason : str
        Why, in one sentence.
    ranking : tuple of Candidate
        All compared versions, best first, including the previous champion.
    """

    verdict: Verdict
    champion: Candidate | None
    previous: Candidate | None
    reason: str
    ranking: tuple[Candidate, ...]


def decide(
    candidates: Sequence[Candidate],
    champion: Candidate | None,
    rule: Rule,
    review: Callable[[Candidate], Candidate] = lambda candidate: candidate,
) -> Decision:
    """Choose the version for Production among new candidates and the champion.

    Ties go to the champion, then to the earlier version. If the rule has a confidence, the p-values are corrected by
    Holm's method for all candidates that can compete. Those that are not better than the champion count too, untested.

    Parameters
    ----------
    candidates : sequence of Candidate
        The challengers; the champion may be among them.
    champion : Candidate or None
        The version in Production.
    rule : Rule
        The rule that decides.
    review : callable
        Returns a candidate with its failure, if there is one, and with its p-value if the rule has a confidence. It may
        take long, so it is called only for candidates that would win, best first.
    """
    challengers = [c for c in candidates if champion is None or c.version != champion.version]
    competing = [c for c in rule.ranked(challengers) if rule.can_compete(c)]
    rival = champion if champion is not None and rule.can_compete(champion) else None
    reviewed = _reviewed(competing, rival, rule, review)
    known = {c.version: c for c in reviewed}
    ranking = tuple(rule.ranked([*(known.get(c.version, c) for c in challengers), *([champion] if champion else [])]))
    winner = next((c for c in reviewed if not c.failure), None)
    note = f"; {rival.basis}" if rival and rival.basis and competing else ""
    if winner:
        why = _why_promoted(winner, champion, rule, len(competing))
        return Decision("promoted", winner, champion, why + note, ranking)
    best = known.get(competing[0].version, competing[0]) if competing else None
    verdict: Verdict = "kept" if champion else "nothing"
    return Decision(verdict, champion, champion, _why_not_promoted(best, champion, rival, rule) + note, ranking)


def _reviewed(
    competing: Sequence[Candidate], rival: Candidate | None, rule: Rule, review: Callable[[Candidate], Candidate]
) -> list[Candidate]:
    """Review the candidates that are better than the rival: all if their leads are tested, else until one passes."""
    leading = [c for c in competing if rival is None or rule.improves(c, rival)]
    if rule.confidence is not None and rival is not None:
        return _significant([review(c) for c in leading], len(competing), 1 - rule.confidence)
    reviewed: list[Candidate] = []
    for candidate in leading:
        reviewed.append(review(candidate))
        if not reviewed[-1].failure:
            break
    return reviewed


def _significant(reviewed: Sequence[Candidate], compared: int, level: float) -> list[Candidate]:
    """Return candidates with corrected p-values, and with a failure if the lead is not significant."""
    tested = [c for c in reviewed if c.p_value is not None]
    corrected = dict(zip((c.version for c in tested), holm([c.p_value or 0.0 for c in tested], compared), strict=True))
    return [_check_lead(replace(c, adjusted=corrected.get(c.version)), compared, level) for c in reviewed]


def _check_lead(candidate: Candidate, compared: int, level: float) -> Candidate:
    """Return a candidate with a failure if its lead over the champion is not significant."""
    if candidate.failure or (candidate.adjusted is not None and candidate.adjusted <= level):
        return candidate
    if candidate.adjusted is None:
        return replace(candidate, failure="the lead cannot be tested")
    found = _p_value(candidate.adjusted, compared)
    return replace(candidate, failure=f"the lead is not significant: {found} ({level:.2g} required)")


def _p_value(adjusted: float, compared: int) -> str:
    return f"p = {adjusted:.2g}{f' among {compared} candidates' if compared > 1 else ''}"


def _score(candidate: Candidate, rule: Rule) -> str:
    value = candidate.metrics.get(rule.metric)
    return f"no {rule.metric}" if value is None else f"{rule.metric} {value:.4f}"


def _why_promoted(winner: Candidate, champion: Candidate | None, rule: Rule, compared: int) -> str:
    score = _score(winner, rule)
    if champion is None:
        return f"{_named(winner)} is the first champion with {score}"
    if not rule.can_compete(champion):
        why = champion.failure or f"it has no {rule.metric}"
        return f"{_named(winner)} with {score} replaces {_named(champion)}, which cannot be compared: {why}"
    test = "" if winner.adjusted is None else f", {_p_value(winner.adjusted, compared)}"
    return f"{_named(winner)} has {score} against {champion.metrics[rule.metric]:.4f} of {_named(champion)}{test}"


def _why_not_promoted(best: Candidate | None, champion: Candidate | None, rival: Candidate | None, rule: Rule) -> str:
    if best is None:
        return f"no challenger; {_named(champion)} stays" if champion else "no candidate and nothing in Production"
    score = f"{_named(best)} has {_score(best, rule)}"
    against = f" against {rival.metrics[rule.metric]:.4f} of {_named(rival)}" if rival else ""
    if best.failure:
        return f"best challenger {score}{against}, but {best.failure}"
    least = rule.min_improvement
    required = f"; an improvement of at least {least:g} is required" if least else ""
    return f"best challenger {score}{against}{required}"


def _named(candidate: Candidate) -> str:
    return f"version {candidate.version} ({candidate.config})"
