"""The split of a data set's rows, as a spec describes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


MIN_FOLDS = 2
Kind = Literal["random", "time", "group", "given"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: The key that names the column of each kind.
COLUMN_OF = {"time": "time", "group": "group", "given": "fold"}
# Part of the digest: raise it when the same split divides the same rows differently.
_REVISION = 2


@dataclass(frozen=True)
class Split:
    """How rows are divided; the same for every candidate, so that scores are comparable.

    Parameters
    ----------
    test_size : float
        Share of the rows, in (0, 1), that no training sees. The shares that a random split gives differ a little.
    folds : int
        Folds of the cross-validation on the other rows, 2 or more.
    seed : int
        Seed of the split, the folds and every estimator that does not set its own.
    kind : {"random", "time", "group", "given"}
        ``random``: by a digest of the row and the seed. ``time``: the newest rows are held out. ``group``: by a digest
        of the row's group and the seed, so that no group is in both parts. ``given``: a column names the part.
    time, group, fold : str or None
        The column with the time, the group or the part; each is required by its kind.
    gap : int
        For ``time``: how many distinct times before the held-out rows, and before each fold's, are left out.
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
    kind: Kind = field(
        default="random",
        metadata={
            "enum": list(KINDS),
            "description": "random: by a digest of the row. time: the newest rows are held out. group: no group is in"
            " both parts. given: a column names the part.",
        },
    )
    time: str | None = field(
        default=None,
        metadata={"type": "string", "description": "Column with the time of a row: ISO 8601 or a number."},
    )
    group: str | None = field(
        default=None,
        metadata={"type": "string", "description": "Column with the group of a row, such as a patient or a machine."},
    )
    fold: str | None = field(
        default=None,
        metadata={
            "type": "string",
            "description": "Column with the part of a row: test, train, or the name of a fold of the cross-validation.",
        },
    )
    gap: int = field(
        default=0,
        metadata={
            "type": "integer",
            "minimum": 0,
            "description": "For kind time: distinct times that are left out before the held-out rows.",
        },
    )

    @classmethod
    def from_spec(cls, value: Mapping[str, Any] | None) -> Split:
        """Read the ``split`` argument of a spec; missing keys have their defaults.

        Raises
        ------
        PodiumError
            If a key is unknown, a value out of range, or a key does not belong to the kind.
        """
        unknown = set(value or {}) - set(cls.__dataclass_fields__)
        if unknown:
            word = min(unknown)
            raise PodiumError(f"unknown key {word!r} in split{did_you_mean(word, cls.__dataclass_fields__)}")
        split = cls(**(value or {}))
        if not 0 < split.test_size < 1 or split.folds < MIN_FOLDS:
            raise PodiumError(
                f"split needs a test_size between 0 and 1 and at least 2 folds, not {split.test_size} and {split.folds}"
            )
        split._check_kind()
        return split

    def as_spec(self) -> dict[str, Any]:
        """Return the mapping that :meth:`from_spec` reads, without keys that have no value."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def column(self) -> str | None:
        """The column that divides the rows; None for a random split."""
        return getattr(self, COLUMN_OF[self.kind]) if self.kind in COLUMN_OF else None

    def _check_kind(self) -> None:
        if self.kind not in KINDS:
            hint = did_you_mean(self.kind, KINDS) or f": use one of {', '.join(KINDS)}"
            raise PodiumError(f"unknown kind {self.kind!r} of split{hint}")
        if self.kind in COLUMN_OF and self.column is None:
            key = COLUMN_OF[self.kind]
            raise PodiumError(f"split of kind {self.kind} needs the key {key!r}: the name of a column")
        for kind, key in COLUMN_OF.items():
            if kind != self.kind and getattr(self, key) is not None:
                raise PodiumError(f"split of kind {self.kind} has no key {key!r}: set kind: {kind}, or leave it out")
        if self.gap and self.kind != "time":
            raise PodiumError(f"split of kind {self.kind} has no key 'gap': set kind: time, or leave it out")
        if self.gap < 0:
            raise PodiumError(f"gap of split must be 0 or more, not {self.gap}")


#: The JSON Schema of ``split``.
SPLIT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {key.name: dict(key.metadata) for key in fields(Split)},
    "additionalProperties": False,
}


def split_digest(split: Split) -> str:
    """Return the SHA-256, in hexadecimal, of how rows are split."""
    described = {"revision": _REVISION, **split.as_spec()}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
