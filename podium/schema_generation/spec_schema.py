"""The schema of DAG specs: generated from dag-factory, Airflow and the steps in ``tasks/``, by reading their source."""

from __future__ import annotations

import ast
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from podium.data.datasets import BUILT_IN
from podium.errors import SymbolNotFoundError
from podium.evaluation import gates
from podium.evaluation.metrics import GREATER_IS_BETTER
from podium.source.finder import Finder
from podium.source.signatures import Signature, signature, summary
from podium.specs.vocabulary import DAG_CALLBACKS, FORMER, MESSAGES, REFUSED, SENSOR_MODE, STEPS, TASK_CALLBACKS

_PROVIDER = "airflow.providers.standard"
_BUILDER = "dagfactory.dagbuilder"
#: Kinds of object that Airflow's API has for specs, apart from its timetables.
_OBJECTS = (
    "airflow.providers.smtp.notifications.smtp.SmtpNotifier",
    "airflow.sdk.Asset",
    "airflow.sdk.AssetAlias",
    "airflow.sdk.AssetAll",
    "airflow.sdk.AssetAny",
    "airflow.sdk.AssetOrTimeSchedule",
    "airflow.sdk.AssetWatcher",
    "airflow.sdk.Param",
    "datetime.datetime",
    "datetime.timedelta",
    "pendulum.datetime",
    "pendulum.duration",
    "podium.airflow.ConfigFolderTrigger",
)

_LATER = {"$ref": "#/$defs/later"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_NUMBER_01 = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
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
    "description": "Assets, each a URI or an object; or some of those that a file lists.",
    "anyOf": [
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/object"}]}},
        {"type": "object", "required": ["file", "datasets"]},
        {"type": "null"},
    ],
}
_SCHEDULE = {
    "description": "When the DAG runs: a cron expression, a preset such as @daily, a list of assets, a timetable or a"
    " timedelta as an object with __type__, assets under __and__ or __or__; null or none: only when triggered.",
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}, {"$ref": "#/$defs/object"}]}},
        {"$ref": "#/$defs/object"},
        {"type": "null"},
    ],
}
_DEPENDENCIES = _TEXTS | {"description": "Tasks and task groups that must be finished before."}
#: Arguments of operators and DAGs whose type hint says less than Airflow and dag-factory check.
_KNOWN_SHAPES: dict[str, dict[str, Any]] = {
    "start_date": _DATE,
    "end_date": _DATE,
    "schedule": _SCHEDULE,
    "inlets": _ASSETS,
    "outlets": _ASSETS,
    "tags": _TEXTS,
    "mode": SENSOR_MODE,
    "retry_exponential_backoff": {
        "anyOf": [{"type": "number"}, {"type": "boolean"}],
        "description": "By what the delay grows; true is 2.",
    },
    # dag-factory reads these two by itself, whatever the sensor's type hints say.
    "execution_delta": {"type": "string", "description": "How long before, such as '2 hours'."},
    "execution_date_fn": {"type": "string", "description": "Import path of a function."},
    **dict.fromkeys(TASK_CALLBACKS, _CALLBACK),
}
#: Arguments of Podium's steps that have the same meaning, and so the same form, in all of them.
_STEP_SHAPES: dict[str, dict[str, Any]] = {
    "pipeline": {
        "type": "string",
        "minLength": 1,
        "description": "Name of the pipeline; its configs lie in config/<pipeline> unless folder says otherwise.",
    },
    "dataset": {
        "description": "scikit-learn's data set by name, or a CSV or Parquet file and its column of labels.",
        "anyOf": [
            {"enum": list(BUILT_IN)},
            {
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "The file, relative to the project."},
                    "target": {"type": "string", "description": "Column that holds the class labels."},
                    "name": {"type": "string", "description": "What MLflow calls it; by default the file's stem."},
                },
                "required": ["path", "target"],
                "additionalProperties": False,
            },
        ],
    },
    "split": {
        "description": "How the rows are divided; the same for every candidate, so that scores compare.",
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "test_size": _NUMBER_01 | {"description": "Share of the rows that no training sees."},
                    "folds": {"type": "integer", "minimum": 2, "description": "Folds of the cross-validation."},
                    "seed": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 2**32 - 1,
                        "description": "Seed of the split, the folds and the estimators.",
                    },
                },
                "additionalProperties": False,
            },
            {"type": "null"},
        ],
    },
    "metric": {"enum": list(GREATER_IS_BETTER), "description": "What decides, on the held-out rows."},
    "min_improvement": {"type": "number", "minimum": 0},
    "confidence": {
        "description": "How sure it has to be that a challenger's lead is not luck; the metric decides when left out.",
        "anyOf": [_NUMBER_01, {"type": "null"}],
    },
}
#: A notifier is taken out of the arguments when the DAG is built, so that it cannot be a template or a task's result.
_NOTIFIERS = {
    "anyOf": [
        {"$ref": "#/$defs/object"},
        {"type": "array", "items": {"$ref": "#/$defs/object"}},
        {"type": "null"},
    ]
}


