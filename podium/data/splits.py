"""The split of a data set's rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


MIN_FOLDS = 2


@dataclass(frozen=True)
class Split:
    """How rows are divided; the same for every candidate, so that scores are comparable.

    Parameters
    ----------
    test_size : float
        Share of the rows, in (0, 1), that no training sees.
    folds : int
        Folds of the stratified cross-validation on the other rows, 2 or more.
    seed : int
        Seed of the split, the folds and every estimator that does not set its own.
    """

    # The metadata is each field's JSON Schema in a spec.
    test_size: float = field(
        default=0.4,
        metadata={
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "description": "Share of the rows that no training sees.",
        },
    )
    folds: int = field(
        default=5,
        metadata={"type": "integer", "minimum": MIN_FOLDS, "description": "Number of folds of the cross-validation."},
    )
    seed: int = field(
        default=0,
        metadata={
            "type": "integer",
            "minimum": 0,
            "maximum": 2**32 - 1,
            "description": "Seed of the split, the folds and the estimators.",
        },
    )

    @classmethod
    def from_spec(cls, value: Mapping[str, Any] | None) -> Split:
        """Read the ``split`` argument of a spec; missing keys have their defaults.

        Raises
        ------
        PodiumError
            If a key is unknown or a value out of range.
        """
        unknown = set(value or {}) - set(cls.__dataclass_fields__)
        if unknown:
            word = min(unknown)
            raise PodiumError(f"unknown key {word!r} in split{did_you_mean(word, cls.__dataclass_fields__)}")
        split = cls(**(value or {}))
        if not 0 < split.test_size < 1 or split.folds < MIN_FOLDS:
            raise PodiumError(f"split needs a test_size between 0 and 1 and at least 2 folds, not {asdict(split)}")
        return split


def split_digest(split: Split) -> str:
    """Return the SHA-256, in hexadecimal, of how rows are split."""
    return hashlib.sha256(json.dumps(asdict(split), sort_keys=True).encode()).hexdigest()
