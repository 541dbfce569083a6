"""The JSON Schemas of configs and specs, as package data; ``podium schema`` writes copies for editors."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["CONFIG", "SPEC", "load"]

#: File names of the schemas.
CONFIG, SPEC = "classifier_config.schema.json", "dag_spec.schema.json"


@cache
def load(name: str) -> dict[str, Any]:
    """Return a schema, :data:`CONFIG` or :data:`SPEC`, which must not be modified."""
    schema: dict[str, Any] = json.loads(resources.files(__name__).joinpath(name).read_text(encoding="utf-8"))
    return schema
