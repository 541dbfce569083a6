"""A model version of the registry."""

from __future__ import annotations

import functools
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
    VALIDATION_GATES,
    VALIDATION_REASON,
    WARNINGS,
)


def _is_scores(given: Any) -> bool:
    return isinstance(given, dict) and all(type(value) in {int, float} for value in given.values())


def _is_warnings(given: Any) -> bool:
    return isinstance(given, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("category"), str)
        and isinstance(one.get("message"), str)
        and type(one.get("count")) is int
        for one in given
    )


def _is_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


# The tags that hold JSON, and what makes each as Podium writes it.
_JSON_TAGS = {SCORES: _is_scores, SHADOW: _is_scores, WARNINGS: _is_warnings, VALIDATION_GATES: _is_texts}


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

    @functools.cached_property
    def _decoded(self) -> dict[str, Any]:
        """The tags that hold JSON; one that is not as Podium writes it is None."""
        found = {}
        for name, is_ours in _JSON_TAGS.items():
            if name in self.tags:
                try:
                    given = json.loads(self.tags[name])
                except (ValueError, RecursionError):
                    given = None
                found[name] = given if is_ours(given) else None
        return found

    @property
    def unreadable(self) -> list[str]:
        """The names of the tags that are not as Podium writes them: somebody else wrote them."""
        return [name for name, value in self._decoded.items() if value is None]

    @property
    def metrics(self) -> dict[str, float]:
        """Scores on the held-out rows by metric, its number of warnings, and what was measured while it was shadow."""
        counted = {} if self.warnings is None else {"warnings": float(len(self.warnings))}
        return {**(self._decoded.get(SCORES) or {}), **counted, **self.shadow}

    @property
    def warnings(self) -> list[dict[str, Any]] | None:
        """The warnings of its training, with ``category``, ``message`` and ``count``; None if none were recorded."""
        recorded: list[dict[str, Any]] | None = self._decoded.get(WARNINGS)
        return recorded

    @property
    def shadow(self) -> dict[str, float]:
        """Metrics measured while it ran as shadow model; empty if it did not."""
        return self._decoded.get(SHADOW) or {}

    @property
    def gates(self) -> list[str] | None:
        """The gates that the last validation applied; None if they were not recorded."""
        applied: list[str] | None = self._decoded.get(VALIDATION_GATES)
        return applied

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
        """Why it must not be promoted: rolled back, failed validation, or tags of somebody else; empty otherwise."""
        if reason := self.tags.get(ROLLED_BACK):
            return f"rolled back: {reason}"
        if self.unreadable:
            return f"its tag {self.unreadable[0]} cannot be read"
        if self.tags.get(VALIDATION) != "failed":
            return ""
        return self.tags.get(VALIDATION_REASON, "failed validation")
