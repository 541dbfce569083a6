"""The check of a classifier config against the schema; every mistake has its position."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from podium.configs.grid import Part
from podium.configs.parameters import MAX_LISTED, load_schema, shown, top_level
from podium.configs.remedies import SYNONYMS, foreign, remedy
from podium.configs.vocabulary import Vocabulary
from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from podium.configs.grid import Place
    from podium.configs.parameters import Parameter, ParameterTable
    from podium.errors import Problem
    from podium.files.documents import Document


Pointer: TypeAlias = tuple[str | int, ...]

_COLUMN_FORM = "{columns: [a, b], steps: [StandardScaler]}"
_NESTED_KEYS = ("estimator", "params", "preprocess")
_NESTED_FORM = "a name, or {estimator: NAME, params: {...}}"


@dataclass
class ParsedConfig:
    """The content of a config file, in one canonical form."""

    estimator: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    preprocess: list[dict[str, Any]] = field(default_factory=list)
    grid: dict[str, tuple[Place, list[Any]]] = field(default_factory=dict)
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class ConfigCheck:
    """Checks one document.

    An editor applies the same rules through the schema's ``if``/``then``. Here they are looked up by class name, which
    is 50 times faster than trying every branch and lets the message name the class.

    Parameters
    ----------
    document : Document
        The file.
    vocabulary : Vocabulary, optional
        The classes that the config can name. Default: without a project's own.
    columns : callable, optional
        Returns the features of the data set; called if the config names columns. Default: any column may exist.

    Attributes
    ----------
    problems : list of Problem
        Filled by `run`.
    """

    def __init__(
        self,
        document: Document,
        vocabulary: Vocabulary | None = None,
        columns: Callable[[], Collection[str]] | None = None,
    ) -> None:
        self._document = document
        self._vocabulary = vocabulary or Vocabulary()
        self._known_columns = columns
        self.problems: list[Problem] = []

    def run(self) -> ParsedConfig:
        """Check everything and return the parsed content, which is complete only if `problems` is empty."""
        data = self._document.data
        self._check_keys((), data, top_level().by_name)
        parsed = ParsedConfig()
        parsed.estimator = self._estimator_name((), data) or ""
        params = self._mapping(("params",), data.get("params", {}))
        grid = self._mapping(("grid",), data.get("grid", {}))
        parsed.preprocess = self._preprocess(("preprocess",), data.get("preprocess", []), by_column=True)
        parsed.tags = self._tags(self._mapping(("tags",), data.get("tags", {})))
        parsed.description = self._plain("description")
        self._plain("$schema")
        if parsed.estimator:
            parsed.params = self._params(("params",), params, parsed.estimator)
            config = Part(parsed.estimator, parsed.params, preprocess=parsed.preprocess, vocabulary=self._vocabulary)
            parsed.grid = self._grid(grid, config)
            self._check_required((), parsed.estimator, {*params, *grid})
        return parsed

    def _add(self, pointer: Pointer, message: str, *, key: bool = False) -> None:
        line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in message)
        self.problems.append(self._document.problem(pointer, line, key=key))

    def _check_keys(self, pointer: Pointer, data: Mapping[str, Any], known: Collection[str]) -> None:
        for key in data:
            if key not in known:
                other = SYNONYMS.get(key)
                hint = f": did you mean {other!r}?" if other in known else did_you_mean(key, known)
                hint = hint or f": known keys are {', '.join(k for k in known if k[:1] != '$')}"
                self._add((*pointer, key), f"unknown key {key!r}{hint}", key=True)

    def _plain(self, key: str) -> str:
        value, parameter = self._document.data.get(key, ""), top_level().by_name[key]
        if not parameter.accepts(value):
            self._add((key,), parameter.complaint(value))
        return str(value)

    def _mapping(self, pointer: Pointer, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._add(pointer, f"{pointer[-1]} must be a mapping, not {shown(value)}")
        return {}

    def _estimator_name(self, pointer: Pointer, data: Mapping[str, Any]) -> str | None:
        if "estimator" not in data:
            self._add(pointer, "the estimator is missing: add a line such as 'estimator: RandomForestClassifier'")
            return None
        return self._name((*pointer, "estimator"), data["estimator"], "classifier")

    def _name(self, pointer: Pointer, value: Any, noun: str, *, key: bool = False) -> str | None:
        if not isinstance(value, str):
            self._add(pointer, f"expected the name of a {noun}, not {shown(value)}")
            return None
        known = self._vocabulary.classifiers() if noun == "classifier" else self._vocabulary.transformers()
        if value not in known:
            words = remedy(value, noun) or did_you_mean(value.rpartition(".")[2], sorted(known)) or foreign(value)
            self._add(pointer, f"unknown {noun} {shown(value)}{words}", key=key)
            return None
        try:
            self._vocabulary.parameters_of(value)
        except PodiumError as error:  # the project's own code
            self._add(pointer, f"{value} cannot be used: {error}", key=key)
            return None
        return value

    def _params(self, pointer: Pointer, params: Mapping[str, Any], class_: str) -> dict[str, Any]:
        table = self._vocabulary.parameters_of(class_)
        values: dict[str, Any] = {}
        for name, value in params.items():
            at = (*pointer, name)
            parameter = self._parameter(at, name, table)
            if parameter is not None and self._is_first(at, parameter.stored, values):
                values[parameter.stored] = self._value(at, value, parameter)
        return values

    def _parameter(self, pointer: Pointer, name: str, table: ParameterTable) -> Parameter | None:
        parameter = table.get(name)
        if parameter is None:
            self._add(pointer, table.unknown(name), key=True)
        return parameter

    def _is_first(self, pointer: Pointer, stored: str, given: Collection[str]) -> bool:
        if stored in given:
            self._add(pointer, f"{pointer[-1]} is another name of {stored}: give one of them", key=True)
        return stored not in given

    def _check_required(self, pointer: Pointer, class_: str, given: Collection[str]) -> None:
        for name in self._vocabulary.required_parameters(class_):
            if name not in given:
                self._add((*pointer, "estimator"), f"{class_} needs the parameter {name!r}")

    def _grid(self, grid: Mapping[str, Any], config: Part) -> dict[str, tuple[Place, list[Any]]]:
        found: dict[str, tuple[Place, list[Any]]] = {}
        is_sound = not self.problems
        for name, options in grid.items():
            pointer = ("grid", name)
            try:
                part, inner = config.locate(name)
            except PodiumError as error:
                if is_sound:  # otherwise it may be inside something misspelt
                    self._add(pointer, str(error), key=True)
                continue
            parameter = self._parameter(pointer, inner, self._vocabulary.parameters_of(part.class_name))
            if parameter is None:
                continue
            stored = name[: len(name) - len(inner)] + parameter.stored
            if self._is_first(pointer, stored, found):
                found[stored] = (*part.params_at, parameter.stored), self._options(pointer, options, parameter)
        self._check_overlaps(found)
        return found

    def _options(self, pointer: Pointer, options: Any, parameter: Parameter) -> list[Any]:
        if not isinstance(options, list):
            words = f"the grid takes a list of values for {pointer[-1]}, not {shown(options)}: write [{shown(options)}]"
            self._add(pointer, words)
            return []
        if not options:
            self._add(pointer, f"the grid has no value for {pointer[-1]}: give at least one, or remove it")
        values = [self._value((*pointer, at), option, parameter) for at, option in enumerate(options)]
        self._check_repeated(pointer, values)
        return values

    def _check_overlaps(self, grid: Mapping[str, tuple[Place, list[Any]]]) -> None:
        for name, (place, _) in grid.items():
            for other, (outer, _) in grid.items():
                if outer != place and place[: len(outer)] == outer:
                    words = f"the grid also has {other}, which contains {name}: remove one of them"
                    self._add(("grid", name), words, key=True)

    def _check_repeated(self, pointer: Pointer, values: list[Any]) -> None:
        seen: set[str] = set()
        for at, value in enumerate(values):
            text = json.dumps(value, sort_keys=True)
            if text in seen:
                self._add((*pointer, at), f"the grid already has {shown(value)} for {pointer[-1]}")
            seen.add(text)

    def _value(self, pointer: Pointer, value: Any, parameter: Parameter) -> Any:
        if parameter.nested == "estimators" and isinstance(value, dict):
            return self._named_classifiers(pointer, value)
        if parameter.nested == "estimator" and not parameter.accepts(value) and isinstance(value, str | dict):
            return self._classifier(pointer, value)
        if not parameter.accepts(value):
            self._add(pointer, parameter.complaint(value))
            return value
        return parameter.normalised(value)

    def _named_classifiers(self, pointer: Pointer, values: dict[str, Any]) -> dict[str, Any]:
        pattern = load_schema()["$defs"]["named_classifiers"]["propertyNames"]["pattern"]
        if not values:
            self._add(pointer, f"{pointer[-1]} needs at least one classifier")
        for name in values:
            if not re.search(pattern, name):
                self._add(
                    (*pointer, name),
                    f"the name {name!r} must not be empty or contain two consecutive underscores",
                    key=True,
                )
        return {
            name: value if value == "drop" else self._classifier((*pointer, name), value)
            for name, value in values.items()
        }

    def _classifier(self, pointer: Pointer, value: Any) -> dict[str, Any]:
        """Check a classifier inside another one's parameters."""
        parsed: dict[str, Any] = {"estimator": value, "params": {}, "preprocess": []}
        if isinstance(value, str):
            if self._name(pointer, value, "classifier") and (needs := self._vocabulary.required_parameters(value)):
                self._add(pointer, f"{value} needs the parameter {needs[0]!r}")
            return parsed
        if not isinstance(value, dict):
            self._add(pointer, f"{pointer[-1]} must be a classifier ({_NESTED_FORM}), not {shown(value)}")
            return parsed
        self._check_keys(pointer, value, _NESTED_KEYS)
        name = self._estimator_name(pointer, value)
        params = self._mapping((*pointer, "params"), value.get("params", {}))
        parsed["preprocess"] = self._preprocess((*pointer, "preprocess"), value.get("preprocess", []))
        if name:
            parsed["estimator"] = name
            parsed["params"] = self._params((*pointer, "params"), params, name)
            self._check_required(pointer, name, params)
        return parsed

    def _preprocess(self, pointer: Pointer, steps: Any, *, by_column: bool = False) -> list[dict[str, Any]]:
        if not isinstance(steps, list):
            self._add(pointer, f"{pointer[-1]} must be a list, not {shown(steps)}: put it in [ ]")
            return []
        found: list[dict[str, Any]] = []
        for at, value in enumerate(steps):
            if isinstance(value, dict) and value.keys() & {"columns", "steps"}:
                item = self._column_item((*pointer, at), value, found, allowed=by_column)
            else:
                item = self._step((*pointer, at), value)
            found += [item] if item else []
        return found

    def _column_item(
        self, pointer: Pointer, item: Mapping[str, Any], before: list[dict[str, Any]], *, allowed: bool
    ) -> dict[str, Any] | None:
        """Check an item such as ``{columns: [a, b], steps: [StandardScaler]}``."""
        if not allowed:
            self._add(pointer, "steps can only be by column at the top level of a config")
            return None
        if any("columns" not in other for other in before):
            self._add(pointer, "an item with columns must come before the steps for all columns")
        self._check_keys(pointer, item, ("columns", "steps"))
        for key in ("columns", "steps"):
            if key not in item:
                self._add(pointer, f"an item by column needs {key}, as in {_COLUMN_FORM}")
        taken = {column for other in before for column in other.get("columns", ())}
        columns = self._columns((*pointer, "columns"), item.get("columns", []), taken)
        steps = self._preprocess((*pointer, "steps"), item.get("steps", []))
        if item.get("steps") == []:
            self._add((*pointer, "steps"), "steps needs at least one transformer")
        return {"columns": columns, "steps": steps}

    def _columns(self, pointer: Pointer, columns: Any, taken: set[str]) -> list[str]:
        if not isinstance(columns, list):
            self._add(pointer, f"columns must be a list, not {shown(columns)}: put it in [ ]")
            return []
        if not columns:
            self._add(pointer, "columns needs at least one column")
        found: list[str] = []
        for at, column in enumerate(columns):
            if not isinstance(column, str) or not column:
                self._add((*pointer, at), f"a column must be a name, not {shown(column)}: {_quoted(column)}")
            elif column in taken or column in found:
                self._add((*pointer, at), f"the column {column!r} already has steps")
            else:
                found.append(column)
        self._check_columns(pointer, columns, found)
        return found

    def _check_columns(self, pointer: Pointer, listed: list[Any], columns: list[str]) -> None:
        if self._known_columns is None or not columns:
            return
        known = list(self._known_columns())
        for column in columns:
            if column not in known:
                hint = did_you_mean(column, known) or f": it has {_listed(known)}"
                self._add((*pointer, listed.index(column)), f"the data set has no feature {column!r}{hint}")

    def _step(self, pointer: Pointer, value: Any) -> dict[str, dict[str, Any]] | None:
        if not isinstance(value, dict):
            if self._name(pointer, value, "transformer") is None:
                return None
            self._check_step_required(pointer, value, {})
            return {value: {}}
        if len(value) != 1:
            self._add(
                pointer, f"a step must be one transformer, as in {{PCA: {{n_components: 2}}}}, not {len(value)} keys"
            )
            return None
        (name, params), *_ = value.items()
        if self._name((*pointer, name), name, "transformer", key=True) is None:
            return None
        params = self._mapping((*pointer, name), params)
        self._check_step_required((*pointer, name), name, params)
        return {name: self._params((*pointer, name), params, name)}

    def _check_step_required(self, pointer: Pointer, name: str, given: Collection[str]) -> None:
        for parameter in self._vocabulary.required_parameters(name):
            if parameter not in given:
                self._add(pointer, f"{name} needs the parameter {parameter!r}", key=True)

    def _tags(self, tags: Mapping[str, Any]) -> dict[str, str]:
        pattern = load_schema()["properties"]["tags"]["propertyNames"]["pattern"]
        for name, value in tags.items():
            if not re.search(pattern, name):
                message = f"the tag name {shown(name)} must be 1 to 250 letters, digits, spaces and _ . / : -"
                self._add(("tags", name), message, key=True)
            if not isinstance(value, str | int | float):
                self._add(("tags", name), f"the tag {name} must be a string, a number or a boolean, not {shown(value)}")
        return {name: value if isinstance(value, str) else shown(value) for name, value in tags.items()}


def _quoted(column: Any) -> str:
    return f"write {str(column).lower()!r}" if isinstance(column, int | float) else "write it as a string"


def _listed(names: Collection[str]) -> str:
    words = ", ".join(list(names)[:MAX_LISTED])
    return words + (f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else "")
