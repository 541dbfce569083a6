"""Check a model as it will be served: loaded back from the registry and scored anew on the held-out rows."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium import data, metrics, registry

if TYPE_CHECKING:
    from podium.plan import Job

# A model that was saved and loaded predicts the same bits on the same machine; another processor may round otherwise.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Check:
    """What came of checking a version.

    Parameters
    ----------
    scores : dict of str to float
        On the held-out rows, by the names of :mod:`podium.metrics`; empty when the model cannot be asked.
    failures : tuple of str
        Why it must not be promoted; empty when it passed.
    """

    scores: dict[str, float]
    failures: tuple[str, ...]


def check(models: registry.Registry, version: registry.Version, job: Job) -> Check:
    """Load a version from the registry, score it, and write verdict and scores on it.

    Parameters
    ----------
    models : Registry
        Where it is.
    version : Version
        What to check.
    job : Job
        The rows it is checked on.
    """
    outcome = _ask(models, version, job)
    tags = {
        registry.VALIDATION: "failed" if outcome.failures else "passed",
        registry.VALIDATION_REASON: "; ".join(outcome.failures),
    }
    if outcome.scores:
        tags |= {registry.SCORES: json.dumps(outcome.scores), registry.SCORED_ON: job.held_out_digest()}
    models.tag_version(version.number, tags)
    return outcome


def _ask(models: registry.Registry, version: registry.Version, job: Job) -> Check:
    rows = data.load(job.dataset, job.split)
    try:
        model = models.load(version.number)
        missing = set(model.feature_names_in_) ^ set(rows.x_test.columns)
        if missing:
            return Check({}, (f"its columns are not those of {rows.name}: {', '.join(sorted(missing))}",))
        if unknown := set(rows.y_train) - set(model.classes_):
            return Check({}, (f"it cannot predict {', '.join(sorted(map(str, unknown)))}",))
        scores = metrics.score(model, rows.x_test, rows.y_test)
    except Exception as error:  # noqa: BLE001
        # Whatever a stored model raises is a verdict on that model, not a failure of the check.
        return Check({}, (f"{type(error).__name__}: {' '.join(str(error).split())}",))
    logged = version.metrics if version.scored_on == job.held_out_digest() else {}
    failures = tuple(
        f"{name} is {scores.get(name, math.nan):.6f}, logged was {value:.6f}"
        for name, value in logged.items()
        if name != "predict_seconds" and not math.isclose(scores.get(name, math.nan), value, abs_tol=TOLERANCE)
    )
    return Check(scores, failures)
