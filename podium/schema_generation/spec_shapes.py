"""JSON Schemas of arguments whose type hints are less strict than Airflow and dag-factory."""

from __future__ import annotations

from typing import Any

from podium.specs.vocabulary import SENSOR_MODE, TASK_CALLBACKS

_LATER = {"$ref": "#/$defs/later"}
_STRINGS = {"type": "array", "items": {"type": "string"}}
_DATE = {
    "description": "A date such as 2024-01-31, or a time before today such as '2 days'.",
    "anyOf": [
        {"type": "string"},
        {"type": "object", "required": ["__type__"], "x-object": "datetime.datetime"},
        {"type": "null"},
    ],
}
_CALLBACK = {
    "description": "A function by its import path, or a mapping with 'callback' and the function's arguments.",
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"callback": {"type": "string"}}, "required": ["callback"]},
        {"type": "null"},
    ],
}
_ASSETS = {
    "description": "Assets, each a URI or an object; or a file and the names of assets that it lists.",
    "anyOf": [
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/object"}]}},
        {"type": "object", "required": ["file", "datasets"]},
        {"type": "null"},
    ],
}
_SCHEDULE = {
    "description": "When the DAG runs: a cron expression, a preset such as @daily, a list of assets, a timetable or a"
    " timedelta as an object with __type__, assets under __and__ or __or__; null or none: only if triggered manually.",
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}, {"$ref": "#/$defs/object"}]}},
        {"$ref": "#/$defs/object"},
        {"type": "null"},
    ],
}
#: Numbers below which Airflow refuses a task or a DAG, or never runs it.
_LEAST = {
    "max_active_runs": 1,
    "max_active_tasks": 1,
    "concurrency": 1,
    "max_active_tis_per_dag": 1,
    "max_active_tis_per_dagrun": 1,
    "pool_slots": 1,
    "retries": 0,
}
DEPENDENCIES = _STRINGS | {"description": "Tasks and task groups that must finish first."}
#: Arguments of operators and DAGs whose type hints are less strict than Airflow and dag-factory.
_KNOWN_SHAPES: dict[str, dict[str, Any]] = {
    "start_date": _DATE,
    "end_date": _DATE,
    "schedule": _SCHEDULE,
    "inlets": _ASSETS,
    "outlets": _ASSETS,
    "tags": _STRINGS,
    "mode": SENSOR_MODE,
    "retry_exponential_backoff": {
        "anyOf": [{"type": "number"}, {"type": "boolean"}],
        "description": "Factor by which the delay grows; true is 2.",
    },
    # dag-factory reads these two itself; the sensor's type hints do not apply.
    "execution_delta": {"type": "string", "description": "How long before, such as '2 hours'."},
    "execution_date_fn": {"type": "string", "description": "Import path of a function."},
    **dict.fromkeys(TASK_CALLBACKS, _CALLBACK),
}


def shaped(name: str, schema: dict[str, Any], shapes: dict[str, dict[str, Any]] = _KNOWN_SHAPES) -> dict[str, Any]:
    """Return an argument's schema, extended to accept values that are only known later."""
    words: dict[str, Any] = {key: schema[key] for key in ("description", "default") if key in schema}
    shape = {**words, **shapes[name]} if name in shapes else schema
    words |= {key: shape[key] for key in ("description", "default") if key in shape}
    kinds = shape.get("anyOf", [{key: value for key, value in shape.items() if key not in words}])
    if kinds in ([{}], [{"type": "string"}]):
        return dict(shape)
    if name in _LEAST:
        kinds = [kind | {"minimum": _LEAST[name]} if kind.get("type") == "integer" else kind for kind in kinds]
    return {**words, "anyOf": [*kinds, _LATER]}
