"""The definitions of XGBoost's and LightGBM's classifiers in the schema of classifier configs.

The packages are an extra. Where they are not installed, the definitions of the packaged schema are kept, so that the
schema is the same everywhere.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from typing import Any

from podium.configs import catalogue
from podium.configs.parameters import load_schema
from podium.schema_generation import native_parameters
from podium.source import docstrings

_LIBRARIES = {"lightgbm": native_parameters.LIGHTGBM, "xgboost": native_parameters.XGBOOST}


def definitions(*, packaged: bool) -> dict[str, dict[str, Any]]:
    """Return the definition of each class of an extra by its name.

    Parameters
    ----------
    packaged : bool
        Return the definitions of the packaged schema, whatever is installed. Otherwise they are generated if the
        package is installed.
    """
    kept = load_schema()["$defs"]
    return {
        name: kept[name] if packaged or importlib.util.find_spec(package) is None else _generated(name, package)
        for name, package in sorted(catalogue.EXTRAS.items())
    }


def _generated(name: str, package: str) -> dict[str, Any]:
    class_, library = getattr(importlib.import_module(package), name), _LIBRARIES[package]
    constructor, described = _constructor(class_), docstrings.parameters(class_) | _described(class_)
    aliases = _aliases(package, library)
    properties = {
        parameter: _parameter(parameter, library, constructor, described)
        for parameter in [*constructor, *sorted(library.parameters.keys() - constructor.keys())]
        if parameter not in library.refused
    }
    refused = library.refused | {
        alias: library.refused[known] for alias, known in aliases.items() if known in library.refused
    }
    usable = {alias: known for alias, known in sorted(aliases.items()) if known in properties}
    return {
        "type": "object",
        "description": f"{docstrings.summary(class_).split('. ')[0].rstrip('.')}. Of the package {package}, an extra:"
        " pip install 'podium-ml[boosting]'.",
        "properties": properties,
        "patternProperties": _patterns(name, usable),
        "additionalProperties": False,
        "x-aliases": usable,
        "x-refused": dict(sorted(refused.items())),
    }


def _constructor(class_: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a constructor and of those that it passes its keywords to; the subclass decides."""
    found: dict[str, inspect.Parameter] = {}
    for base in class_.__mro__[:-1]:
        for name, parameter in inspect.signature(base).parameters.items():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                found.setdefault(name, parameter)
    return found


def _described(class_: type) -> dict[str, str]:
    """Return the descriptions in the docstring of a constructor, where LightGBM keeps them."""
    return docstrings.parameters(class_.__init__)  # type: ignore[misc]


def _parameter(
    name: str,
    library: native_parameters.Library,
    constructor: dict[str, inspect.Parameter],
    described: dict[str, str],
) -> dict[str, Any]:
    schema = dict(library.parameters[name])
    if name not in constructor:
        return schema | {"description": f"A parameter of {library.title} itself, described in its documentation."}
    default = constructor[name].default
    if default is None:
        schema = _optional(schema)
    schema["description"] = described.get(name, name).replace("typing.", "").rstrip(". ") + "."
    if default == default:  # noqa: PLR0124 (not NaN)
        schema["default"] = default
    return schema


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    branches = schema.get("anyOf") or [{key: value for key, value in schema.items() if key[:2] != "x-"}]
    if {"type": "null"} in branches:
        return schema
    return {"anyOf": [*branches, {"type": "null"}]} | {key: schema[key] for key in schema if key[:2] == "x-"}


def _aliases(package: str, library: native_parameters.Library) -> dict[str, str]:
    """Return the other names of parameters, each with the name that configs are stored with."""
    if package != "lightgbm":
        return library.aliases
    from lightgbm.basic import _ConfigAliases

    groups: dict[str, list[str]] = _ConfigAliases._get_all_param_aliases()  # noqa: SLF001
    found: dict[str, str] = {}
    for native, names in groups.items():
        known = next((name for name in names if name in library.parameters), native)
        found |= {name: known for name in names if name != known}
    return found


def _patterns(name: str, aliases: dict[str, str]) -> dict[str, Any]:
    """Return rules for the other names, which an editor accepts and does not propose."""
    groups: dict[str, list[str]] = {}
    for alias, known in aliases.items():
        groups.setdefault(known, []).append(re.escape(alias))
    return {
        f"^({'|'.join(names)})$": {"$ref": f"#/$defs/{name}/properties/{known}"}
        for known, names in sorted(groups.items())
    }
