"""Checks of the function that a task calls, and of the arguments that it passes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.specs import arguments
from podium.specs.checks.functions import check_function_file, check_notifiers
from podium.specs.checks.task import CALLABLE, TaskPart
from podium.specs.checks.task_arguments import check_argument
from podium.specs.checks.values import check_value, is_reference
from podium.specs.vocabulary import spec_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podium.source.finder import Symbol
    from podium.specs.arguments import Argument, Arguments
    from podium.specs.checks.problems import Pointer


class CallCheck(TaskPart):
    """Checks the call of a function; the base class for tasks with an operator and for those with a decorator."""

    def _argument(self, pointer: Pointer, name: str, value: Any, own: Arguments) -> None:
        check_argument(self._problems, (*self._task.pointer, *pointer), name, value, own)

    def _function(self) -> tuple[str, Symbol] | None:
        """Return the function that the task calls, after its import path, which is empty if it is given as a file."""
        conf = self._task.conf
        if conf.get("python_callable") is not None:
            for name in CALLABLE[1:]:
                if name in conf:
                    self._add((name,), f"{name} cannot be used with python_callable: remove one of them", key=True)
            dotted = conf["python_callable"]
            symbol = self._problems.find((*self._task.pointer, "python_callable"), dotted, "the function")
            if symbol is not None and symbol.name in arguments.PYTHON_TASKS:
                self._add(("python_callable",), f"{dotted} is a decorator, not a function")
                return None
            return (dotted, symbol) if symbol else None
        if any(conf.get(name) is not None for name in CALLABLE):
            symbol = check_function_file(self._problems, self._task.pointer, conf, "python_callable")
            return ("", symbol) if symbol else None
        self._problems.add(
            self._task.pointer, f"the task {self._task.name} needs a python_callable: the import path of a function",
            key=True,
        )  # fmt: skip
        return None

    def _call(self, pointer: Pointer, values: Mapping[str, Any], takes: Arguments) -> None:
        for name, value in values.items():
            argument = takes.by_name.get(name)
            if argument is not None:
                self._call_value((*pointer, name), value, argument)
            elif not takes.is_open:
                self._unknown((*pointer, name), name, takes, takes.by_name.keys())

    def _call_value(self, pointer: Pointer, value: Any, argument: Argument) -> None:
        at = (*self._task.pointer, *pointer)
        if argument.name in self._messages:
            check_notifiers(self._problems, at, value)
        elif not is_reference(value):
            check_value(self._problems, at, value, argument)

    @property
    def _messages(self) -> tuple[str, ...]:
        """Arguments that take notifiers."""
        return tuple(spec_arguments(self._task.conf.get("python_callable")))

    def _needs(self, takes: Arguments, given: set[str], by_position: int = 0) -> None:
        for name in arguments.missing(takes, given, by_position):
            if takes.by_name:
                at = "python_callable" if "python_callable" in self._task.conf else "python_callable_name"
                self._add((at,), f"{takes.name} needs the argument {name!r}")
