"""The rules that decide which version is Production: plain functions, without Airflow or MLflow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from podium.metrics import GREATER_IS_BETTER
from podium.problems import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        Scores on the held-out rows, by the names of :mod:`podium.metrics`.
    failure : str
        Why it may not be promoted; empty when nothing speaks against it.
    """

    version: int
    config: str
    estimator: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True)
class Rule:
    """What decides: a metric on the held-out rows, and by how much a challenger must beat the champion.

    Parameters
    ----------
    metric : str
        One of :data:`podium.metrics.GREATER_IS_BETTER`.
    min_improvement : float
        The least difference, in the metric's own units, 0 or more. With 0 any strict improvement promotes.

    Raises
    ------
    PodiumError
        If the metric is unknown or the improvement negative.
    """

    metric: str = "balanced_accuracy"
    min_improvement: float = 0.0

    def __post_init__(self) -> None:
        if self.metric not in GREATER_IS_BETTER:
            hint = did_you_mean(self.metric, GREATER_IS_BETTER) or f": known are {', '.join(GREATER_IS_BETTER)}"
            raise PodiumError(f"unknown metric {self.metric!r}{hint}")
        if not self.min_improvement >= 0:
            raise PodiumError(f"min_improvement must be 0 or more, not {self.min_improvement}")

    def gain(self, challenger: Candidate, champion: Candidate) -> float:
        """Return by how much the challenger is better; negative when it is worse."""
        difference = challenger.metrics[self.metric] - champion.metrics[self.metric]
        return difference if GREATER_IS_BETTER[self.metric] else -difference

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


def decide(candidates: Sequence[Candidate], champion: Candidate | None, rule: Rule) -> Decision:
    """Choose what is in Production among new candidates and the champion.

    Ties go to the champion, then to the earlier version.

    Parameters
    ----------
    candidates : sequence of Candidate
        The challengers; the champion may be among them.
    champion : Candidate or None
        What is in Production now.
    rule : Rule
        What decides.
    """
    challengers = [c for c in candidates if champion is None or c.version != champion.version]
    ranking = tuple(rule.ranked([*challengers, *([champion] if champion else [])]))
    best = next((c for c in rule.ranked(challengers) if rule.can_compete(c)), None)
    if best is None:
        if champion is None:
            return Decision("nothing", None, None, "no candidate and nothing in Production", ranking)
        return Decision("kept", champion, champion, f"no challenger; {_named(champion)} stays", ranking)
    score = f"{rule.metric} {best.metrics[rule.metric]:.4f}"
    if champion is None:
        return Decision("promoted", best, None, f"{_named(best)} is the first champion with {score}", ranking)
    if not rule.can_compete(champion):
        why = champion.failure or f"it has no {rule.metric}"
        reason = f"{_named(best)} with {score} replaces {_named(champion)}, which cannot be compared: {why}"
        return Decision("promoted", best, champion, reason, ranking)
    gain = rule.gain(best, champion)
    against = f"{score} against {champion.metrics[rule.metric]:.4f} of {_named(champion)}"
    if gain > 0 and gain >= rule.min_improvement:
        return Decision("promoted", best, champion, f"{_named(best)} has {against}", ranking)
    needed = f", {rule.min_improvement:g} more is needed" if rule.min_improvement else ""
    return Decision("kept", champion, champion, f"best challenger {_named(best)} has {against}{needed}", ranking)


def _named(candidate: Candidate) -> str:
    return f"version {candidate.version} ({candidate.config})"
