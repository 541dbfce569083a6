"""Arguments of DAGs, tasks, operators, steps and objects, from the generated schema or from their signatures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from podium import schemas
from podium.configs import own_code
from podium.configs.parameters import Parameter
from podium.errors import did_you_mean
from podium.source.signatures import Signature, signature
from podium.specs.vocabulary import SENSOR_MODE, STEPS, current_path, spec_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podium.source.finder import Finder, Symbol


#: Keys of a mapping that describes an object, which is created when the DAG is built.
OBJECT_KEYS = ("__type__", "__args__", "__and__", "__or__", "__join__")

#: The decorators of a task that is a plain function, and the operator that they create.
PYTHON_TASKS = ("airflow.sdk.definitions.decorators.task", "airflow.providers.standard.decorators.python.python_task")
PYTHON_OPERATOR = "airflow.providers.standard.operators.python.PythonOperator"

_VARIABLE = re.compile(r"\$\{?\w")
_TEMPLATE = re.compile(r"\{\{|\{%")


# A list with this metric, which only Podium has, is a list of metrics.
_OF_PODIUM = "worst_class_recall"

#: Arguments that have been read, for each finder.
_known: WeakKeyDictionary[Finder, dict[tuple[str, ...], Arguments]] = WeakKeyDictionary()


def is_object(value: Any) -> bool:
    """Return whether a value describes an object of a class."""
    return isinstance(value, dict) and any(key in value for key in OBJECT_KEYS)


def unwrapped(value: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the content of a list or string in the form of an object, and its place in it; other values unchanged."""
    if isinstance(value, dict):
        if value.get("__type__") == "builtins.list" and isinstance(value.get("items"), list):
            return value["items"], ("items",)
        parts = value.get("__join__")
        if isinstance(parts, list) and all(isinstance(part, str | int | float) for part in parts):
            return "".join(map(str, parts)), ()
    return value, ()


def is_later(value: Any, *, templated: bool = True) -> bool:
    """Return whether a value is only known later: it contains a variable or a template, or is an object."""
    if not isinstance(value, str):
        return is_object(value)
    return _VARIABLE.search(value) is not None or (templated and _TEMPLATE.search(value) is not None)


@dataclass(frozen=True)
class Argument(Parameter):
    """One argument; see `Parameter`."""

    @cached_property
    def expected(self) -> str:
        """The accepted values, in words."""
        objects = [f"{{__type__: {branch['x-object']}, ...}}" for branch in self.branches if "x-object" in branch]
        plain = [branch for branch in self.branches if "x-object" not in branch]
        words = [Parameter(self.name, {"anyOf": plain}).expected] if plain else []
        return " or ".join([*words, *objects[:1]])

    def complaint(self, value: Any) -> str:
        """Return the message about a value that is not accepted; for a mapping, which keys it lacks."""
        if isinstance(value, dict):
            for branch in self.branches:
                needed = branch.get("required", [])
                lacks = [key for key in needed if key not in value]
                if lacks and "x-object" not in branch:
                    words = f"{self.name} as a mapping needs {' and '.join(needed)}: {' and '.join(lacks)} is missing"
                    is_list = any(other.get("type") == "array" for other in self.branches)
                    return words + ("; without a file, write a list" if is_list else "")
        return super().complaint(value)

    @cached_property
    def is_time_span(self) -> bool:
        """Whether a number means seconds."""
        return any(branch.get("x-object") == "datetime.timedelta" for branch in self.branches)

    def inside(self, kind: str) -> dict[str, Any] | None:
        """Return the branch with the schema of values in a mapping (``properties``) or list (``items``), or None."""
        return next((branch for branch in self.branches if branch.get(kind)), None)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a DAG, task, operator, function or class.

    Parameters
    ----------
    name : str
        Its name in messages.
    by_name : dict of str to Argument
        The arguments.
    required : tuple of str
        Required arguments.
    is_open : bool
        Whether it takes other arguments too, or this is unknown.
    positional : tuple of str
        Positional arguments, in order.
    has_varargs : bool
        Whether it takes any number of positional arguments.
    by_name_only : frozenset of str
        Keyword-only arguments.
    """

    name: str
    by_name: dict[str, Argument] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    is_open: bool = False
    positional: tuple[str, ...] = ()
    has_varargs: bool = False
    by_name_only: frozenset[str] = frozenset()


def load_spec_schema() -> dict[str, Any]:
    """Return the generated schema of DAG specs."""
    return schemas.load(schemas.SPEC)


@cache
def table(name: str) -> Arguments:
    """Return the arguments that the schema defines for a ``dag``, ``default_args``, a ``task`` or a ``task_group``."""
    definition = load_spec_schema()["$defs"][name]
    return Arguments(name, _arguments(definition["properties"]))


@cache
def context_keys() -> frozenset[str]:
    """Return the arguments that Airflow itself passes to a function that takes them."""
    return frozenset(load_spec_schema()["x-context"])


@cache
def base_names() -> frozenset[str]:
    """Return the arguments of every operator."""
    return frozenset(table("default_args").by_name) - {"timezone"}  # which dag-factory reads, and only there


def of_operator(symbol: Symbol, finder: Finder) -> Arguments:
    """Return the arguments of an operator, without those of every operator."""
    return _once(finder, ("operator", symbol.name), lambda: _of_operator(symbol, finder))


def _once(finder: Finder, name: tuple[str, ...], read: Callable[[], Arguments]) -> Arguments:
    """Read arguments once for a finder: the specs of a folder name the same few steps again and again."""
    known = _known.setdefault(finder, {})
    if name not in known:
        known[name] = read()
    return known[name]


def _of_operator(symbol: Symbol, finder: Finder) -> Arguments:
    definition = load_spec_schema()["$defs"].get(symbol.name)
    short = symbol.name.rpartition(".")[2]
    if definition is not None:
        return Arguments(short, _arguments(definition["properties"]), tuple(definition["x-required"]))
    found = signature(symbol, finder)
    own = {name: schema for name, schema in found.arguments.items() if name not in base_names()}
    required = tuple(name for name in found.required if name in own and name != "task_id")
    own.pop("task_id", None)
    if "poke_interval" in own:
        own["mode"] = SENSOR_MODE
    # Without an argument of BaseOperator, the class was not traced back to BaseOperator.
    is_open = found.is_open or "trigger_rule" not in found.arguments
    return Arguments(short, _arguments(own), required, is_open=is_open)


def of_callable(dotted: str, symbol: Symbol, finder: Finder) -> Arguments:
    """Return the arguments of a function; for Podium's steps, with the types of the schema."""
    return _once(finder, ("callable", dotted, symbol.name), lambda: _of_callable(dotted, symbol, finder))


