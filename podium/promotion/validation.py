"""Check a model as it will be served: loaded back from the registry and asked anew about the held-out rows."""

from __future__ import annotations

import json
import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.errors import PodiumError, cause, one_line
from podium.evaluation import gates, metrics
from podium.registry import tag_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.data.datasets import Dataset
    from podium.evaluation.gates import Gate
    from podium.registry.client import Registry
    from podium.registry.versions import Version
    from podium.training.job import Job


# A model that was saved and loaded predicts the same bits on the same machine; another processor may round otherwise.
TOLERANCE = 1e-6
# How long a model took is what it is at that moment: nothing that could be reproduced.
TIMES = ("fit_seconds", "predict_seconds", "latency_ms")
LATENCY_ROWS = 20


@dataclass(frozen=True)
class Check:
    """What came of checking a version.

    Parameters
    ----------
    scores : dict of str to float
        By metric, with what :data:`podium.evaluation.gates.MEASURED` names; empty if the model cannot predict.
    failures : tuple of str
        Why it must not be promoted; empty when it passed.
    model : sklearn.pipeline.Pipeline or None
        The model itself; None when it cannot be asked.
    """

    scores: dict[str, float]
    failures: tuple[str, ...]
    model: Any = None


def check(models: Registry, version: Version, job: Job, asked: Sequence[Gate] = ()) -> Check:
    """Load a version from the registry, ask it, and write verdict and scores on it.

    It has to take the rows of the data set through MLflow's own enforcement of its signature, to know every class that
    occurs, to give the scores that training has logged, and to pass the gates that need no champion.

    Parameters
    ----------
    models : Registry
        Where it is.
    version : Version
        What to check.
    job : Job
        The rows it is checked on.
    asked : sequence of Gate
        What it is scored by beyond the metrics of training, and what it must reach.
    """
    outcome = _ask(models, version, job, asked)
    tags = {}
    if outcome.scores:
        scores = {name: value for name, value in outcome.scores.items() if name not in gates.SHADOW}
        tags = {tag_names.SCORES: json.dumps(scores), tag_names.SCORED_ON: job.held_out_digest()}
    tags[tag_names.VALIDATION_REASON] = "; ".join(outcome.failures)
    tags[tag_names.VALIDATION] = "failed" if outcome.failures else "passed"  # last: with it the check is finished
    models.tag_version(version.number, {k: v for k, v in tags.items() if version.tags.get(k, "") != v})
    return outcome


def _ask(models: Registry, version: Version, job: Job, asked: Sequence[Gate]) -> Check:
    rows = datasets.load(job.dataset, job.split)
    try:
        loaded = models.load(version.number)
        model = loaded.model
        if missing := set(model.feature_names_in_) ^ set(rows.x_test.columns):
            return Check({}, (f"its columns are not those of {rows.name}: {', '.join(sorted(missing))}",))
        if unknown := set(rows.y_train) - set(model.classes_):
            return Check({}, (f"it cannot predict {', '.join(sorted(map(str, unknown)))}",))
        latency = _latency(loaded.served, rows)
        scores = metrics.score(model, rows.x_test, rows.y_test) | gates.extra_scores(
            model, rows.x_test, rows.y_test, asked
        )
    except Exception as error:  # noqa: BLE001
        # Whatever a stored model raises is a verdict on that model, not a failure of the check.
        return Check({}, (_sentence(error),))
    logged = version.metrics if version.scored_on == job.held_out_digest() else {}
    changed = [
        f"{name} is {scores.get(name, math.nan):.6f}, logged was {value:.6f}"
        for name, value in logged.items()
        if name in metrics.GREATER_IS_BETTER
        and name not in TIMES
        and not math.isclose(scores.get(name, math.nan), value, abs_tol=TOLERANCE)
    ]
    scores |= {"latency_ms": latency, "model_bytes": loaded.size}
    # What a shadow measures grows after the check, so that it is for the decision to ask.
    missed = [why for gate in asked if gate.metric not in gates.SHADOW for why in gate.failures(scores, None)]
    scores |= version.shadow
    return Check(scores, (*changed, *missed), model)


def _latency(served: Any, rows: Dataset) -> float:
    """Return how many milliseconds a model takes for one row, signature enforced, half of the time."""
    took = []
    for number in range(LATENCY_ROWS):
        row = rows.x_test.iloc[[number % len(rows.x_test)]]
        started = time.perf_counter()
        served.predict(row)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def _sentence(error: Exception) -> str:
    """Return an error in one line; MLflow's about a signature shows all the rows before it says what is wrong."""
    if isinstance(error, PodiumError):
        return one_line(error)
    if " Error: " in one_line(error):
        return f"its signature does not fit: {cause(error)}"
    return f"{type(error).__name__}: {one_line(error)}"
