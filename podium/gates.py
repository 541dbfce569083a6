"""The gates that a model version must pass: MLflow's metric thresholds, by name of a metric, as a spec gives them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.metrics import GREATER_IS_BETTER
from podium.problems import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What validation measures beside the scores: the time to answer for one row, and what the saved model takes.
# And what a server measures that asks a version in the shadow of Production: the share of its answers that are the
# same, the time of an answer, and of how many rows that is. Nobody has it before the version was asked.
SHADOW = {"shadow_agreement": True, "shadow_latency_ms": False, "shadow_rows": True}
MEASURED = {"latency_ms": False, "model_bytes": False, **SHADOW}
PARTS = ("threshold", "min_absolute_change", "min_relative_change")


@dataclass(frozen=True)
class Gate:
    """What one metric must be, with the meaning that MLflow's ``MetricThreshold`` gives to each part.

    Parameters
    ----------
    metric : str
        A metric of :mod:`podium.metrics`, ``latency_ms`` (median time to predict one row), ``model_bytes``, one of
        :data:`SHADOW`, or any scorer of scikit-learn, of which more is always better.
    threshold : float or None
        The metric must be at least this, or at most where less is better.
    min_absolute_change : float or None
        By how much it must be better than the champion's, in its own units, above 0.
    min_relative_change : float or None
        By what share of the champion's value it must be better, 0 to 1.

    Raises
    ------
    PodiumError
        If the metric is unknown, or MLflow refuses a part.
    """

    metric: str
    threshold: float | None = None
    min_absolute_change: float | None = None
    min_relative_change: float | None = None

    def __post_init__(self) -> None:
        known = (*GREATER_IS_BETTER, *MEASURED, *scorer_names())
        if self.metric not in known:
            hint = did_you_mean(self.metric, known) or ": it is a metric of training, or a scorer of scikit-learn"
            raise PodiumError(f"unknown metric {self.metric!r} in gates{hint}")
        self._parts()

    def __str__(self) -> str:
        words = {
            "threshold": "at least" if self.greater_is_better else "at most",
            "min_absolute_change": "better than the champion by",
            "min_relative_change": "better than the champion by the share",
        }
        asked = [f"{words[part]} {getattr(self, part):,}" for part in PARTS if getattr(self, part) is not None]
        return f"{self.metric} {' and '.join(asked)}"

    @property
    def greater_is_better(self) -> bool:
        """Whether more of the metric is better."""
        return {**GREATER_IS_BETTER, **MEASURED}.get(self.metric, True)

    def failures(self, candidate: Mapping[str, float], champion: Mapping[str, float] | None) -> list[str]:
        """Return why a candidate does not pass, one sentence a part; empty when it does.

        Parameters
        ----------
        candidate, champion : mapping of str to float
            Their metrics; None for what can be asked without a champion.
        """
        from mlflow import validate_evaluation_results
        from mlflow.models.evaluation import EvaluationResult
        from mlflow.models.evaluation.validation import ModelValidationFailedException

        value = candidate.get(self.metric, math.nan)
        if not math.isfinite(value):
            return [f"it has no {self.metric}, which a gate asks for"]
        compared = champion is not None and self.metric in champion
        baseline = EvaluationResult({self.metric: champion[self.metric]}, {}) if champion and compared else None
        found = []
        for part, threshold in self._parts().items():
            if part != PARTS[0] and champion is None:
                continue
            try:
                validate_evaluation_results(
                    {self.metric: threshold}, EvaluationResult({self.metric: value}, {}), baseline
                )
            except ModelValidationFailedException:
                found.append(self._sentence(part, value, champion[self.metric] if champion and compared else None))
        return found

    def _parts(self) -> dict[str, Any]:
        """Return each part as a threshold of MLflow's, which tells what is wrong with it."""
        from mlflow.exceptions import MlflowException
        from mlflow.models import MetricThreshold

        given = {part: getattr(self, part) for part in PARTS if getattr(self, part) is not None}
        if not given:
            raise PodiumError(f"gate {self.metric}: it needs one of {', '.join(PARTS)}")
        if "min_relative_change" in given:
            given["min_relative_change"] = float(given["min_relative_change"])
        try:
            return {
                part: MetricThreshold(**{part: value}, greater_is_better=self.greater_is_better)
                for part, value in given.items()
            }
        except MlflowException as error:
            raise PodiumError(f"gate {self.metric}: {error.message.rpartition(': ')[2]}") from None

    def _sentence(self, part: str, value: float, champion: float | None) -> str:
        limit = getattr(self, part)
        shown = f"{self.metric} is {value:.6g}"
        if part == "threshold":
            return f"{shown}, {'at least' if self.greater_is_better else 'at most'} {limit:,} is asked for"
        if champion is None:
            return f"{shown}, and the champion has none to compare with"
        by = f"{limit:g}" if part == "min_absolute_change" else f"{limit:.3g} of it"
        return f"{shown} against the champion's {champion:.6g}, better by {by} is asked for"


def from_spec(value: Mapping[str, Any] | None) -> tuple[Gate, ...]:
    """Read the ``gates`` argument of a spec: by metric, what MLflow's ``MetricThreshold`` takes.

    Raises
    ------
    PodiumError
        If a metric or a key is unknown, or a value out of range.
    """
    gates = []
    for metric, parts in (value or {}).items():
        if unknown := set(parts) - set(PARTS):
            word = min(unknown)
            raise PodiumError(f"unknown key {word!r} in gate {metric}{did_you_mean(word, PARTS)}")
        gates.append(Gate(metric, **parts))
    return tuple(gates)


@functools.cache
def scorer_names() -> list[str]:
    """Return the names of scikit-learn's scorers."""
    from sklearn.metrics import get_scorer_names

    return list(get_scorer_names())


def extra_scores(model: Any, x: Any, y: Any, gates: Sequence[Gate]) -> dict[str, float]:
    """Score a model by those scorers of scikit-learn that gates name and training does not log.

    Raises
    ------
    ValueError
        If a scorer cannot be used with this model or these labels.
    """
    from sklearn.metrics import get_scorer

    own = {**GREATER_IS_BETTER, **MEASURED}
    return {g.metric: float(get_scorer(g.metric)(model, x, y)) for g in gates if g.metric not in own}
