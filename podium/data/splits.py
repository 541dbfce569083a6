"""How the rows of a data set are split."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Split:
    """How rows are divided, the same for every candidate so that scores compare.

    Parameters
    ----------
    test_size : float
        Share of the rows, in (0, 1), that no training sees.
    folds : int
        Folds of the stratified cross-validation on the rest, 2 or more.
    seed : int
        Seed of the split, of the folds and of every estimator that does not name its own.
    """

    test_size: float = 0.4
    folds: int = 5
    seed: int = 0

    @classmethod
    def from_spec(cls, value: Mapping[str, Any] | None) -> Split:
        """Read the ``split`` argument of a spec; what it leaves out has its default.

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
        if not 0 < split.test_size < 1 or split.folds < 2:  # noqa: PLR2004
            raise PodiumError(f"split wants test_size between 0 and 1 and 2 folds or more, not {asdict(split)}")
        return split


def split_digest(split: Split) -> str:
    """Return the SHA-256, in hexadecimal, of how rows are split."""
    return hashlib.sha256(json.dumps(asdict(split), sort_keys=True).encode()).hexdigest()
