"""The parsed classifier config: one candidate."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import nonfinite_word

if TYPE_CHECKING:
    from collections.abc import Mapping


_NONFINITE = {".inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}


@dataclass(frozen=True)
class ClassifierConfig:
    """One candidate: a classifier with its parameters.

    Parameters
    ----------
    name : str
        The file's stem; a point of a grid adds its values, as in ``rf-max_depth=4``.
    path : str
        The file, as messages show it.
    estimator : str
        Class name of the classifier.
    params : dict
        Its parameters. A nested classifier is ``{"estimator": ..., "params": ..., "preprocess": ...}``, always with
        these three keys.
    preprocess : list of dict
        Transformers in order, each ``{class name: parameters}``. Before them, ``{"columns": ..., "steps": ...}`` gives
        some columns steps of their own, in the same form.
    description : str
        A note for people.
    tags : dict of str to str
        Tags of the MLflow run and model version.
    """

    name: str
    path: str
    estimator: str
    params: dict[str, Any] = field(default_factory=dict)
    preprocess: list[dict[str, Any]] = field(default_factory=list)
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of what determines the training: estimator, parameters and preprocessing.

        Formatting, the order of keys, name, description and tags do not change it; nor does ``1`` instead of ``1.0`` if
        the parameter is a real number.
        """
        content = {"estimator": self.estimator, "params": self.params, "preprocess": self.preprocess}
        return hashlib.sha256(json.dumps(encoded(content), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the config as JSON values; infinite numbers and NaN become ``".inf"``, ``"-.inf"`` and ``".nan"``."""
        return asdict(self) | {"params": encoded(self.params), "preprocess": encoded(self.preprocess)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassifierConfig:
        """Return the config from the result of `as_dict`."""
        decoded = {"params": _decoded(values["params"]), "preprocess": _decoded(values["preprocess"])}
        return cls(**{**values, **decoded})


def encoded(value: Any) -> Any:
    """Return a value with infinite numbers and NaN as strings, which JSON can represent."""
    if isinstance(value, dict):
        return {key: encoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [encoded(inner) for inner in value]
    return nonfinite_word(value) if isinstance(value, float) and not math.isfinite(value) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_decoded(inner) for inner in value]
    return _NONFINITE.get(value, value) if isinstance(value, str) else value