def _of_callable(dotted: str, symbol: Symbol, finder: Finder) -> Arguments:
    found = signature(symbol, finder)
    known = load_spec_schema()["$defs"].get(current_path(dotted), {}).get("properties", {})
    more = list(spec_arguments(dotted))
    found.positional += more
    names = [*found.arguments, *more]
    if (current_path(dotted) or "").startswith(STEPS):
        known = _with_own_metrics(known)
    return _of_signature(found, {name: known.get(name) or found.arguments[name] for name in names})


def _with_own_metrics(schema: Any) -> Any:
    """Return a schema that accepts the project's own metrics where it lists those of training."""
    own = own_code.current().names(own_code.METRICS)
    if isinstance(schema, list):
        return [*schema, *own] if _OF_PODIUM in schema else [_with_own_metrics(inner) for inner in schema]
    if isinstance(schema, dict) and own:
        return {key: _with_own_metrics(inner) for key, inner in schema.items()}
    return schema


def of_object(dotted: str, symbol: Symbol, finder: Finder) -> Arguments:
    """Return the arguments of a class's constructor, or of a function that returns an object."""
    definition = load_spec_schema()["$defs"].get(current_path(dotted))
    if definition is None or "x-positional" not in definition:
        found = signature(symbol, finder)
        return _of_signature(found, found.arguments)
    own = {name: schema for name, schema in definition["properties"].items() if name[:2] != "__"}
    return Arguments(
        dotted.rpartition(".")[2],
        _arguments(own),
        tuple(definition["x-required"]),
        is_open=definition["x-open"],
        positional=tuple(definition["x-positional"]),
        has_varargs=definition["x-varargs"],
    )


def _of_signature(found: Signature, schemas: dict[str, Any]) -> Arguments:
    return Arguments(
        found.name,
        _arguments(schemas),
        tuple(dict.fromkeys(found.required)),
        is_open=found.is_open,
        positional=tuple(found.positional),
        has_varargs=found.has_varargs,
        by_name_only=frozenset(found.keyword_only),
    )


def _arguments(schemas: dict[str, Any]) -> dict[str, Argument]:
    return {name: Argument(name, schema) for name, schema in schemas.items()}


def missing(arguments: Arguments, given: Iterable[str], by_position: int = 0) -> list[str]:
    """Return the required arguments that are not given; one given under a similar name is misspelt, not missing."""
    there = {*given, *arguments.positional[:by_position]}
    misspelt = there - arguments.by_name.keys() - context_keys() - base_names()
    return [
        name
        for name in arguments.required
        if name not in there and not any(did_you_mean(word, [name]) for word in misspelt)
    ]
