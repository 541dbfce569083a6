"""A model version of the registry."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow.entities.model_registry import ModelVersion
from podium.registry.tag_names import (
    CHECKED_ON,
    CONFIG,
    ROLLED_BACK,
    SCORED_ON,
    SCORES,
    SHADOW,
    VALIDATION,
    VALIDATION_REASON,
    WARNINGS,
)


@dataclass(frozen=True)
class Version:
    """A model version as the registry stores it.

    Parameters
    ----------
    number : int
        Version number.
    run_id : str
        The MLflow run that made it.
    stage : str
        ``None``, ``Production`` or ``Archived``.
    tags : mapping of str to str
        Tags of the version.
    aliases : tuple of str
        Aliases that point to it.
    """

    number: int
    run_id: str
    stage: str
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: ModelVersion, aliases: tuple[str, ...] = ()) -> Version:
        """Convert MLflow's model version, which does not include its aliases."""
        return cls(int(found.version), found.run_id, found.current_stage, found.tags, aliases)

    @property
    def config(self) -> str:
        """Name of the config that made it."""
        return self.tags.get(CONFIG, "")

    @property
    def metrics(self) -> dict[str, float]:
        """Scores on the held-out rows by metric, its number of warnings, and what was measured while it was shadow."""
        counted = {} if self.warnings is None else {"warnings": float(len(self.warnings))}
        return {**json.loads(self.tags.get(SCORES, "{}")), **counted, **self.shadow}

    @property
    def warnings(self) -> list[dict[str, Any]] | None:
        """The warnings of its training, with ``category``, ``message`` and ``count``; None if none were recorded."""
        recorded = self.tags.get(WARNINGS)
        return None if recorded is None else list(json.loads(recorded))

    @property
    def shadow(self) -> dict[str, float]:
        """Metrics measured while it ran as shadow model; empty if it did not."""
        return dict(json.loads(self.tags.get(SHADOW, "{}")))

    @property
    def scored_on(self) -> str:
        """Digest of the rows that the scores were computed on."""
        return self.tags.get(SCORED_ON, "")

    @property
    def checked_on(self) -> str:
        """Digest of the rows that the last validation used, whether it gave scores or not."""
        return self.tags.get(CHECKED_ON, self.scored_on)

    @property
    def failure(self) -> str:
        """Why it must not be promoted: it was rolled back or failed validation; empty otherwise."""
        if reason := self.tags.get(ROLLED_BACK):
            return f"rolled back: {reason}"
        if self.tags.get(VALIDATION) != "failed":
            return ""
        return self.tags.get(VALIDATION_REASON, "failed validation")
