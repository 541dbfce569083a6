"""How the shadow model compares with the version in Production on the same requests, and its record in MLflow."""

from __future__ import annotations

import json
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podium.errors import RequestError
from podium.registry import tag_names
from podium.registry.names import SHADOW

if TYPE_CHECKING:
    from podium.registry.client import Registry
    from podium.serving.messages import AnsweredRequest
    from podium.serving.model import VersionInfo
    from podium.serving.scoring import Scorer

#: Tag of a run: the version that was the shadow model.
VERSION = "podium.shadow_version"
#: Number of the most recent predictions whose times the medians cover.
TIMES = 10_000


@dataclass
class Comparison:
    """How a shadow model compares with one version in Production.

    Parameters
    ----------
    info : VersionInfo
        The shadow model.
    production : int
        The version in Production.
    rows, agreed, refused, dropped : int
        Compared rows, rows with the same prediction, rows for which the shadow model could not predict, and dropped
        requests.
    """

    info: VersionInfo
    production: int
    rows: int = 0
    agreed: int = 0
    refused: int = 0
    dropped: int = 0
    shadow_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))
    production_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))

    def add(self, scorer: Scorer, request: AnsweredRequest) -> None:
        """Predict for a request that Production has answered, and compare."""
        expected = json.loads(request.response)["predictions"]
        started = time.perf_counter()
        try:
            response = scorer.predict(request.body, request.content_type, len(expected)).body
            found = json.loads(response)["predictions"]
        except RequestError:
            found = []
            self.refused += len(expected)
        self.shadow_seconds.append(time.perf_counter() - started)
        self.production_seconds.append(request.seconds)
        self.rows += len(expected)
        self.agreed += sum(a == b for a, b in zip(found, expected, strict=False))
        self.dropped += request.dropped

    def metrics(self) -> dict[str, float]:
        """Return the metrics that gates can use."""
        return {
            "shadow_agreement": self.agreed / self.rows,
            "shadow_latency_ms": statistics.median(self.shadow_seconds) * 1000,
            "shadow_rows": float(self.rows),
        }

    def as_json(self) -> dict[str, float]:
        """Return the fields that ``GET /model`` shows of the comparison."""
        return {"against": self.production, "dropped": self.dropped, **self.metrics()}

    def record(self, models: Registry, *, is_last: bool) -> None:
        """Write the metrics to a run and to the version; the last record ends the run."""
        from mlflow.entities import Metric

        run_id = self._run_id(models)
        metrics = {
            **self.metrics(),
            "production_latency_ms": statistics.median(self.production_seconds) * 1000,
            "refused_rows": float(self.refused),
            "dropped_requests": float(self.dropped),
        }
        now = int(time.time() * 1000)
        models.client.log_batch(run_id, [Metric(name, value, now, self.rows) for name, value in metrics.items()])
        models.tag_version(
            self.info.version,
            {tag_names.SHADOW: json.dumps(self.metrics()), tag_names.SHADOW_AGAINST: str(self.production)},
        )
        if is_last:
            models.client.set_terminated(run_id)

    def _run_id(self, models: Registry) -> str:
        """Return the run of this pair of versions; create it if it does not exist."""
        tags = {VERSION: str(self.info.version), tag_names.SHADOW_AGAINST: str(self.production)}
        query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        for run in models.runs(query, SHADOW):
            return str(run.info.run_id)
        name = f"version {self.info.version} beside {self.production}"
        note = f"Predictions of {self.info} for requests that version {self.production} in Production answered."
        created = models.client.create_run(
            models.experiment_id(SHADOW), run_name=name, tags={**tags, "mlflow.note.content": note}
        )
        return str(created.info.run_id)
