"""JSON Schemas of the parameters of scikit-learn classes.

scikit-learn keeps its rules in each class's ``_parameter_constraints`` (``sklearn.utils._param_validation``). They are
private, so only this module reads them, and the exact release is pinned.

What JSON Schema cannot express is in additional keywords, which other validators ignore:

``x-float``
    An integer is not accepted: for scikit-learn ``max_features: 1`` is one feature and ``1.0`` is all of them.
``x-nonfinite``
    Which of ``.inf``, ``-.inf`` and ``.nan`` are accepted; JSON has no such numbers, YAML does.
``x-inexpressible``
    Other values that scikit-learn accepts and a config cannot contain.
``x-nested``
    ``estimator``: a classifier by the rules of a config; ``estimators``: a mapping of names to classifiers.
``x-tuple``, ``x-function``
    How to convert the value: a list to a tuple; a name to a function.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from numbers import Integral, Real
from typing import Any

from podium.source import docstrings

#: Score functions of feature selectors, all in ``sklearn.feature_selection``.
SCORE_FUNCTIONS = ("chi2", "f_classif", "mutual_info_classif")

_NONFINITE = {".inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
_TYPES: dict[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    str: {"type": "string"},
    dict: {"type": "object"},
    MutableMapping: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    Iterable: {"type": "array"},
    Integral: {"type": "integer"},
    Real: {"type": "number"},
    float: {"type": "number", "x-float": True},
}
_HINTED: dict[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    **dict.fromkeys((list, tuple, Iterable, Sequence), "array"),
    **dict.fromkeys((dict, Mapping, MutableMapping), "object"),
}
_WORDS: dict[str, list[dict[str, Any]]] = {
    "array-like": [{"type": "array"}],
    "boolean": [{"type": "boolean"}],
    "verbose": [{"type": "boolean"}, {"type": "integer", "minimum": 0}],
    "random_state": [{"type": "integer", "minimum": 0, "maximum": 2**32 - 1}, {"type": "null"}],
    "cv_object": [{"type": "integer", "minimum": 2}, {"type": "null"}],
    "nan": [],  # in x-nonfinite
}


def definition(class_: type) -> dict[str, Any]:
    """Return the JSON Schema of a class's parameters."""
    return {
        "type": "object",
        "description": docstrings.summary(class_) or class_.__name__,
        "properties": parameter_schemas(class_),
        "additionalProperties": False,
    }


def parameter_schemas(class_: type) -> dict[str, dict[str, Any]]:
    """Return a JSON Schema for each parameter of a scikit-learn class, with description and default.

    Parameters
    ----------
    class_ : type
        A class with ``_parameter_constraints``. Parameters without constraints follow from their type hints.

    Returns
    -------
    dict of str to dict
        By parameter, in the order of the constructor's signature.
    """
    described = docstrings.parameters(class_)
    rules, hints = _rules(class_), _hints(class_)
    schemas = {}
    for name, parameter in _named(class_).items():
        default = parameter.default
        schema = _parameter(name, rules[name], default) if name in rules else _hinted(hints.get(name, Any), default)
        schema["description"] = ". ".join(filter(None, [described.get(name, name).rstrip(". "), _remark(schema)])) + "."
        if default == "deprecated":
            schema["deprecated"] = True
        elif _is_json(default) and not _is_marker(rules.get(name, []), default):
            schema["default"] = default
        schemas[name] = schema
    return schemas


def required(class_: type) -> list[str]:
    """Return the parameters without a default, or with a default that the class refuses in ``fit``."""
    from sklearn.utils._param_validation import make_constraint

    rules = _rules(class_)

    def is_refused(name: str, default: Any) -> bool:
        if default is inspect.Parameter.empty:
            return True
        checks = rules.get(name, "no_validation")
        return checks != "no_validation" and not any(make_constraint(rule).is_satisfied_by(default) for rule in checks)

    return [name for name, parameter in _named(class_).items() if is_refused(name, parameter.default)]