def _gates() -> dict[str, Any]:
    parts = {
        "threshold": {"type": "number", "description": "The metric is at least this, or at most if less is better."},
        "min_absolute_change": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "By how much it is better than the champion's, in its own units.",
        },
        "min_relative_change": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "By what share of the champion's value it is better.",
        },
    }
    gate = {"type": "object", "properties": parts, "additionalProperties": False, "minProperties": 1}
    names = [*GREATER_IS_BETTER, *gates.MEASURED, *sorted(set(gates.scorer_names()) - set(GREATER_IS_BETTER))]
    return {
        "description": "What a version must pass, by metric: a metric of training, latency_ms, model_bytes, what a"
        " shadow measures, or a scorer of scikit-learn.",
        "anyOf": [
            {"type": "object", "propertyNames": {"enum": names}, "additionalProperties": gate},
            {"type": "null"},
        ],
    }


def generate() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a DAG spec; the same for the same Airflow and dag-factory."""
    finder = Finder()
    base = signature(finder.find("airflow.sdk.BaseOperator"), finder)
    base_names = [name for name in base.arguments if name not in ("dag", "task_group", "task_id")]
    task_arguments = {name: _shaped(name, base.arguments[name]) for name in base_names}
    task_arguments["trigger_rule"]["enum"] = _enum(finder, "airflow.sdk.TriggerRule")
    callback_files = {
        f"{callback}_{part}": {"type": "string", "description": words}
        for callback in TASK_CALLBACKS
        for part, words in (("name", "Name of the function."), ("file", "Absolute path of the file with the function."))
    }
    operators = {name: _operator(name, finder, set(base_names)) for name in _operators(finder)}
    types = {name: _object(name, finder) for name in _types(finder)}
    steps = _steps(finder)
    task_keys = {**_factory_task_keys(), **callback_files, **task_arguments}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Podium DAG spec",
        "$comment": f"Generated by 'podium schema' from dag-factory {version('dag-factory')} and Airflow"
        f" {version('apache-airflow')}, whose docstrings (Apache-2.0) it quotes. Do not edit.",
        "type": "object",
        "properties": {
            "default": {
                "$ref": "#/$defs/dag",
                "description": "What every DAG of this file has unless it says otherwise.",
            },
            "task_groups": {"type": "object", "description": "Ignored; a place for anchors."},
        },
        "additionalProperties": {"$ref": "#/$defs/dag"},
        "minProperties": 1,
        "$defs": {
            "later": {
                "description": "A value that is known later: an environment variable, a template, a task's result, or"
                " an object of a class.",
                "anyOf": [
                    {"type": "string", "pattern": r"^\+\w+|\$\{?\w|\{\{|\{%"},
                    {"$ref": "#/$defs/object"},
                ],
            },
            "dag": _dag(finder),
            "default_args": {
                "type": "object",
                "description": "Arguments that every task has unless it says otherwise.",
                "properties": {"timezone": {"type": "string"}, **callback_files, **task_arguments},
            },
            "task": _task(task_keys, operators, steps),
            "task_group": _task_group(finder),
            "tasks": {
                "description": "Tasks by their ids, or a list of tasks that each have a task_id.",
                "anyOf": [
                    {"type": "object", "additionalProperties": {"$ref": "#/$defs/task"}},
                    {"type": "array", "items": {"$ref": "#/$defs/task", "required": ["task_id"]}},
                    {"type": "null"},
                ],
            },
            "task_groups": {
                "description": "Task groups by their names, or a list of groups that each have a group_name.",
                "anyOf": [
                    {"type": "object", "additionalProperties": {"$ref": "#/$defs/task_group"}},
                    {"type": "array", "items": {"$ref": "#/$defs/task_group", "required": ["group_name"]}},
                    {"type": "null"},
                ],
            },
            "object": _any_object(types),
            "task_keys": {"enum": list(task_keys)},
            **operators,
            **types,
            **steps,
        },
        "x-context": _context(finder),
    }


def _shaped(name: str, schema: dict[str, Any], shapes: dict[str, dict[str, Any]] = _KNOWN_SHAPES) -> dict[str, Any]:
    """Return an argument's schema that also lets through what is known later only."""
    words: dict[str, Any] = {key: schema[key] for key in ("description", "default") if key in schema}
    shape = {**words, **shapes[name]} if name in shapes else schema
    words |= {key: shape[key] for key in ("description", "default") if key in shape}
    kinds = shape.get("anyOf", [{key: value for key, value in shape.items() if key not in words}])
    if kinds in ([{}], [{"type": "string"}]):
        return dict(shape)
    return {**words, "anyOf": [*kinds, _LATER]}


