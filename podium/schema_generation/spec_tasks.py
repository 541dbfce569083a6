"""The part of the spec schema about tasks: the keys that dag-factory reads, and the arguments of operators."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from podium.schema_generation.spec_objects import chosen_by
from podium.schema_generation.spec_shapes import DEPENDENCIES, shaped
from podium.source.signatures import signature, summary

if TYPE_CHECKING:
    from podium.source.finder import Finder

PROVIDER = "airflow.providers.standard"


def factory_task_keys() -> dict[str, Any]:
    """Return the keys of a task that dag-factory itself reads."""
    callables = {
        "python_callable": "Import path of a function.",
        "python_callable_name": "Name of a function in python_callable_file.",
        "python_callable_file": "Absolute path of a Python file.",
    }
    return {
        "task_id": {"type": "string", "description": "The task's id, if tasks are a list."},
        "operator": {"type": "string", "description": "Import path of an operator."},
        "decorator": {"type": "string", "description": "Import path of a task decorator, such as airflow.sdk.task."},
        "dependencies": DEPENDENCIES,
        "task_group_name": {"type": "string", "description": "The task group that the task is in."},
        "expand": {"type": "object", "description": "Arguments to map over: one task per value."},
        "partial": {"type": "object", "description": "Arguments that all mapped tasks share."},
        "variables_as_arguments": {
            "type": "array",
            "description": "Arguments whose values are Airflow variables.",
            "items": {
                "type": "object",
                "properties": {"variable": {"type": "string"}, "attribute": {"type": "string"}},
                "required": ["variable", "attribute"],
                "additionalProperties": False,
            },
        },
        **{name: {"type": "string", "description": words} for name, words in callables.items()},
    }


def task_schema(keys: dict[str, Any], operators: dict[str, Any], steps: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a task: the keys of every task, and those of the operator or step that it names."""
    chosen = [chosen_by("operator", name) for name in operators] + [
        chosen_by("python_callable", name) for name in steps
    ]
    options = {"operator": list(operators), "python_callable": list(steps), "decorator": ["airflow.sdk.task"]}
    properties = {
        name: {**schema, "anyOf": [{"enum": options[name]}, {"type": "string"}]} if name in options else schema
        for name, schema in keys.items()
    }
    return {"type": "object", "properties": properties, "allOf": chosen}


def _operator_names(finder: Finder) -> list[str]:
    """Return the operators and sensors of Airflow's standard provider."""
    found = []
    for package in ("operators", "sensors"):
        module = finder.module(f"{PROVIDER}.{package}")
        for path in sorted(module.path.parent.glob("[a-z]*.py")) if module else []:
            name = f"{PROVIDER}.{package}.{path.stem}"
            inner = finder.module(name)
            found += [
                f"{name}.{class_}"
                for class_, node in sorted(inner.names.items() if inner else [])
                if isinstance(node, ast.ClassDef)
                and class_.endswith(("Operator", "Sensor"))
                and not class_.startswith(("_", "Base"))
            ]
    return found


def operator_schemas(finder: Finder, base: set[str]) -> dict[str, Any]:
    """Return the schema of a task for each operator and sensor of Airflow's standard provider."""
    return {name: _operator(name, finder, base) for name in _operator_names(finder)}


def _operator(name: str, finder: Finder, base: set[str]) -> dict[str, Any]:
    symbol = finder.find(name)
    found = signature(symbol, finder)
    own = {n: shaped(n, schema) for n, schema in found.arguments.items() if n not in base and n != "task_id"}
    required = [n for n in found.required if n != "task_id"]
    return task_of(name, symbol.doc, own, required)


def task_of(name: str, doc: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return the schema of a task with arguments of its own, which can also be mapped over."""
    return {
        "type": "object",
        "description": summary(doc),
        "properties": properties,
        "propertyNames": {"anyOf": [{"$ref": "#/$defs/task_keys"}, {"enum": list(properties)}]},
        # They can also be in partial, which all mapped tasks share, or in expand.
        "allOf": [{"properties": {"partial": _again(name, properties), "expand": _over(properties)}}],
        "x-required": required,
    }


def _again(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {argument: {"$ref": f"#/$defs/{name}/properties/{argument}"} for argument in properties}}


def _over(properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {argument: {"type": ["array", "object", "string"]} for argument in properties}}
