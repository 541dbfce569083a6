"""The rules that decide which version is Production: plain functions, without Airflow or MLflow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from podium.errors import PodiumError, did_you_mean
from podium.evaluation.metrics import GREATER_IS_BETTER
from podium.evaluation.significance import holm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from podium.evaluation.gates import Gate


Verdict = Literal["promoted", "kept", "nothing"]


@dataclass(frozen=True)
class Candidate:
    """A model version that could be in Production.

    Parameters
    ----------
    version : int
        Number in the registry; a lower one is older.
    config, estimator : str
        Name of the config that made it, and its classifier.
    metrics : mapping of str to float
        Scores on the held-out rows, by the names of :mod:`podium.evaluation.metrics`.
    failure : str
        Why it may not be promoted; empty when nothing speaks against it.
    p_value : float or None
        How likely its lead over the champion would be by luck alone, in the test that decides.
    adjusted : float or None
        The same, corrected for how many candidates were compared with the champion.
    """

    version: int
    config: str
    estimator: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    p_value: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True)
class Rule:
    """What decides: a metric on the held-out rows, and what a challenger must show to replace the champion.

    Parameters
    ----------
    metric : str
        One of :data:`podium.evaluation.metrics.GREATER_IS_BETTER`.
    min_improvement : float
        The least difference, in the metric's own units, 0 or more. With 0 any strict improvement promotes.
    gates : tuple of Gate
        What every version must pass.
    confidence : float or None
        How sure it has to be that the lead is not luck, in (0, 1); None where the metric alone decides.

    Raises
    ------
    PodiumError
        If the metric is unknown, the improvement negative or the confidence out of range.
    """

    metric: str = "balanced_accuracy"
    min_improvement: float = 0.0
    gates: tuple[Gate, ...] = ()
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in GREATER_IS_BETTER:
            hint = did_you_mean(self.metric, GREATER_IS_BETTER) or f": known are {', '.join(GREATER_IS_BETTER)}"
            raise PodiumError(f"unknown metric {self.metric!r}{hint}")
        if not self.min_improvement >= 0:
            raise PodiumError(f"min_improvement must be 0 or more, not {self.min_improvement}")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise PodiumError(f"confidence must be between 0 and 1, not {self.confidence}")

    def gain(self, challenger: Candidate, champion: Candidate) -> float:
        """Return by how much the challenger is better; negative when it is worse."""
        difference = challenger.metrics[self.metric] - champion.metrics[self.metric]
        return difference if GREATER_IS_BETTER[self.metric] else -difference

    def improves(self, challenger: Candidate, champion: Candidate) -> bool:
        """Tell whether a challenger is better by enough."""
        gain = self.gain(challenger, champion)
        return gain > 0 and gain >= self.min_improvement

    def can_compete(self, candidate: Candidate) -> bool:
        """Tell whether a candidate has a finite score and nothing against it."""
        return not candidate.failure and math.isfinite(candidate.metrics.get(self.metric, math.nan))

    def ranked(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return candidates best first; ties go to the earlier version, those that cannot compete come last."""
        sign = -1 if GREATER_IS_BETTER[self.metric] else 1
        return sorted(
            candidates,
            key=lambda c: (0, sign * c.metrics[self.metric], c.version) if self.can_compete(c) else (1, 0.0, c.version),
        )


