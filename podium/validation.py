"""Check a model as it will be served: loaded back from the registry and asked anew about the held-out rows."""

from __future__ import annotations

import json
import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium import data, gates, metrics, registry
from podium.problems import PodiumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podium.data import Dataset
    from podium.gates import Gate
    from podium.plan import Job

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
        On the held-out rows, by the names of :mod:`podium.metrics`, and what :data:`podium.gates.MEASURED` names;
        empty when the model cannot be asked.
    failures : tuple of str
        Why it must not be promoted; empty when it passed.
    model : sklearn.pipeline.Pipeline or None
        The model itself; None when it cannot be asked.
    """

    scores: dict[str, float]
    failures: tuple[str, ...]
    model: Any = None


def check(models: registry.Registry, version: registry.Version, job: Job, asked: Sequence[Gate] = ()) -> Check:
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
        tags = {registry.SCORES: json.dumps(scores), registry.SCORED_ON: job.held_out_digest()}
    tags[registry.VALIDATION_REASON] = "; ".join(outcome.failures)
    tags[registry.VALIDATION] = "failed" if outcome.failures else "passed"  # last: with it the check is finished
    models.tag_version(version.number, {k: v for k, v in tags.items() if version.tags.get(k, "") != v})
    return outcome


def _ask(models: registry.Registry, version: registry.Version, job: Job, asked: Sequence[Gate]) -> Check:
    rows = data.load(job.dataset, job.split)
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
    text = " ".join(str(error).split())
    if isinstance(error, PodiumError):
        return text
    _, found, cause = text.rpartition(" Error: ")
    return f"its signature does not fit: {cause}" if found else f"{type(error).__name__}: {text}"
