"""The OpenAPI document of a server: its routes, with the request that the model in Production takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podium.serving.scoring import CSV, INPUTS, INSTANCES, JSON, RECORDS, SPLIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow.types import Schema

    from podium.serving.model import Champion


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
_PREDICTIONS = {
    "type": "object",
    "required": ["predictions"],
    "properties": {"predictions": {"type": "array", "items": {"type": ["string", "number", "boolean"]}}},
}
REFUSALS = {
    400: "The body is not what the protocol or the model's signature asks for.",
    401: "The token is missing or wrong.",
    408: "The body took too long to arrive.",
    413: "The body has more bytes or rows than are taken.",
    415: "The content type is not one that is taken.",
    503: "Nothing is in Production, or the server is busy.",
    504: "The answer took longer than is allowed.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how answers of these statuses look."""
    content = {JSON: {"schema": _ERROR}}
    return {status: {"description": REFUSALS[status], "content": content} for status in statuses}


def with_model(document: dict[str, Any], champion: Champion | None) -> dict[str, Any]:
    """Return the document of the routes with the one that the model answers.

    Parameters
    ----------
    document : dict
        As FastAPI makes it of the other routes.
    champion : Champion or None
        Who answers; None when nobody does yet.
    """
    about = f"Answered by {champion.about.model} {champion.about}." if champion else "Nothing is in Production yet."
    responses = {
        "200": {"description": "One prediction for each row.", "content": {JSON: {"schema": _PREDICTIONS}}},
        **{str(status): found for status, found in refusals(*REFUSALS).items()},
    }
    invocations = {
        "summary": "Predict",
        "description": f"MLflow's scoring protocol. {about}",
        "operationId": "invocations",
        "requestBody": {"required": True, "content": _content(champion)},
        "responses": responses,
    }
    return {**document, "paths": {"/invocations": {"post": invocations}, **document["paths"]}}


def _content(champion: Champion | None) -> dict[str, Any]:
    if champion is None:
        return {JSON: {"schema": {"type": "object"}}}
    schema = champion.served.metadata.get_input_schema()
    example = json.loads(champion.question)
    table = example.get(SPLIT)
    content: dict[str, Any] = {JSON: {"schema": _body(schema), "example": example}}
    if table:
        import pandas as pd

        text = pd.DataFrame(table["data"], columns=table["columns"]).to_csv(index=False)
        content[CSV] = {"schema": {"type": "string"}, "example": text}
    return content


def _body(schema: Schema) -> dict[str, Any]:
    """Return the schema of a JSON body: one of the four forms in which rows can be given."""
    if not schema.has_input_names() or schema.is_tensor_spec():
        return {"type": "object"}
    columns = {str(spec.name): _column(spec) for spec in schema.inputs}
    required = [str(spec.name) for spec in schema.inputs if spec.required]
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
                # Column by column would be "prefixItems", which tools that read OpenAPI do not know well.
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
    # None has a property of another, so that "oneOf" would say the same; not all tools can make examples of that.
    return {
        "anyOf": [
            {
                "type": "object",
                "title": name,
                "properties": {name: form, "params": {"type": "object"}},
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
