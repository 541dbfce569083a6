"""The check of a task that has a decorator: a function and its arguments."""

from __future__ import annotations

import ast
import contextlib
from typing import TYPE_CHECKING, Any

from podium.errors import SymbolNotFoundError
from podium.specs import arguments
from podium.specs.arguments import Arguments
from podium.specs.checks.calls import CallCheck
from podium.specs.checks.data import check_data
from podium.specs.checks.task import FACTORY_KEYS
from podium.specs.vocabulary import TASK_CALLBACKS

if TYPE_CHECKING:
    from podium.source.finder import Symbol

_FILES = frozenset(f"{callback}_{part}" for callback in TASK_CALLBACKS for part in ("name", "file"))


class DecoratorCheck(CallCheck):
    """Checks a task that has a decorator."""

    def run(self, dotted: Any) -> None:
        """Check the task, whose decorator has the import path `dotted`."""
        decorator = self._problems.find((*self._task.pointer, "decorator"), dotted, "the decorator")
        function = self._function()
        if decorator is None or function is None or not self._decorates(decorator):
            return
        takes = arguments.of_callable(*function, self._finder)
        python = self._python(decorator)
        known = FACTORY_KEYS | arguments.base_names() | python.by_name.keys()
        own = [name for name in self._task.conf if name in takes.positional]
        for name, value in self._task.conf.items():
            if name in takes.positional:
                self._call_value((name,), value, takes.by_name[name])
            elif name in ("op_kwargs", "op_args"):
                self._add(
                    (name,), f"{name} is for operators: write the function's arguments as keys of the task", key=True
                )
            elif name in known or name in _FILES:
                self._argument((name,), name, value, python)
            elif name in takes.by_name_only:
                words = f"dag-factory cannot pass {name!r} from here: it is a keyword-only argument of {takes.name}"
                self._add((name,), words, key=True)
            elif not python.is_open:
                self._unknown((name,), name, takes, {*takes.by_name, *known})
        self._mapped_call(takes, own)
        if not function[1].node:
            return
        check_data(self._problems, self._task.pointer, self._task.conf, function[0])

    def _python(self, decorator: Symbol) -> Arguments:
        """Return the arguments of the operator that a decorator creates."""
        operator = arguments.PYTHON_OPERATOR if decorator.name in arguments.PYTHON_TASKS else _decorated(decorator)
        with contextlib.suppress(SymbolNotFoundError):
            if operator:
                return arguments.of_operator(self._finder.find(operator), self._finder)
        return Arguments("", is_open=True)

    def _decorates(self, decorator: Symbol) -> bool:
        """Return whether ``decorator`` names a callable that takes a function, as a decorator does."""
        if decorator.name in arguments.PYTHON_TASKS or decorator.node is None:
            return True
        takes = arguments.of_callable(decorator.name, decorator, self._finder)
        if decorator.is_class and "trigger_rule" in takes.by_name:
            self._add(("decorator",), f"{takes.name} is an operator: write operator instead of decorator")
            return False
        if takes.is_open or "python_callable" in takes.by_name:
            return True
        self._add(("decorator",), f"{takes.name} is not a task decorator such as airflow.sdk.task")
        return False

    def _mapped_call(self, takes: Arguments, own: list[str]) -> None:
        partial, expand = self._task.dictionary("partial"), self._task.dictionary("expand")
        if expand:
            for name in own:
                self._add((name,), f"with expand, dag-factory ignores {name!r} here: move it to partial", key=True)
            self._call(("partial",), partial, takes)
            for name in expand:
                if name not in takes.by_name and not takes.is_open:
                    self._unknown(("expand", name), name, takes, takes.by_name.keys())
                elif name in self._messages:
                    words = f"{name} cannot be mapped over: all mapped tasks share it"
                    self._add(("expand", name), words, key=True)
                elif name in partial:
                    self._add(("expand", name), f"{name!r} is also in partial: remove one of them", key=True)
        is_mapping = all(isinstance(self._task.conf.get(name, {}), dict) for name in ("partial", "expand"))
        if is_mapping and not self._maps_together:
            self._needs(takes, {*self._written(), *partial, *expand, *arguments.context_keys()})

    def _written(self) -> set[str]:
        """Return the keys of the task that can be arguments of its function."""
        return set(self._task.conf) - FACTORY_KEYS


def _decorated(decorator: Symbol) -> str | None:
    """Return the operator that a decorator names in its source, as the decorators of Airflow's providers do."""
    if decorator.node is None or decorator.module is None:
        return None
    for node in ast.walk(decorator.node):
        if isinstance(node, ast.keyword) and node.arg == "decorated_operator_class":
            return f"{decorator.module.name}.{ast.unparse(node.value)}"
    return None