@dataclass(frozen=True)
class Decision:
    """What was decided about Production, and why.

    Parameters
    ----------
    verdict : {"promoted", "kept", "nothing"}
        A new champion; the old one stays; there is neither an old one nor a candidate.
    champion : Candidate or None
        What is in Production now.
    previous : Candidate or None
        What was in Production before.
    reason : str
        One sentence.
    ranking : tuple of Candidate
        Everything that was compared, best first, the previous champion included.
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
    examine: Callable[[Candidate], Candidate] = lambda candidate: candidate,
) -> Decision:
    """Choose what is in Production among new candidates and the champion.

    Ties go to the champion, then to the earlier version. Where the rule asks for confidence, the p-values of all
    candidates are corrected by Holm's method: those that are not better than the champion count, and are not asked.

    Parameters
    ----------
    candidates : sequence of Candidate
        The challengers; the champion may be among them.
    champion : Candidate or None
        What is in Production now.
    rule : Rule
        What decides.
    examine : callable
        Gives a candidate back with what speaks against it and, for a rule with confidence, its p-value. It is asked
        only about those that would win, the best first: it may take long.
    """
    challengers = [c for c in candidates if champion is None or c.version != champion.version]
    competing = [c for c in rule.ranked(challengers) if rule.can_compete(c)]
    rival = champion if champion is not None and rule.can_compete(champion) else None
    leading = [c for c in competing if rival is None or rule.improves(c, rival)]
    if rule.confidence is not None and rival is not None:
        examined = _certain([examine(c) for c in leading], len(competing), rule.confidence)
    else:
        examined = _until_one_passes(leading, examine)
    winner = next((c for c in examined if not c.failure), None)
    known = {c.version: c for c in examined}
    everything = [*(known.get(c.version, c) for c in challengers), *([champion] if champion else [])]
    ranking = tuple(rule.ranked(everything))
    if winner:
        return Decision("promoted", winner, champion, _why_promoted(winner, champion, rule, len(competing)), ranking)
    best = known.get(competing[0].version, competing[0]) if competing else None
    verdict: Verdict = "kept" if champion else "nothing"
    return Decision(verdict, champion, champion, _why_not(best, champion, rival, rule), ranking)


def _until_one_passes(leading: Sequence[Candidate], examine: Callable[[Candidate], Candidate]) -> list[Candidate]:
    examined: list[Candidate] = []
    for candidate in leading:
        examined.append(examine(candidate))
        if not examined[-1].failure:
            break
    return examined


def _certain(examined: Sequence[Candidate], compared: int, confidence: float) -> list[Candidate]:
    """Return candidates with corrected p-values, and a failure where the lead may be luck."""
    tested = [c for c in examined if c.p_value is not None]
    corrected = dict(zip((c.version for c in tested), holm([c.p_value or 0.0 for c in tested], compared), strict=True))
    return [_luck(replace(c, adjusted=corrected.get(c.version)), compared, 1 - confidence) for c in examined]


def _luck(candidate: Candidate, compared: int, level: float) -> Candidate:
    if candidate.failure or (candidate.adjusted is not None and candidate.adjusted <= level):
        return candidate
    among = f" among {compared} candidates" if compared > 1 else ""
    failure = (
        "its lead cannot be tested"
        if candidate.adjusted is None
        else f"its lead may be luck: p = {candidate.adjusted:.2g}{among}, {level:.2g} or less is asked for"
    )
    return replace(candidate, failure=failure)


def _why_promoted(winner: Candidate, champion: Candidate | None, rule: Rule, compared: int) -> str:
    score = f"{rule.metric} {winner.metrics[rule.metric]:.4f}"
    if champion is None:
        return f"{_named(winner)} is the first champion with {score}"
    if not rule.can_compete(champion):
        why = champion.failure or f"it has no {rule.metric}"
        return f"{_named(winner)} with {score} replaces {_named(champion)}, which cannot be compared: {why}"
    luck = ""
    if winner.adjusted is not None:
        luck = f", p = {winner.adjusted:.2g}{f' among {compared} candidates' if compared > 1 else ''}"
    return f"{_named(winner)} has {score} against {champion.metrics[rule.metric]:.4f} of {_named(champion)}{luck}"


def _why_not(best: Candidate | None, champion: Candidate | None, rival: Candidate | None, rule: Rule) -> str:
    if best is None:
        stays = f"no challenger; {_named(champion)} stays" if champion else ""
        return stays or "no candidate and nothing in Production"
    score = f"{_named(best)} has {rule.metric} {best.metrics[rule.metric]:.4f}"
    against = f" against {rival.metrics[rule.metric]:.4f} of {_named(rival)}" if rival else ""
    if best.failure:
        return f"best challenger {score}{against}, but {best.failure}"
    needed = f", {rule.min_improvement:g} more is needed" if rule.min_improvement else ""
    return f"best challenger {score}{against}{needed}"


def _named(candidate: Candidate) -> str:
    return f"version {candidate.version} ({candidate.config})"
