"""Signatures of classes and functions, read from their source, with a JSON Schema for each argument."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podium.source import docstrings
from podium.source.finder import Finder, Symbol, has_fields

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Base classes of operators, which raise an error for unknown arguments.
OPERATOR_ROOTS = ("airflow.sdk.bases.operator.BaseOperator",)

_TEXT = {"str", "os.PathLike", "Path", "pathlib.Path"}
_SIMPLE: dict[str, dict[str, Any]] = {
    **{name: {"type": "string"} for name in _TEXT},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
}
_MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping"}
_LISTS = {"list", "List", "Sequence", "Iterable", "Collection", "set", "Set", "tuple", "Tuple", "frozenset"}
#: Types of objects that only ``__type__`` can create.
_OBJECTS = {
    "timedelta": "datetime.timedelta",
    "datetime.timedelta": "datetime.timedelta",
    "datetime.time": "datetime.time",
    "relativedelta": "dateutil.relativedelta.relativedelta",
}
_SPHINX = re.compile(r"^\s*:param\s+(?:[\w.\[\]| ]+\s+)?(?P<name>\w+):(?P<text>.*)$")
_SPHINX_OTHER = re.compile(r"^\s*(:\w+|\.\. )")


@dataclass
class Signature:
    """The arguments of a class's constructor or a function.

    Parameters
    ----------
    name : str
        Name of the class or function, as messages show it.
    arguments : dict of str to dict
        JSON Schemas, in the order of the source.
    required : list of str
        Arguments without a default.
    positional : list of str
        Positional arguments.
    keyword_only : set of str
        Keyword-only arguments.
    is_open : bool
        Whether it takes other arguments too, or this is unknown.
    has_varargs : bool
        Whether it takes any number of positional arguments.
    """

    name: str
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    keyword_only: set[str] = field(default_factory=set)
    is_open: bool = False
    has_varargs: bool = False


def signature(symbol: Symbol, finder: Finder) -> Signature:
    """Return the arguments of a class's constructor or a function; open if the source cannot be read."""
    short = symbol.name.rpartition(".")[2]
    if isinstance(symbol.node, ast.FunctionDef | ast.AsyncFunctionDef):
        result = Signature(short)
        _add_function(result, symbol.node, symbol.doc, skip=0)
        return result
    if isinstance(symbol.node, ast.ClassDef):
        result = Signature(short)
        _add_class(result, symbol, finder, set())
        return result
    return Signature(short, is_open=True)


def annotation_schema(node: ast.expr | None) -> dict[str, Any]:
    """Return the JSON Schema of a type hint; ``{}``, which accepts anything, if the type is unknown.

    A union with an unknown part is unknown: refusing a correct value would be worse than accepting a wrong one.
    """
    branches = _branches(node)
    if not branches or {} in branches:
        return {}
    unique = [branch for at, branch in enumerate(branches) if branch not in branches[:at]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def _branches(node: ast.expr | None) -> list[dict[str, Any]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return [{}]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _branches(node.left) + _branches(node.right)
    if isinstance(node, ast.Subscript):
        return _generic(node)
    return [_named(ast.unparse(node))] if node is not None else [{}]


def _named(name: str) -> dict[str, Any]:
    if name in _OBJECTS:
        return {"type": "object", "required": ["__type__"], "x-object": _OBJECTS[name]}
    short = name.rpartition(".")[2]
    collection = "object" if short in _MAPPINGS else "array" if short in _LISTS else None
    return _SIMPLE.get(name, {"type": collection} if collection else {})


def _generic(node: ast.Subscript) -> list[dict[str, Any]]:
    name = ast.unparse(node.value).rpartition(".")[2]
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return [{"enum": [ast.literal_eval(item) for item in inner]}]
    if name in ("Optional", "Union"):
        more: list[dict[str, Any]] = [{"type": "null"}] if name == "Optional" else []
        return [branch for item in inner for branch in _branches(item)] + more
    if name in ("Annotated", "Final", "ReadOnly"):
        return _branches(inner[0])
    items = annotation_schema(inner[0]) if name in _LISTS and name.lower() != "tuple" else {}
    return [{"type": "array", "items": items} if items else _named(name)]


def _add_function(result: Signature, node: ast.FunctionDef | ast.AsyncFunctionDef, doc: str, *, skip: int) -> None:
    """Add a function's arguments; arguments already added, from a subclass, take precedence."""
    words = described(doc)
    positional = [*node.args.posonlyargs, *node.args.args]
    without = len(positional) - len(node.args.defaults)
    for at, arg in enumerate(positional):
        if at >= skip:
            default = node.args.defaults[at - without] if at >= without else None
            _add(result, arg, default, words)
            result.positional.append(arg.arg)
    for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        _add(result, arg, default, words)
        result.keyword_only.add(arg.arg)
    result.is_open = result.is_open or node.args.kwarg is not None
    result.has_varargs = result.has_varargs or node.args.vararg is not None


def _add(result: Signature, arg: ast.arg, default: ast.expr | None, words: dict[str, str]) -> None:
    if arg.arg in result.arguments:
        return
    schema = dict(annotation_schema(arg.annotation))
    if arg.arg in words:
        schema["description"] = words[arg.arg]
    if default is None:
        result.required.append(arg.arg)
    else:
        _add_default(schema, default)
    result.arguments[arg.arg] = schema


def _add_default(schema: dict[str, Any], default: ast.expr) -> None:
    try:
        value = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return
    if value is None or isinstance(value, str | int | float | bool):
        schema["default"] = value


def _add_class(result: Signature, symbol: Symbol, finder: Finder, seen: set[str]) -> bool:
    """Add the arguments of a class's constructor, and those of its base classes if it passes ``**kwargs`` to them.

    Returns
    -------
    bool
        Whether the constructor was found.
    """
    node = symbol.node
    if symbol.name in seen:
        return True
    if not isinstance(node, ast.ClassDef):
        result.is_open = result.is_open or node is None
        return False
    seen.add(symbol.name)
    own = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name in ("__init__", "__new__")), None)
    overloads = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    if overloads:
        own = overloads[-1]  # the last one is the implementation
    if own is not None:
        was_open = result.is_open
        doc = f"{ast.get_docstring(own) or ''}\n{symbol.doc}"
        _add_function(result, own, doc, skip=1)
        if own.args.kwarg is None or symbol.name in OPERATOR_ROOTS:
            result.is_open = was_open
            return True
        result.is_open = was_open
        before = set(result.arguments)
        if not _any_base(result, symbol, finder, seen):
            result.is_open = True
        for name in _handed_on(own) - before:
            _remove(result, name)
        return True
    if has_fields(node):
        _any_base(result, symbol, finder, seen)
        _add_fields(result, node, symbol.doc)
        return True
    found = _any_base(result, symbol, finder, seen)
    if not found and node.bases:
        result.is_open = True
    return found


