"""The part of the spec schema about objects: the classes that ``__type__`` names, and their arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.schema_generation.spec_shapes import shaped
from podium.source.signatures import signature, summary
from podium.specs.vocabulary import FORMER

if TYPE_CHECKING:
    from podium.source.finder import Finder

#: Classes that specs commonly use, apart from Airflow's timetables.
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


def _type_names(finder: Finder) -> list[str]:
    module = finder.module("airflow.sdk")
    timetables = [f"airflow.sdk.{name}" for name in (module.names if module else {}) if name.endswith("Timetable")]
    return sorted({*_OBJECTS, *(name for name in timetables if not name.endswith(".BaseTimetable"))})


def class_schemas(finder: Finder) -> dict[str, Any]:
    """Return the schema of an object for each class that specs commonly use."""
    return {name: _object(name, finder) for name in _type_names(finder)}


def _object(name: str, finder: Finder) -> dict[str, Any]:
    symbol = finder.find(name)
    found = signature(symbol, finder)
    if name.startswith("datetime."):
        # Their source has no type hints, and its defaults differ between Python versions.
        found.arguments = {n: {"type": "number" if name.endswith("delta") else "integer"} for n in found.arguments}
        for argument in ("tzinfo", "fold"):
            found.arguments.pop(argument, None)
        found.required = ["year", "month", "day"] if name.endswith("datetime") else []
    arguments = {n: shaped(n, s, {}) for n, s in found.arguments.items()}
    schema: dict[str, Any] = {
        "type": "object",
        "description": summary(symbol.doc),
        "properties": {"__type__": _path(name), "__args__": {"type": "array"}, **arguments},
        "x-required": list(dict.fromkeys(found.required)),
        "x-positional": found.positional,
        "x-varargs": found.has_varargs,
        "x-open": found.is_open,
    }
    return schema if found.is_open else schema | {"additionalProperties": False}


def object_schema(types: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of any object, checked further if it is of one of `types`."""
    return {
        "type": "object",
        "description": "An object of a class: __type__ is its import path, __args__ are its positional arguments, the"
        " other keys its keyword arguments. Or assets combined by __and__ or __or__, or strings joined by __join__.",
        "anyOf": [{"required": [key]} for key in ("__type__", "__and__", "__or__", "__join__")],
        "properties": {"__type__": {"anyOf": [{"enum": list(types)}, {"type": "string"}]}},
        "allOf": [chosen_by("__type__", name) for name in types],
    }


def chosen_by(key: str, name: str) -> dict[str, Any]:
    """Return the rule that applies the definition of `name` if `key` names it."""
    return {
        "if": {"properties": {key: _path(name)}, "required": [key]},
        "then": {"$ref": f"#/$defs/{name}"},
    }


def _path(name: str) -> dict[str, Any]:
    """Return the schema of an import path: the path itself, or the one that earlier releases used."""
    former = [old for old, new in FORMER.items() if new == name]
    return {"enum": [name, *former]} if former else {"const": name}
