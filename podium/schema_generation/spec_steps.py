"""The part of the spec schema about Podium's own steps: their arguments, read from source and docstrings."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.data import datasets
from podium.data.splits import SPLIT_SCHEMA
from podium.evaluation import gates
from podium.evaluation.metrics import known
from podium.schema_generation.spec_shapes import shaped
from podium.schema_generation.spec_tasks import PROVIDER, task_of
from podium.source import docstrings
from podium.source.signatures import Signature, signature
from podium.specs.vocabulary import STEPS, spec_arguments

if TYPE_CHECKING:
    from podium.source.finder import Finder

_NUMBER_01 = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_DATASET_FILE = {
    "type": "object",
    "properties": datasets.KEYS,
    "required": list(datasets.REQUIRED),
    "additionalProperties": False,
}
#: Arguments of Podium's steps that mean the same, and have the same schema, in all of them.
_STEP_SHAPES: dict[str, dict[str, Any]] = {
    "pipeline": {
        "type": "string",
        "minLength": 1,
        "description": "Name of the pipeline. Its configs are in config/<pipeline>, unless folder says otherwise.",
    },
    "dataset": {
        "description": "A data set of scikit-learn by name, or a file with its label column.",
        "anyOf": [{"enum": list(datasets.BUILT_IN)}, _DATASET_FILE],
    },
    "split": {
        "description": "How the rows are divided; the same for every candidate, so that scores are comparable.",
        "anyOf": [SPLIT_SCHEMA, {"type": "null"}],
    },
    "metric": {
        "enum": known(),
        "description": "The metric that decides, on the held-out rows: one that training logs, or a scorer of"
        " scikit-learn.",
    },
    "min_improvement": {"type": "number", "minimum": 0},
    "min_comparison_rows": {
        "description": "The least held-out rows, unseen by the champion, on which it is compared. Otherwise its config"
        " is trained again for the comparison. Default: what the test needs.",
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}],
    },
    "confidence": {
        "description": "Confidence required that a challenger's lead is significant. Default: only the metric decides.",
        "anyOf": [_NUMBER_01, {"type": "null"}],
    },
}
#: Notifiers are taken out of the spec when the DAG is built, so they cannot be a template or the result of a task.
_NOTIFIERS = {
    "anyOf": [
        {"$ref": "#/$defs/object"},
        {"type": "array", "items": {"$ref": "#/$defs/object"}},
        {"type": "null"},
    ]
}


def _gates() -> dict[str, Any]:
    words = docstrings.parameters(gates.Gate)
    parts = {
        part: {
            "type": "number",
            **range_,
            "description": words[part].removeprefix("float or None. "),
        }
        for part, range_ in gates.RANGES.items()
    }
    gate = {"type": "object", "properties": parts, "additionalProperties": False, "minProperties": 1}
    return {
        "description": "Gates that a version must pass, by metric: a metric of training, latency_ms, model_bytes,"
        " warnings, a metric of a shadow, or a scorer of scikit-learn.",
        "anyOf": [
            {"type": "object", "propertyNames": {"enum": gates.known()}, "additionalProperties": gate},
            {"type": "null"},
        ],
    }


def step_schemas(finder: Finder) -> dict[str, Any]:
    """Return the schema of a task for each step, by the step's path."""
    steps: dict[str, Any] = {}
    operator = signature(finder.find(f"{PROVIDER}.operators.python.PythonOperator"), finder)
    base = signature(finder.find("airflow.sdk.BaseOperator"), finder)
    more = {n: shaped(n, s) for n, s in operator.arguments.items() if n not in base.arguments}
    for path in sorted(Path(str(resources.files("podium.steps"))).glob("[a-z]*.py")):
        module = finder.module(f"{STEPS}{path.stem}")
        for name, node in sorted(module.names.items() if module else []):
            if isinstance(node, ast.FunctionDef) and not name.startswith("_"):
                dotted = f"{STEPS}{path.stem}.{name}"
                found = signature(finder.find(dotted), finder)
                steps[dotted] = _step(dotted, found, ast.get_docstring(node) or "", more)
    return steps


def _step(name: str, found: Signature, doc: str, more: dict[str, Any]) -> dict[str, Any]:
    shapes = {**_STEP_SHAPES, "gates": _gates()}
    own = {argument: shaped(argument, schema, shapes) for argument, schema in found.arguments.items()}
    for argument, words in spec_arguments(name).items():
        own[argument] = {"description": words, "default": None, **_NOTIFIERS}
    result = task_of(name, doc, own, found.required)
    for inner in result["allOf"][0]["properties"].values():
        inner["additionalProperties"] = False  # a function takes its own arguments, not those of a task
    properties = {**own, **{argument: schema for argument, schema in more.items() if argument != "python_callable"}}
    names = {"anyOf": [{"$ref": "#/$defs/task_keys"}, {"enum": list(properties)}]}
    return {**result, "properties": properties, "propertyNames": names, "x-arguments": list(own)}