def _handed_on(function: ast.FunctionDef) -> set[str]:
    """Return the arguments that a constructor itself passes to its base class, so that a caller cannot."""
    calls = [call for call in ast.walk(function) if isinstance(call, ast.Call)]
    of_base = [call for call in calls if ast.unparse(call.func) == "super().__init__"]
    return {str(keyword.arg) for call in of_base for keyword in call.keywords if keyword.arg}


def _remove(result: Signature, name: str) -> None:
    if result.arguments.pop(name, None) is not None and name in result.required:
        result.required.remove(name)


def _any_base(result: Signature, symbol: Symbol, finder: Finder, seen: set[str]) -> bool:
    """Add the arguments of the base classes; return whether a constructor was found."""
    was_open, found = result.is_open, False
    for base in finder.bases(symbol):
        if base.node is not None and _add_class(result, base, finder, seen):
            found = True
    if not found:
        result.is_open = was_open
    return found


def _add_fields(result: Signature, node: ast.ClassDef, doc: str) -> None:
    """Add the arguments that attrs or dataclass generates from a class's annotated fields."""
    words = described(doc)
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            options = _field_options(statement.value)
            if "ClassVar" not in ast.unparse(statement.annotation) and options.get("init") != "False":
                _add_field(result, statement, options, words)


def _add_field(result: Signature, statement: ast.AnnAssign, options: dict[str, str], words: dict[str, str]) -> None:
    name = ast.unparse(statement.target).lstrip("_")
    if "alias" in options:
        name = options["alias"].strip("'")
    _remove(result, name)
    schema = dict(annotation_schema(statement.annotation))
    if name in words:
        schema["description"] = words[name]
    given = {"default", "factory", "default_factory"} & options.keys()
    if statement.value is None or (_is_field(statement.value) and not given):
        result.required.append(name)
    elif not _is_field(statement.value):
        _add_default(schema, statement.value)
    result.arguments[name] = schema
    if "kw_only" not in options and name not in result.positional:
        result.positional.append(name)


def _field_options(value: ast.expr | None) -> dict[str, str]:
    """Return the options of a field, as source code."""
    call = value if isinstance(value, ast.Call) and _is_field(value) else None
    return {str(option.arg): ast.unparse(option.value) for option in (call.keywords if call else [])}


def _is_field(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in ("field", "attrib", "ib")


def described(doc: str) -> dict[str, str]:
    """Return the description of each parameter in a docstring of numpydoc or Sphinx style."""
    return {**docstrings.parameters(_documented(doc)), **_sphinx(doc.splitlines())}


def summary(doc: str) -> str:
    """Return the first paragraph of a docstring, as one line."""
    return textwrap.shorten(docstrings.summary(_documented(doc)), docstrings.MAX_LENGTH, placeholder=" …")


def _documented(doc: str) -> type:
    return type("Documented", (), {"__doc__": doc})


def _sphinx(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        match = _SPHINX.match(line)
        if match:
            current = found.setdefault(match["name"], [])
            current.append(match["text"])
        elif _SPHINX_OTHER.match(line) or not line.strip():
            current = None
        elif current is not None:
            current.append(line)
    return {name: summary(" ".join(words)) for name, words in found.items()}
