"""The gates that a model version must pass: MLflow's metric thresholds, by metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean
from podium.evaluation import scorers
from podium.evaluation.metrics import GREATER_IS_BETTER, greater_is_better

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# What an inference server measures while a version runs as its shadow model: the share of predictions that equal
# Production's, the median time of a prediction, and the number of rows. A version without such a run has none of them.
SHADOW = {"shadow_agreement": True, "shadow_latency_ms": False, "shadow_rows": True}
# What is measured in addition to the scores: by validation, the time to predict one row, and the size of the saved
# model; by training, the number of different warnings.
MEASURED = {"latency_ms": False, "model_bytes": False, "warnings": False, **SHADOW}
UNRECORDED = "a gate limits its warnings, which its training did not record: train it again"
# The least improvement over a champion whose value is 0, for which there is no relative change.
LEAST_CHANGE = 1e-10


@dataclass(frozen=True)
class Gate:
    """A requirement on one metric. Each part has the same meaning as in MLflow's ``MetricThreshold``.

    Parameters
    ----------
    metric : str
        A metric of :mod:`podium.evaluation.metrics`, ``latency_ms`` (median time to predict one row), ``model_bytes``,
        ``warnings`` (number of different warnings of the training), one of :data:`SHADOW`, or any scorer of
        scikit-learn (higher is always better).
    threshold : float or None
        The metric must be at least this, or at most this if lower is better.
    min_absolute_change : float or None
        By how much it must be better than the champion's, in the metric's units; above 0.
    min_relative_change : float or None
        By what share of the champion's value it must be better; 0 to 1.

    Raises
    ------
    PodiumError
        If the metric is unknown, no part is given, or one is out of range.
    """

    metric: str
    # The metadata is the range of each part, as JSON Schema.
    threshold: float | None = field(default=None, metadata={})
    min_absolute_change: float | None = field(default=None, metadata={"exclusiveMinimum": 0})
    min_relative_change: float | None = field(default=None, metadata={"minimum": 0, "maximum": 1})

    def __post_init__(self) -> None:
        if self.metric not in GREATER_IS_BETTER and self.metric not in MEASURED and self.metric not in scorers.names():
            hint = did_you_mean(self.metric, known()) or ": use a metric of training or a scorer of scikit-learn"
            if instead := scorers.instead_of(self.metric):
                hint = f": it is for rows with several labels, use {instead}"
            raise PodiumError(f"unknown metric {self.metric!r} in gates{hint}")
        self._check_parts()

    def __str__(self) -> str:
        words = {
            "threshold": "at least" if self.greater_is_better else "at most",
            "min_absolute_change": "better than the champion by",
            "min_relative_change": "better than the champion by the share",
        }
        required = [f"{words[part]} {getattr(self, part):,}" for part in PARTS if getattr(self, part) is not None]
        return f"{self.metric} {' and '.join(required)}"

    @property
    def greater_is_better(self) -> bool:
        """Whether higher is better."""
        return MEASURED.get(self.metric, greater_is_better(self.metric))

    def failures(self, candidate: Mapping[str, float], champion: Mapping[str, float] | None) -> list[str]:
        """Return why a candidate does not pass, one sentence per part; empty if it passes.

        Parameters
        ----------
        candidate : mapping of str to float
            Its metrics.
        champion : mapping of str to float or None
            The champion's metrics. Without a champion, only the threshold is checked.
        """
        value = candidate.get(self.metric, math.nan)
        if not math.isfinite(value):
            return [UNRECORDED if self.metric == "warnings" else f"it has no {self.metric}, which a gate requires"]
        found = []
        if self.threshold is not None and not self._reaches(value, self.threshold):
            bound = "at least" if self.greater_is_better else "at most"
            found.append(f"{self.metric} is {value:.6g}; the gate requires {bound} {self.threshold:,}")
        if champion is not None and (self.min_absolute_change is not None or self.min_relative_change is not None):
            found += self._failures_against(value, champion.get(self.metric, math.nan))
        return found

    def _failures_against(self, value: float, champion: float) -> list[str]:
        if not math.isfinite(champion):
            return [f"{self.metric} is {value:.6g}; the champion has none to compare with"]
        shown = f"{self.metric} is {value:.6g} against the champion's {champion:.6g}; the gate requires an improvement"
        sign = 1 if self.greater_is_better else -1
        found = []
        change = self.min_absolute_change
        if change is not None and not self._reaches(value, champion + sign * change):
            found.append(f"{shown} of {change:g}")
        share = self.min_relative_change
        if share is not None and not self._improves_by_share(value, champion, share):
            found.append(f"{shown} of {share:.3g} times the champion's value")
        return found

    def _improves_by_share(self, value: float, champion: float, share: float) -> bool:
        sign = 1 if self.greater_is_better else -1
        if champion == 0:
            return self._reaches(value, sign * LEAST_CHANGE)
        return sign * (value - champion) / abs(champion) >= share

    def _reaches(self, value: float, bound: float) -> bool:
        return value >= bound if self.greater_is_better else value <= bound

    def _check_parts(self) -> None:
        given = {part: getattr(self, part) for part in PARTS if getattr(self, part) is not None}
        if not given:
            raise PodiumError(f"gate {self.metric}: one of these is required: {', '.join(PARTS)}")
        for part, value in given.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise PodiumError(f"gate {self.metric}: {part} must be a number, not {value!r}")
            if not _is_in_range(value, RANGES[part]):
                raise PodiumError(f"gate {self.metric}: {part} must be {_words(RANGES[part])}")


#: The parts of a gate, and their ranges as JSON Schema.
RANGES: dict[str, Mapping[str, Any]] = {part.name: part.metadata for part in fields(Gate) if part.name != "metric"}
PARTS = tuple(RANGES)


def _is_in_range(value: float, schema: Mapping[str, Any]) -> bool:
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return bool(least <= value <= most and value > schema.get("exclusiveMinimum", -math.inf))


def _words(schema: Mapping[str, Any]) -> str:
    if "exclusiveMinimum" in schema:
        return f"above {schema['exclusiveMinimum']}"
    return f"between {schema['minimum']} and {schema['maximum']}"


def known() -> list[str]:
    """Return every metric that a gate can name."""
    return [*GREATER_IS_BETTER, *MEASURED, *sorted(set(scorers.names()) - set(GREATER_IS_BETTER))]


def described(gates: Iterable[Gate]) -> list[str]:
    """Return gates as sentences in a fixed order, so that the gates of two decisions can be compared."""
    return sorted(map(str, gates))


def from_spec(value: Mapping[str, Any] | None) -> tuple[Gate, ...]:
    """Parse the ``gates`` argument of a spec: by metric, the arguments of MLflow's ``MetricThreshold``.

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
