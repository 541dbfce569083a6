"""Parameters of classes, looked up in the generated schema without importing scikit-learn."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from jsonschema import Draft202012Validator, TypeChecker, validators

from podium import schemas
from podium.errors import closest, did_you_mean
from podium.files.nodes import kind
from podium.files.yaml_nodes import resolve

#: Options that a message lists; some parameters of scikit-learn have 60.
MAX_LISTED = 12

#: Booleans of YAML 1.1, which are strings in YAML 1.2.
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of one class.

    Parameters
    ----------
    name : str
        As in the class's constructor.
    schema : dict
        Its JSON Schema.
    stored_name : str, optional
        The name that a parsed config has instead; LightGBM and XGBoost have several names for many parameters.
    """

    name: str
    schema: dict[str, Any]
    stored_name: str = ""

    @property
    def stored(self) -> str:
        """The name that a parsed config has."""
        return self.stored_name or self.name

    @property
    def nested(self) -> str | None:
        """``estimator`` or ``estimators`` if the value contains classifiers, else None."""
        return self.schema.get("x-nested")

    @cached_property
    def branches(self) -> list[dict[str, Any]]:
        """The alternatives that can be checked here; `podium.configs.check` checks nested classifiers."""
        return [branch for branch in self.schema.get("anyOf", [self.schema]) if "$ref" not in branch]

    @cached_property
    def _validators(self) -> list[Any]:
        return [_Validator(branch) for branch in self.branches]

    def accepts(self, value: Any) -> bool:
        """Return whether the class accepts a value, apart from nested classifiers."""
        if isinstance(value, float) and not math.isfinite(value):
            return nonfinite_word(value) in self.schema.get("x-nonfinite", []) or self.branches == [{}]
        return any(validator.is_valid(value) for validator in self._validators)

    def complaint(self, value: Any) -> str:
        """Return the message about a value that is not accepted."""
        extra = self.schema.get("x-inexpressible")
        if "not" in self.schema:
            return f"{self.name} must be {extra}, which a config cannot contain: remove it"
        words = f"{self.name} must be {self.expected}, not {shown(value)}"
        if isinstance(value, str):
            return words + self._hint(value)
        return words

    @cached_property
    def expected(self) -> str:
        """The accepted values, in words: ``one of 'gini', 'entropy'`` or ``an integer of 1 or more or null``."""
        words = [_options(branch["enum"]) if "enum" in branch else _type(branch) for branch in self.branches]
        if self.nested:
            words = ["a classifier" if self.nested == "estimator" else "a mapping of names to classifiers", *words]
        words += [word for word in self.schema.get("x-nonfinite", []) if word != "-.inf"]
        words = list(dict.fromkeys(words))
        if len(words) == 1:
            several = any(len(branch.get("enum", "")) > 1 for branch in self.branches)
            return f"one of {words[0]}" if several else words[0]
        return ", ".join(words[:-1]) + f" or {words[-1]}"

    def normalised(self, value: Any) -> Any:
        """Return an accepted value in its canonical form: if only real numbers are accepted, ``1`` becomes ``1.0``."""
        types = {branch.get("type") for branch in self.branches}
        if isinstance(value, int) and not isinstance(value, bool) and "number" in types and "integer" not in types:
            return float(value)
        return value

    def _hint(self, text: str) -> str:
        try:
            value = resolve(text)
        except ValueError:
            return ""
        if text.lower() in _BOOLEAN_WORDS and self.accepts(value=True):
            return f": write {_BOOLEAN_WORDS[text.lower()]}"
        if not isinstance(value, str) and self.accepts(value):
            return ": remove the quotes"
        options = [option for branch in self.branches for option in branch.get("enum", [])]
        hint = did_you_mean(text, [option for option in options if isinstance(option, str)])
        if not hint and (extra := self.schema.get("x-inexpressible")):
            return f"; a config cannot contain {extra}"
        return hint


@dataclass(frozen=True)
class ParameterTable:
    """The parameters of one class.

    Parameters
    ----------
    name : str
        The class.
    by_name : dict of str to Parameter
        The parameters.
    aliases : dict of str to str
        Other names of parameters.
    refused : dict of str to str
        Names of parameters that a config cannot set, and the reason.
    """

    name: str
    by_name: dict[str, Parameter]
    aliases: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Parameter | None:
        """Return a parameter by one of its names, or None if the class has none of that name."""
        if name in self.aliases:
            return Parameter(name, self.by_name[self.aliases[name]].schema, self.aliases[name])
        return self.by_name.get(name)

    def unknown(self, name: str) -> str:
        """Return the message about a name for which `get` returns None."""
        if name in self.refused:
            return f"a config cannot set {name!r} of {self.name} because {self.refused[name]}: remove it"
        return f"unknown parameter {name!r} for {self.name}{self._hint(name)}"

    def _hint(self, name: str) -> str:
        close = closest(name, [*self.by_name, *self.aliases])
        return f": did you mean {self.aliases.get(close, close)!r}?" if close else ""


