"""The check of a task that has an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.specs import arguments
from podium.specs.checks.calls import CallCheck
from podium.specs.checks.classes import OPERATOR, inherited
from podium.specs.checks.task import CALLABLE, FACTORY_KEYS, UNMAPPABLE

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.source.finder import Symbol
    from podium.specs.arguments import Arguments
    from podium.specs.checks.problems import ProblemList
    from podium.specs.checks.task import Task

#: Keys that dag-factory converts to an argument, if the operator has that argument.
_MADE = {
    "execution_date_fn": ("execution_date_fn_name", "execution_date_fn_file"),
    "response_check": ("response_check_name", "response_check_file", "response_check_lambda"),
    "success": ("success_check_name", "success_check_file", "success_check_lambda"),
    "failure": ("failure_check_name", "failure_check_file", "failure_check_lambda"),
    "python_callable": CALLABLE,
}
#: Arguments of which an operator takes one at most.
_ONE_OF = {
    "ExternalTaskSensor": [
        ("external_task_id", "external_task_ids", "external_task_group_id"),
        ("execution_delta", "execution_date_fn"),
    ],
}


class OperatorCheck(CallCheck):
    """Checks a task that has an operator.

    Parameters
    ----------
    problems : ProblemList
        Receives the problems.
    task : Task
        The task.
    defaults : collection of str
        Arguments that it has from ``default_args``.
    """

    def __init__(self, problems: ProblemList, task: Task, defaults: Collection[str]) -> None:
        super().__init__(problems, task)
        self._defaults = defaults

    def run(self, dotted: Any) -> None:
        """Check the task, whose operator has the import path `dotted`."""
        symbol = self._problems.find((*self._task.pointer, "operator"), dotted, "the operator")
        if symbol is None:
            return
        if problem := self._not_an_operator(symbol, dotted):
            self._add(("operator",), problem)
            return
        own = arguments.of_operator(symbol, self._finder)
        more = {name for made, names in _MADE.items() if made in own.by_name for name in names}
        known = own.by_name.keys() | arguments.base_names() | more | (FACTORY_KEYS - set(CALLABLE))
        for name, value in self._task.conf.items():
            if name in known:
                self._argument((name,), name, value, own)
            elif not own.is_open:
                self._unknown((name,), name, own, known)
        self._mapped(own)
        function = self._function() if "python_callable" in own.by_name else None
        if function is not None:
            self._op_kwargs(function)
        if not self._maps_together:
            self._required(own, {"python_callable"} if any(name in self._task.conf for name in CALLABLE) else set())
        for names in _ONE_OF.get(own.name, ()):
            given = [name for name in names if self._task.conf.get(name)]
            if len(given) > 1:
                self._add((given[1],), f"{own.name} takes only one of {' and '.join(given)}", key=True)

    def _not_an_operator(self, symbol: Symbol, dotted: str) -> str:
        if symbol.name in arguments.PYTHON_TASKS:
            return f"{dotted} is a decorator: write decorator instead of operator"
        if symbol.node is not None and not symbol.is_class:
            return f"{dotted} is a function: name it in python_callable, with a decorator such as airflow.sdk.task"
        classes = inherited(symbol, self._finder)
        if classes is not None and classes.isdisjoint(OPERATOR[1]):
            return f"{dotted} is not {OPERATOR[0]}"
        return ""

    def _mapped(self, own: Arguments) -> None:
        for part in ("partial", "expand"):
            for name, value in self._task.dictionary(part).items():
                known = own.by_name.keys() | arguments.base_names()
                if name not in known and not own.is_open:
                    self._unknown((part, name), name, own, known)
                elif part == "expand" and (name in self._task.conf or name in self._task.dictionary("partial")):
                    self._add((part, name), f"{name!r} is also outside expand: remove one of them", key=True)
                elif part == "expand" and name in UNMAPPABLE:
                    words = f"{name} cannot be mapped over: all mapped tasks share it"
                    self._add((part, name), words, key=True)
                elif part == "partial" and name in self._task.conf:
                    self._add((part, name), f"{name!r} is also outside partial: remove one of them", key=True)
                elif part == "partial":
                    self._argument((part, name), name, value, own)

    def _required(self, own: Arguments, given: set[str]) -> None:
        variables = self._task.conf.get("variables_as_arguments")
        named = [v.get("attribute") for v in variables if isinstance(v, dict)] if isinstance(variables, list) else []
        everything = {
            *given,
            *self._task.conf,
            *self._task.dictionary("partial"),
            *self._task.dictionary("expand"),
            *self._defaults,
            *map(str, named),
        }
        for name in arguments.missing(own, everything):
            self._add(("operator",), f"{own.name} needs the argument {name!r}")

    def _op_kwargs(self, function: tuple[str, Symbol]) -> None:
        """Check the arguments that a PythonOperator passes to its function."""
        takes = arguments.of_callable(*function, self._finder)
        values = self._task.conf.get("op_kwargs")
        if "op_kwargs" in self._task.dictionary("partial") or "op_kwargs" in self._task.dictionary("expand"):
            return
        if values is not None and not isinstance(values, dict):
            return
        self._call(("op_kwargs",), values or {}, takes)
        by_position = self._task.conf.get("op_args", [])
        if isinstance(by_position, list) and "op_args" not in self._task.dictionary("expand"):
            self._needs(takes, {*(values or {}), *arguments.context_keys()}, len(by_position))
