"""The model that a worker serves."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from podium.errors import RequestError
from podium.serving import prometheus
from podium.serving.scoring import Scorer

if TYPE_CHECKING:
    from podium.serving.messages import ModelReady
    from podium.serving.model import LoadedModel


@dataclass(frozen=True)
class ServedModel:
    """A model that makes the predictions for requests.

    Parameters
    ----------
    loaded : LoadedModel
        The model.
    seconds : float
        Time of a prediction for its input example.
    since : str
        When it started to serve, ISO 8601.
    """

    loaded: LoadedModel
    seconds: float
    since: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer of the model."""
        return Scorer(self.loaded.model)

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Response headers that name the model and its version."""
        info = self.loaded.info
        return [
            (b"x-podium-model", quote(info.model).encode()),
            (b"x-podium-model-version", str(info.version).encode()),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the fields of ``GET /model`` about the version."""
        info, signature = self.loaded.info, self.loaded.model.metadata.signature
        return {
            "version": info.version,
            "config": info.config,
            "estimator": info.estimator,
            "run_id": info.run_id,
            "since": self.since,
            "metrics": dict(info.metrics),
            "signature": {
                part: json.loads(text) if text else None for part, text in (signature.to_dict() or {}).items()
            },
            "is_copy": self.loaded.is_copy,
        }


class CurrentModel:
    """Holds the model that a worker serves, and replaces it in one step.

    Parameters
    ----------
    name : str
        Name of the registered model.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.served: ServedModel | None = None

    def replace(self, ready: ModelReady) -> None:
        """Serve another model, after it has predicted for its input example in this process too."""
        loaded: LoadedModel = pickle.loads(ready.pickled)  # noqa: S301 - from the main process of this server
        served = ServedModel(loaded, loaded.time_prediction())
        served.scorer, served.headers  # noqa: B018 - computed before the first request needs them
        self.served = served
        prometheus.VERSION.labels(self.name).set(ready.info.version)

    def unavailable(self) -> RequestError:
        """Return the error for a request while no version is served."""
        return RequestError(503, "TEMPORARILY_UNAVAILABLE", f"no version of {self.name} is in Production yet")

    def as_json(self) -> dict[str, Any]:
        """Return the fields of ``GET /model`` about the served version."""
        if self.served:
            return self.served.as_json()
        nothing = dict.fromkeys(("version", "config", "estimator", "run_id", "since", "signature"))
        return {**nothing, "metrics": {}, "is_copy": False}