def load_schema() -> dict[str, Any]:
    """Return the generated schema of classifier configs."""
    return schemas.load(schemas.CONFIG)


@cache
def classifier_names() -> frozenset[str]:
    """Return the classifiers that a config can name."""
    return frozenset(load_schema()["properties"]["estimator"]["enum"])


@cache
def transformer_names() -> frozenset[str]:
    """Return the transformers that ``preprocess`` can name."""
    return frozenset(_step_schemas())


@cache
def required_parameters(name: str) -> tuple[str, ...]:
    """Return the required parameters of a class."""
    if name in transformer_names() and name not in classifier_names():
        return tuple(_step_schemas()[name].get("required", ()))
    for rule in load_schema()["allOf"]:
        if rule["if"]["properties"]["estimator"]["const"] == name and "anyOf" in rule["then"]:
            return tuple(rule["then"]["anyOf"][0]["properties"]["params"]["required"])
    return ()


@cache
def parameters_of(name: str) -> ParameterTable:
    """Return the parameters of a class from the schema."""
    return table_of(name, load_schema()["$defs"][name])


def table_of(name: str, definition: dict[str, Any]) -> ParameterTable:
    """Return the parameters of a class from its definition in a schema."""
    by_name = {parameter: Parameter(parameter, schema) for parameter, schema in definition["properties"].items()}
    return ParameterTable(name, by_name, definition.get("x-aliases", {}), definition.get("x-refused", {}))


@cache
def top_level() -> ParameterTable:
    """Return the top-level keys of a config, as if they were parameters."""
    schema = load_schema()
    return ParameterTable("config", {key: Parameter(key, rule) for key, rule in schema["properties"].items()})


def shown(value: Any) -> str:
    """Return a value as messages show it: in YAML if it is short, else the name of its type."""
    if isinstance(value, list | dict) and value:
        return kind(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:40] + "…")  # noqa: PLR2004
    if isinstance(value, float) and not math.isfinite(value):
        return nonfinite_word(value)
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:40] + "…"  # noqa: PLR2004


def nonfinite_word(value: float) -> str:
    """Return how YAML spells an infinite number or NaN."""
    return ".nan" if math.isnan(value) else "-.inf" if value < 0 else ".inf"


def _step_schemas() -> dict[str, Any]:
    steps: dict[str, Any] = load_schema()["$defs"]["step"]["anyOf"][1]["properties"]
    return steps


def _is_number(_: TypeChecker, value: Any) -> bool:
    """Return whether a value is a finite number that fits a C double."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _check_float(_: Any, wanted: bool, value: Any, __: Any) -> Any:
    from jsonschema import ValidationError

    if wanted and isinstance(value, int):
        yield ValidationError("not a float")


# In JSON Schema 1.0 is an integer, and in Python True is 1; scikit-learn refuses the former, Podium the latter.
_Validator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"x-float": _check_float},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": _is_number,
        }
    ),
)


def _options(options: list[Any]) -> str:
    words = [shown(option) for option in options[:MAX_LISTED]]
    return ", ".join(words) + (f" and {len(options) - MAX_LISTED} more" if len(options) > MAX_LISTED else "")


def _type(branch: dict[str, Any]) -> str:
    names = {
        "integer": "an integer",
        "number": "a float" if branch.get("x-float") else "a number",
        "null": "null",
        "boolean": "true or false",
        "string": "a string",
        "array": "a list",
        "object": "a mapping",
    }
    return names.get(branch.get("type", ""), "a value") + _range(branch)


def _range(branch: dict[str, Any]) -> str:
    low, high = branch.get("minimum"), branch.get("maximum")
    above, below = branch.get("exclusiveMinimum"), branch.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    left = f" of {low} or more" if low is not None else f" above {above}" if above is not None else ""
    right = f" of {high} or less" if high is not None else f" below {below}" if below is not None else ""
    if left and right:
        return f"{left} and {f'up to {high}' if high is not None else right.strip()}"
    return left + right
