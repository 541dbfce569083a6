"""Validate a model as it will be served: load it from the registry and score it on the held-out rows."""

from __future__ import annotations

import json
import math
import statistics
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.errors import PodiumError, cause, one_line
from podium.evaluation import gates, metrics
from podium.promotion import comparison
from podium.registry import tag_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.data.datasets import Dataset
    from podium.evaluation.gates import Gate
    from podium.promotion.comparison import Unseen
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job


# A saved and loaded model predicts the same bits on the same machine; another processor may round differently.
TOLERANCE = 1e-6
# Times cannot be reproduced.
TIMES = ("fit_seconds", "predict_seconds", "latency_ms")
# What only a training can measure.
OF_TRAINING = ("fit_seconds", "warnings")
LATENCY_ROWS = 20


@dataclass(frozen=True)
class Check:
    """The result of validating a version.

    Parameters
    ----------
    scores : dict of str to float
        By metric, including those in :data:`podium.evaluation.gates.MEASURED`; empty if the model cannot predict.
    failures : tuple of str
        Why it must not be promoted; empty when it passed.
    model : sklearn.pipeline.Pipeline or None
        The model; None if it cannot predict.
    unseen : Unseen or None
        The held-out rows that it was not trained on; None if that was not determined. If they are not all, it is not
        scored: `scores` has only what validation measures.
    changed : tuple of str
        Those of the failures that compare its scores with the ones that training logged.
    """

    scores: dict[str, float]
    failures: tuple[str, ...]
    model: Any = None
    unseen: Unseen | None = None
    changed: tuple[str, ...] = ()

    @property
    def unscored(self) -> str:
        """Why it was not scored; empty if it was."""
        return self.unseen.reason if self.unseen else ""


def check(models: Registry, version: Version, job: Job, required: Sequence[Gate] = (), metric: str = "") -> Check:
    """Load and score a version, and store verdict and scores in its tags.

    A version that was trained on some of the held-out rows, or on unknown rows, is loaded and measured, but not scored.

    It must accept the rows through MLflow's enforcement of its signature, know every class that occurs, reproduce the
    scores that training logged, and pass the gates that need no champion.

    Parameters
    ----------
    models : Registry
        The pipeline's registry.
    version : Version
        The version to validate.
    job : Job
        The rows it is scored on.
    required : sequence of Gate
        The gates: metrics to score in addition to those of training, and their thresholds.
    metric : str
        The deciding metric, which is scored too; by default none.
    """
    outcome = _scored(models, version, job, required, metric)
    tags = {
        tag_names.CHECKED_ON: job.held_out_digest(),
        tag_names.VALIDATION_GATES: json.dumps(gates.described(required)),
    }
    if outcome.scores and not outcome.unscored:
        scores = {name: value for name, value in outcome.scores.items() if name not in {*gates.SHADOW, "warnings"}}
        tags |= {tag_names.SCORES: json.dumps(scores), tag_names.SCORED_ON: job.held_out_digest()}
    tags[tag_names.VALIDATION_REASON] = "; ".join(outcome.failures) or outcome.unscored
    tags[tag_names.VALIDATION] = "failed" if outcome.failures else "passed"  # last: it marks the validation as finished
    models.tag_version(version.number, {k: v for k, v in tags.items() if version.tags.get(k, "") != v})
    return outcome


def is_outdated(version: Version, required: Sequence[Gate]) -> bool:
    """Return whether a version failed validation because of gates that may since have been removed or mended.

    The verdict of an earlier release, which did not record its gates, is outdated too.
    """
    if version.tags.get(tag_names.VALIDATION) != "failed" or tag_names.ROLLED_BACK in version.tags:
        return False
    return version.gates is None or not set(version.gates) <= set(gates.described(required))


def _scored(models: Registry, version: Version, job: Job, required: Sequence[Gate], metric: str) -> Check:
    logged = version.metrics if version.scored_on == job.held_out_digest() else {}
    kept = {name: value for name, value in version.metrics.items() if name in OF_TRAINING}
    more = {metric, *logged, *(gate.metric for gate in required)} - {"", *gates.MEASURED}
    rows = datasets.load(job.dataset, job.split)
    unseen = comparison.unseen(models, version, job)
    try:
        loaded = models.load(version.number)
        model = loaded.model
        if missing := set(model.feature_names_in_) ^ set(rows.x_test.columns):
            return Check({}, (f"its columns differ from those of {rows.name}: {', '.join(sorted(missing))}",))
        if unknown := set(rows.y_train) - set(model.classes_):
            return Check({}, (f"it cannot predict {', '.join(sorted(map(str, unknown)))}",))
        measured = {"latency_ms": _latency(loaded.served, rows), "model_bytes": loaded.size}
        if unseen.reason:
            return Check(measured | kept | version.shadow, (), model, unseen)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            scores = metrics.score(model, rows.x_test, rows.y_test, more=sorted(more), **rows.scoring)
    except Exception as error:  # noqa: BLE001
        # Any error of a stored model is a verdict on that model, not an error of the validation.
        return Check({}, (_sentence(error),))
    changed = [
        f"{name} is {scores.get(name, math.nan):.6f}, but training logged {value:.6f}"
        for name, value in logged.items()
        if name not in {*gates.MEASURED, *TIMES}
        and not math.isclose(scores.get(name, math.nan), value, abs_tol=TOLERANCE)
    ]
    scores |= measured | kept
    # Shadow metrics change after validation, so their gates are left to the decision.
    missed = [
        f"{why}{_why_undefined(gate.metric, said)}"
        for gate in required
        if gate.metric not in gates.SHADOW
        for why in gate.failures(scores, None)
    ]
    scores |= version.shadow
    return Check(scores, (*changed, *missed), model, unseen, tuple(changed))


def _why_undefined(metric: str, said: Sequence[warnings.WarningMessage]) -> str:
    """Return why a metric is undefined, as the end of a sentence; empty if it is not."""
    return next((f": {one.message}" for one in said if str(one.message).startswith(f"{metric} ")), "")


def _latency(served: Any, rows: Dataset) -> float:
    """Return the median time to predict one row in milliseconds, with the signature enforced."""
    took = []
    for number in range(LATENCY_ROWS):
        row = rows.x_test.iloc[[number % len(rows.x_test)]]
        started = time.perf_counter()
        served.predict(row)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def _sentence(error: Exception) -> str:
    """Return an error in one line; MLflow's signature errors print all rows before the cause."""
    if isinstance(error, PodiumError):
        return one_line(error)
    if " Error: " in one_line(error):
        return f"its signature does not fit: {cause(error)}"
    return f"{type(error).__name__}: {one_line(error)}"