def _dag(finder: Finder) -> dict[str, Any]:
    arguments = signature(finder.find("airflow.sdk.DAG"), finder).arguments
    read = _read_by_dag_factory(finder)
    own = {
        "timezone": {"type": "string", "description": "Time zone of start_date and end_date, as in Europe/Oslo."},
        "concurrency": {"type": "integer", "description": "Former name of max_active_tasks.", "deprecated": True},
        "doc_md_file_path": {"type": "string", "description": "Absolute path of a file with the DAG's docs."},
        "doc_md_python_callable_name": {"type": "string", "description": "Name of a function that returns the docs."},
        "doc_md_python_callable_file": {"type": "string", "description": "Absolute path of the file with it."},
        "doc_md_python_arguments": {"type": "object", "description": "What it is called with."},
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
    properties = {name: own.get(name) or _shaped(name, arguments.get(name, {})) for name in sorted(read)}
    ignored = sorted(set(arguments) - set(properties) - {"dag_id", "task_group"})
    return {"type": "object", "properties": properties, "additionalProperties": False, "x-ignored": ignored}


def _read_by_dag_factory(finder: Finder) -> set[str]:
    """Return the keys of a DAG that dag-factory's builder looks at, from its source."""
    module = finder.module(_BUILDER)
    builder = module.names["DagBuilder"] if module else None
    if not isinstance(builder, ast.ClassDef):
        raise SymbolNotFoundError(f"there is no DagBuilder in {_BUILDER}")
    found = {f"{callback}{suffix}" for callback in DAG_CALLBACKS for suffix in ("", "_name", "_file")}
    for node in ast.walk(builder):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "dag_params":
            found |= _texts([node.slice])
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function == "dag_params.get":
                found |= _texts(node.args[:1])
            elif function.endswith("check_dict_key") and ast.unparse(node.args[0]) == "dag_params":
                found |= _texts(node.args[1:])
    return found - set(REFUSED)


def _texts(nodes: list[ast.expr]) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _factory_task_keys() -> dict[str, Any]:
    """Return what dag-factory itself reads of a task."""
    callables = {
        "python_callable": "Import path of a function.",
        "python_callable_name": "Name of a function in python_callable_file.",
        "python_callable_file": "Absolute path of a Python file.",
    }
    return {
        "task_id": {"type": "string", "description": "The task's id, where tasks are a list."},
        "operator": {"type": "string", "description": "Import path of an operator."},
        "decorator": {"type": "string", "description": "Import path of a task decorator, such as airflow.sdk.task."},
        "dependencies": _DEPENDENCIES,
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


def _task(keys: dict[str, Any], operators: dict[str, Any], steps: dict[str, Any]) -> dict[str, Any]:
    chosen = [_if("operator", name) for name in operators] + [_if("python_callable", name) for name in steps]
    texts = {"operator": list(operators), "python_callable": list(steps), "decorator": ["airflow.sdk.task"]}
    properties = {
        name: {**schema, "anyOf": [{"enum": texts[name]}, {"type": "string"}]} if name in texts else schema
        for name, schema in keys.items()
    }
    return {"type": "object", "properties": properties, "allOf": chosen}


def _if(key: str, name: str) -> dict[str, Any]:
    return {
        "if": {"properties": {key: _named(name)}, "required": [key]},
        "then": {"$ref": f"#/$defs/{name}"},
    }


def _named(name: str) -> dict[str, Any]:
    """Return the schema of a path: the name itself, or one of earlier releases that stands for it."""
    former = [old for old, new in FORMER.items() if new == name]
    return {"enum": [name, *former]} if former else {"const": name}


def _task_group(finder: Finder) -> dict[str, Any]:
    group = signature(finder.find("airflow.sdk.TaskGroup"), finder).arguments
    inner = {n: _shaped(n, s) for n, s in group.items() if n not in ("group_id", "dag", "parent_group", "default_args")}
    own = {
        "group_name": {"type": "string", "description": "The group's name, where groups are a list."},
        "parent_group_name": {"type": "string", "description": "The group that this one is in."},
        "dependencies": _DEPENDENCIES,
        "default_args": {"$ref": "#/$defs/default_args"},
    }
    return {"type": "object", "properties": {**own, **inner}, "additionalProperties": False}


def _operators(finder: Finder) -> list[str]:
    """Return the operators and sensors of Airflow's standard provider."""
    found = []
    for package in ("operators", "sensors"):
        module = finder.module(f"{_PROVIDER}.{package}")
        for path in sorted(module.path.parent.glob("[a-z]*.py")) if module else []:
            name = f"{_PROVIDER}.{package}.{path.stem}"
            inner = finder.module(name)
            found += [
                f"{name}.{class_}"
                for class_, node in sorted(inner.names.items() if inner else [])
                if isinstance(node, ast.ClassDef)
                and class_.endswith(("Operator", "Sensor"))
                and not class_.startswith(("_", "Base"))
            ]
    return found


def _operator(name: str, finder: Finder, base: set[str]) -> dict[str, Any]:
    symbol = finder.find(name)
    found = signature(symbol, finder)
    own = {n: _shaped(n, schema) for n, schema in found.arguments.items() if n not in base and n != "task_id"}
    required = [n for n in found.required if n != "task_id"]
    return _arguments(name, symbol.doc, own, required)


def _arguments(name: str, doc: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return the schema of a task with arguments besides those that every task has; they can also be mapped over."""
    return {
        "type": "object",
        "description": summary(doc),
        "properties": properties,
        "propertyNames": {"anyOf": [{"$ref": "#/$defs/task_keys"}, {"enum": list(properties)}]},
        # Some can also be given to all mapped tasks, and most can be mapped over.
        "allOf": [{"properties": {"partial": _again(name, properties), "expand": _over(properties)}}],
        "x-required": required,
    }


def _again(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {argument: {"$ref": f"#/$defs/{name}/properties/{argument}"} for argument in properties}}


def _over(properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {argument: {"type": ["array", "object", "string"]} for argument in properties}}


def _steps(finder: Finder) -> dict[str, Any]:
    steps: dict[str, Any] = {}
    operator = signature(finder.find(f"{_PROVIDER}.operators.python.PythonOperator"), finder)
    base = signature(finder.find("airflow.sdk.BaseOperator"), finder)
    more = {n: _shaped(n, s) for n, s in operator.arguments.items() if n not in base.arguments}
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
    own = {
        argument: schema | _NOTIFIERS if argument in MESSAGES else _shaped(argument, schema, shapes)
        for argument, schema in found.arguments.items()
    }
    result = _arguments(name, doc, own, found.required)
    for inner in result["allOf"][0]["properties"].values():
        inner["additionalProperties"] = False  # a function takes its own arguments, not those of a task
    properties = {**own, **{argument: schema for argument, schema in more.items() if argument != "python_callable"}}
    names = {"anyOf": [{"$ref": "#/$defs/task_keys"}, {"enum": list(properties)}]}
    return {**result, "properties": properties, "propertyNames": names, "x-arguments": list(own)}


def _types(finder: Finder) -> list[str]:
    module = finder.module("airflow.sdk")
    timetables = [f"airflow.sdk.{name}" for name in (module.names if module else {}) if name.endswith("Timetable")]
    return sorted({*_OBJECTS, *(name for name in timetables if not name.endswith(".BaseTimetable"))})


def _object(name: str, finder: Finder) -> dict[str, Any]:
    symbol = finder.find(name)
    found = signature(symbol, finder)
    if name.startswith("datetime."):
        # Their source gives defaults, no type hints, and other defaults from one Python to the next.
        found.arguments = {n: {"type": "number" if name.endswith("delta") else "integer"} for n in found.arguments}
        for argument in ("tzinfo", "fold"):
            found.arguments.pop(argument, None)
        found.required = ["year", "month", "day"] if name.endswith("datetime") else []
    arguments = {n: _shaped(n, s, {}) for n, s in found.arguments.items()}
    schema: dict[str, Any] = {
        "type": "object",
        "description": summary(symbol.doc),
        "properties": {"__type__": {"const": name}, "__args__": {"type": "array"}, **arguments},
        "x-required": list(dict.fromkeys(found.required)),
        "x-positional": found.positional,
        "x-varargs": found.has_varargs,
        "x-open": found.is_open,
    }
    return schema if found.is_open else schema | {"additionalProperties": False}


def _any_object(types: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": "An object of a class: __type__ is its import path, __args__ what it takes by position, the"
        " other keys what it takes by name. Or assets combined by __and__ or __or__, or text by __join__.",
        "anyOf": [{"required": [key]} for key in ("__type__", "__and__", "__or__", "__join__")],
        "properties": {"__type__": {"anyOf": [{"enum": list(types)}, {"type": "string"}]}},
        "allOf": [_if("__type__", name) for name in types],
    }


def _enum(finder: Finder, name: str) -> list[str]:
    node = finder.find(name).node
    body = node.body if isinstance(node, ast.ClassDef) else []
    return [
        statement.value.value
        for statement in body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    ]


def _context(finder: Finder) -> list[str]:
    """Return the names that Airflow itself gives to a callable that asks for them."""
    node = finder.find("airflow.sdk.Context").node
    body = node.body if isinstance(node, ast.ClassDef) else []
    return [s.target.id for s in body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