def _named(class_: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a constructor that have a name: not ``*args`` and ``**kwargs``."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    signature = inspect.signature(class_).parameters.items()
    return {name: parameter for name, parameter in signature if parameter.kind not in variable}


def _rules(class_: type) -> dict[str, Any]:
    rules: dict[str, Any] = getattr(class_, "_parameter_constraints", {})
    return rules


def _hints(class_: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(class_.__init__)  # type: ignore[misc]
    except (NameError, TypeError, AttributeError):  # a hint that only a type checker can resolve
        return {}


def _hinted(hint: Any, default: Any) -> dict[str, Any]:
    """Return the schema of a parameter that only has a type hint; without one, every value is accepted."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    branches: list[dict[str, Any]] = []
    for option in options:
        origin = typing.get_origin(option) or option
        if origin is typing.Literal:
            branches.append({"enum": list(typing.get_args(option))})
        elif option is type(None):
            continue
        elif origin in _HINTED:
            branches.append({"type": _HINTED[origin]})
        else:
            return {}
    is_optional = default is None or type(None) in options
    return _any_of([*branches, *([{"type": "null"}] if is_optional else [])])


def _parameter(name: str, rules: Any, default: Any) -> dict[str, Any]:
    if isinstance(rules, str):  # "no_validation"
        return {}
    special = _special(name, rules, default)
    if special is not None:
        return special
    branches: list[dict[str, Any]] = []
    inexpressible: list[str] = []
    for rule in rules:
        if type(rule).__name__ == "Hidden":  # kept by scikit-learn for old code, not documented
            continue
        found = _branches(rule, default)
        branches += found
        if not found and not _nonfinite([rule]):
            inexpressible.append(_name(rule))
    schema = _any_of(branches)
    if accepted := _nonfinite(rules):
        schema["x-nonfinite"] = accepted
    if inexpressible:
        schema["x-inexpressible"] = " or ".join(dict.fromkeys(inexpressible))
    if tuple in rules and list not in rules:
        schema["x-tuple"] = True
    return schema


def _special(name: str, rules: list[Any], default: Any) -> dict[str, Any] | None:
    """Return the schema of a parameter whose rules are less strict than they could be."""
    optional: list[dict[str, Any]] = [{"type": "null"}] if None in rules else []
    if name == "estimators":
        return {"$ref": "#/$defs/named_classifiers", "x-nested": "estimators"}
    if name in ("estimator", "final_estimator", "init") and any(type(rule).__name__ == "HasMethods" for rule in rules):
        words = [found for rule in rules for found in _branches(rule, None) if "enum" in found]
        return _any_of([{"$ref": "#/$defs/classifier"}, *words, *optional]) | {"x-nested": "estimator"}
    if name == "score_func":
        return {"enum": sorted(SCORE_FUNCTIONS), "x-function": "sklearn.feature_selection"}
    if name == "scoring" and str in rules:
        from sklearn.metrics import get_scorer_names

        own = {default} if isinstance(default, str) else set()  # 'loss' of HistGradientBoostingClassifier
        return _any_of([{"enum": sorted({*get_scorer_names(), *own})}, *optional])
    if name == "memory":  # a folder of pickles: anyone who can write to it could run code
        return {"type": "null", "x-inexpressible": "a cache"}
    return None


def _branches(rule: Any, default: Any) -> list[dict[str, Any]]:  # noqa: PLR0911 (one return per kind of rule)
    """Return schemas whose union is equivalent to a rule; none if JSON cannot represent its values."""
    if rule is None:
        return [{"type": "null"}]
    if isinstance(rule, str):
        return [dict(branch) for branch in _WORDS.get(rule, [])]
    if isinstance(rule, type):
        return [dict(_TYPES[rule])] if rule in _TYPES else []
    kind = type(rule).__name__
    if kind == "Interval":
        return [_interval(rule)]
    if kind in ("StrOptions", "Options"):
        return _options(rule, default)
    if kind == "MissingValues":
        names = ["integer", "number"] if rule.numeric_only else ["integer", "number", "string", "null"]
        return [{"type": name} for name in names]
    return []


def _options(rule: Any, default: Any) -> list[dict[str, Any]]:
    options = sorted(
        (option for option in rule.options - rule.deprecated if _is_json(option)),
        key=lambda option: (option != default, str(option)),  # the default comes first in completion and in messages
    )
    return [{"enum": options}] if options else []


def _interval(rule: Any) -> dict[str, Any]:
    integral = rule.type is Integral
    schema: dict[str, Any] = {"type": "integer" if integral else "number"}
    for bound, closed, word, step in (
        (rule.left, rule.closed in ("left", "both"), "inimum", 1),
        (rule.right, rule.closed in ("right", "both"), "aximum", -1),
    ):
        if bound is None or math.isinf(bound):
            continue
        if integral:
            schema["m" + word] = int(bound) + (0 if closed else step)
        else:
            schema["m" + word if closed else "exclusiveM" + word] = _number(bound)
    if rule.type.__name__ == "RealNotInt":
        schema["x-float"] = True
    return schema


def _nonfinite(rules: list[Any]) -> list[str]:
    from sklearn.utils._param_validation import make_constraint

    checks = [make_constraint(rule) for rule in rules if type(rule).__name__ != "Hidden"]
    return [word for word, value in _NONFINITE.items() if any(check.is_satisfied_by(value) for check in checks)]


def _any_of(branches: list[dict[str, Any]]) -> dict[str, Any]:
    unique = [branch for at, branch in enumerate(branches) if branch not in branches[:at]]
    if not unique:
        return {"not": {}}
    return dict(unique[0]) if len(unique) == 1 else {"anyOf": unique}


def _remark(schema: dict[str, Any]) -> str:
    missing = schema.get("x-inexpressible")
    return f"A config cannot contain {missing}" if missing else ""


def _name(rule: Any) -> str:
    if rule is callable:
        return "a function"
    if rule == "sparse matrix":
        return "a sparse matrix"
    return f"a {rule.__name__} object" if isinstance(rule, type) else "an object"


def _is_marker(rules: Any, default: Any) -> bool:
    """Return whether a default only means that no value was given, as ``'warn'`` does."""
    hidden = [rule.constraint for rule in rules if type(rule).__name__ == "Hidden"]
    return any(type(rule).__name__ == "StrOptions" and default in rule.options for rule in hidden)


def _number(bound: Any) -> int | float:
    return int(bound) if float(bound).is_integer() else float(bound)


def _is_json(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | int)
