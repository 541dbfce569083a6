"""The OpenAPI document of a server: its routes, and the request schema of the model in Production."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podium.serving.rows import INPUTS, INSTANCES, RECORDS, SPLIT
from podium.serving.scoring import CSV, JSON, METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow.types import Schema

    from podium.serving.model import LoadedModel


_TYPES: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "datetime": {"type": "string", "format": "date-time"},
    "binary": {"type": "string", "format": "byte"},
}
_ERROR = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
}
# A label, or the probabilities of all classes if the request asks for them.
_PREDICTION = {
    "anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array", "items": {"type": ["number", "null"]}}]
}
_PREDICTIONS = {
    "type": "object",
    "required": ["predictions"],
    "properties": {"predictions": {"type": "array", "items": _PREDICTION}},
}
ERRORS = {
    400: "The body does not match the protocol or the model's signature.",
    401: "The token is missing or wrong.",
    408: "The body did not arrive in time.",
    413: "The body exceeds the limit of bytes or rows.",
    415: "The content type is not supported.",
    503: "No version is in Production, or the server is busy.",
    504: "The prediction was not ready in time.",
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these statuses."""
    content = {JSON: {"schema": _ERROR}}
    return {status: {"description": ERRORS[status], "content": content} for status in statuses}


def with_model(document: dict[str, Any], loaded: LoadedModel | None) -> dict[str, Any]:
    """Return the document with ``POST /invocations`` added.

    Parameters
    ----------
    document : dict
        FastAPI's document of the other routes.
    loaded : LoadedModel or None
        The model that is served; None if there is none yet.
    """
    served = f"Served by {loaded.info.model} {loaded.info}." if loaded else "No version is in Production yet."
    responses = {
        "200": {"description": "One prediction for each row.", "content": {JSON: {"schema": _PREDICTIONS}}},
        **{str(status): found for status, found in error_responses(*ERRORS).items()},
    }
    invocations = {
        "summary": "Predict",
        "description": f"MLflow's scoring protocol. {served}",
        "operationId": "invocations",
        "requestBody": {"required": True, "content": _content(loaded)},
        "responses": responses,
    }
    return {**document, "paths": {"/invocations": {"post": invocations}, **document["paths"]}}


def _content(loaded: LoadedModel | None) -> dict[str, Any]:
    if loaded is None:
        return {JSON: {"schema": {"type": "object"}}}
    schema = loaded.model.metadata.get_input_schema()
    example = json.loads(loaded.input_example)
    table = example.get(SPLIT)
    content: dict[str, Any] = {JSON: {"schema": _body(schema), "example": example}}
    if table:
        import pandas as pd

        text = pd.DataFrame(table["data"], columns=table["columns"]).to_csv(index=False)
        content[CSV] = {"schema": {"type": "string"}, "example": text}
    return content


def _body(schema: Schema) -> dict[str, Any]:
    """Return the schema of a JSON body: one of the protocol's four formats."""
    if not schema.has_input_names() or schema.is_tensor_spec():
        return {"type": "object"}
    columns = {str(spec.name): _column(spec) for spec in schema.inputs}
    required = list(columns)  # a missing value is null
    row = {"type": "object", "properties": columns, "required": required}
    rows: Mapping[str, Any] = {"type": "array", "items": row, "minItems": 1}
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "additionalProperties": False,
        "properties": {
            "columns": {"const": list(columns)},
            "index": {"type": "array"},
            "data": {
                "type": "array",
                "minItems": 1,
                # "prefixItems" would describe each column, but few OpenAPI tools support it.
                "items": {
                    "type": "array",
                    "items": {"anyOf": _distinct(columns.values())},
                    "minItems": len(columns),
                    "maxItems": len(columns),
                },
            },
        },
    }
    by_column = {
        "type": "object",
        "properties": {name: {"type": "array", "items": column, "minItems": 1} for name, column in columns.items()},
        "required": required,
    }
    forms = {SPLIT: split, RECORDS: rows, INSTANCES: rows, INPUTS: {"anyOf": [rows, by_column]}}
    params = {"type": "object", "properties": {"predict_method": {"enum": list(METHODS)}}}
    # No body matches two formats, so "oneOf" would mean the same, but not all tools can generate examples for it.
    return {
        "anyOf": [
            {
                "type": "object",
                "title": name,
                "properties": {name: form, "params": params},
                "required": [name],
                "additionalProperties": False,
            }
            for name, form in forms.items()
        ]
    }


def _distinct(schemas: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for schema in schemas:
        if schema not in found:
            found.append(schema)
    return found


def _column(spec: Any) -> dict[str, Any]:
    found = dict(_TYPES.get(getattr(spec.type, "name", ""), {}))
    if "type" in found and not spec.required:
        found["type"] = [found["type"], "null"]
    return found
