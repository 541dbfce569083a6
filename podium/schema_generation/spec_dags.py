"""The part of the spec schema about DAGs and task groups: the keys that dag-factory reads, found in its source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from podium.errors import SymbolNotFoundError
from podium.schema_generation.spec_shapes import DEPENDENCIES, shaped
from podium.source.signatures import signature
from podium.specs.vocabulary import DAG_CALLBACKS, REFUSED

if TYPE_CHECKING:
    from podium.source.finder import Finder

_BUILDER = "dagfactory.dagbuilder"


def dag_schema(finder: Finder) -> dict[str, Any]:
    """Return the schema of a DAG."""
    arguments = signature(finder.find("airflow.sdk.DAG"), finder).arguments
    read = _read_by_dag_factory(finder)
    own = {
        "timezone": {"type": "string", "description": "Time zone of start_date and end_date, as in Europe/Oslo."},
        "concurrency": {"type": "integer", "minimum": 1, "description": "Former name of max_active_tasks.",
                        "deprecated": True},
        "doc_md_file_path": {"type": "string", "description": "Absolute path of a file with the DAG's docs."},
        "doc_md_python_callable_name": {"type": "string", "description": "Name of a function that returns the docs."},
        "doc_md_python_callable_file": {"type": "string", "description": "Absolute path of that function's file."},
        "doc_md_python_arguments": {"type": "object", "description": "Arguments of that function."},
        "default_args": {"$ref": "#/$defs/default_args"},
        "tasks": {"$ref": "#/$defs/tasks"},
        "task_groups": {"$ref": "#/$defs/task_groups"},
        "params": {"type": "object", "description": "Parameters of a run and their defaults."},
        "user_defined_macros": {"type": "object", "description": "Import paths of functions by their names in"
                                " templates."},
    }  # fmt: skip
    for callback in DAG_CALLBACKS:
        own[f"{callback}_name"] = {"type": "string", "description": "Name of the function."}
        own[f"{callback}_file"] = {"type": "string", "description": "Absolute path of the file with the function."}
    properties = {name: own.get(name) or shaped(name, arguments.get(name, {})) for name in sorted(read)}
    ignored = sorted(set(arguments) - set(properties) - {"dag_id", "task_group"})
    return {"type": "object", "properties": properties, "additionalProperties": False, "x-ignored": ignored}


def _read_by_dag_factory(finder: Finder) -> set[str]:
    """Return the keys of a DAG that dag-factory's builder reads, found in its source."""
    module = finder.module(_BUILDER)
    builder = module.names["DagBuilder"] if module else None
    if not isinstance(builder, ast.ClassDef):
        raise SymbolNotFoundError(f"there is no DagBuilder in {_BUILDER}")
    found = {f"{callback}{suffix}" for callback in DAG_CALLBACKS for suffix in ("", "_name", "_file")}
    for node in ast.walk(builder):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "dag_params":
            found |= _strings([node.slice])
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function == "dag_params.get":
                found |= _strings(node.args[:1])
            elif function.endswith("check_dict_key") and ast.unparse(node.args[0]) == "dag_params":
                found |= _strings(node.args[1:])
    return found - set(REFUSED)


def _strings(nodes: list[ast.expr]) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def task_group_schema(finder: Finder) -> dict[str, Any]:
    """Return the schema of a task group."""
    group = signature(finder.find("airflow.sdk.TaskGroup"), finder).arguments
    inner = {n: shaped(n, s) for n, s in group.items() if n not in ("group_id", "dag", "parent_group", "default_args")}
    own = {
        "group_name": {"type": "string", "description": "The group's name, if groups are a list."},
        "parent_group_name": {"type": "string", "description": "The group that this one is in."},
        "dependencies": DEPENDENCIES,
        "default_args": {"$ref": "#/$defs/default_args"},
    }
    return {"type": "object", "properties": {**own, **inner}, "additionalProperties": False}
