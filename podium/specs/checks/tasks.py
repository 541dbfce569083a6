"""The check of one task: its operator or function, and the arguments that it is given."""

from __future__ import annotations

import ast
import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.errors import SymbolNotFoundError
from podium.specs import arguments
from podium.specs.arguments import Arguments
from podium.specs.checks.classes import OPERATOR, inherited
from podium.specs.checks.data import check_data
from podium.specs.checks.problems import hint
from podium.specs.checks.values import (
    check_asset_name,
    check_callbacks,
    check_date,
    check_date_of_task,
    check_function_file,
    check_notifiers,
    check_params,
    check_time_span,
    check_timezone,
    check_value,
    is_reference,
)
from podium.specs.vocabulary import MESSAGES, PROMOTE, TASK_CALLBACKS, current_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from podium.source.finder import Symbol
    from podium.specs.arguments import Argument
    from podium.specs.checks.problems import Findings, Pointer


#: Keys of a task that are dag-factory's own.
FACTORY_KEYS = frozenset(
    {"operator", "decorator", "task_id", "dependencies", "task_group_name", "expand", "partial"}
    | {"variables_as_arguments", "python_callable", "python_callable_name", "python_callable_file"}
)
_FILES = frozenset(f"{callback}_{part}" for callback in TASK_CALLBACKS for part in ("name", "file"))
_CALLABLE = ("python_callable", "python_callable_name", "python_callable_file")
#: Keys that dag-factory turns into an argument of an operator that has it.
_MADE = {
    "execution_date_fn": ("execution_date_fn_name", "execution_date_fn_file"),
    "response_check": ("response_check_name", "response_check_file", "response_check_lambda"),
    "success": ("success_check_name", "success_check_file", "success_check_lambda"),
    "failure": ("failure_check_name", "failure_check_file", "failure_check_lambda"),
    "python_callable": _CALLABLE,
}
#: Arguments that a sensor looks at when it is made, before there could be a template.
_SENSOR = (
    "mode",
    "timeout",
    "poke_interval",
    "soft_fail",
    "exponential_backoff",
    "max_wait",
    "never_fail",
    "silent_fail",
)
#: What Airflow gives to all mapped tasks alike: what `airflow.sdk.BaseOperator.partial` fills in by itself.
UNMAPPABLE = frozenset(
    {"owner", "email_on_retry", "email_on_failure", "retries", "retry_delay", "retry_exponential_backoff"}
    | {"max_retry_delay", "retry_policy", "depends_on_past", "ignore_first_depends_on_past", "wait_for_downstream"}
    | {"wait_for_past_depends_before_skipping", "priority_weight", "weight_rule", "queue", "pool_slots", "inlets"}
    | {"execution_timeout", "trigger_rule", "map_index_template", "executor_config", "outlets", *TASK_CALLBACKS}
    | {"allow_nested_operators"}
)
#: Airflow's rule for ids of tasks and DAGs.
_ID = re.compile(r"[\w.-]{1,250}")


@dataclass(frozen=True)
class Task:
    """A task of a spec.

    Parameters
    ----------
    name : str
        Its id.
    conf : dict
        What the spec says of it.
    pointer : tuple
        Where.
    """

    name: str
    conf: dict[str, Any]
    pointer: Pointer

    def dictionary(self, key: str) -> dict[str, Any]:
        """Return a mapping in the task, empty if it is absent or something else."""
        value = self.conf.get(key)
        return value if isinstance(value, dict) else {}


def check_id(findings: Findings, pointer: Pointer, name: str, noun: str, *, key: bool) -> None:
    """Check the id of a DAG, a task or a task group."""
    if not _ID.fullmatch(name):
        words = f"the {noun} {shown(name)} must be of letters, digits, '_', '-' and '.', up to 250"
        findings.say(pointer, words, key=key)


class TaskCheck:
    """Checks one task.

    Parameters
    ----------
    findings : Findings
        Receives the problems.
    task : Task
        The task.
    defaults : collection of str
        Arguments that it has from ``default_args``.
    """

    def __init__(self, findings: Findings, task: Task, defaults: Collection[str]) -> None:
        self._findings = findings
        self._task = task
        self._defaults = defaults
        self._finder = findings.finder

    def run(self) -> None:
        """Check everything but what it has to do with other tasks."""
        conf = self._task.conf
        check_callbacks(self._findings, self._task.pointer, conf)
        for name in ("start_date", "end_date"):
            if name in conf:
                check_date_of_task(self._findings, (*self._task.pointer, name), conf[name])
        for name in ("expand", "partial"):
            if name in conf and not isinstance(conf[name], dict) and (conf[name] is not None or "operator" in conf):
                self._say((name,), f"{name} must be a mapping of arguments, not {shown(conf[name])}")
        if "partial" in conf and not conf.get("expand"):
            self._say(("partial",), "partial needs expand beside it: without it the arguments are lost", key=True)
        if "operator" in conf and "decorator" in conf:
            self._say(("decorator",), "a task has an operator or a decorator, not both", key=True)
        elif "operator" in conf:
            self._operator(conf["operator"])
        elif "decorator" in conf:
            self._decorator(conf["decorator"])
        else:
            self._neither()

    def _neither(self) -> None:
        for name in self._task.conf:
            if name not in arguments.table("task").by_name and (words := hint(name, ("operator", "decorator"))):
                self._say((name,), f"unknown key {name!r} of a task{words}", key=True)
                return
        words = f"the task {self._task.name} needs an operator or a decorator"
        self._findings.say(self._task.pointer, words, key=True)

    def _say(self, pointer: Pointer, message: str, *, key: bool = False) -> None:
        self._findings.say((*self._task.pointer, *pointer), message, key=key)

    def _operator(self, dotted: Any) -> None:
        symbol = self._findings.find((*self._task.pointer, "operator"), dotted, "the operator")
        if symbol is None:
            return
        if symbol.name in arguments.PYTHON_TASKS:
            self._say(("operator",), f"{dotted} is a decorator: write decorator instead of operator")
            return
        if symbol.node is not None and not symbol.is_class:
            self._say(("operator",), f"{dotted} is a function; it can stand behind python_callable")
            return
        classes = inherited(symbol, self._finder)
        if classes is not None and classes.isdisjoint(OPERATOR[1]):
            self._say(("operator",), f"{dotted} is not {OPERATOR[0]}")
            return
        own = arguments.of_operator(symbol, self._finder)
        more = {name for made, names in _MADE.items() if made in own.by_name for name in names}
        known = own.by_name.keys() | arguments.base_names() | more | (FACTORY_KEYS - set(_CALLABLE))
        for name, value in self._task.conf.items():
            if name in known:
                self._argument((name,), name, value, own)
            elif not own.is_open:
                self._unknown((name,), name, own, known)
        self._mapped(own)
        function = self._function() if "python_callable" in own.by_name else None
        if function is not None:
            self._op_kwargs(function)
        self._required(own, {"python_callable"} if any(name in self._task.conf for name in _CALLABLE) else set())

    def _unknown(self, pointer: Pointer, name: str, own: Arguments, known: Collection[str]) -> None:
        self._say(pointer, f"{own.name} takes no argument {name!r}{hint(name, sorted(known))}", key=True)

    def _mapped(self, own: Arguments) -> None:
        for part in ("partial", "expand"):
            for name, value in self._task.dictionary(part).items():
                known = own.by_name.keys() | arguments.base_names()
                if name not in known and not own.is_open:
                    self._unknown((part, name), name, own, known)
                elif part == "expand" and (name in self._task.conf or name in self._task.dictionary("partial")):
                    self._say((part, name), f"{name!r} is given beside expand too: remove one of them", key=True)
                elif part == "expand" and name in UNMAPPABLE:
                    words = f"{name} cannot be mapped over: all mapped tasks have the same"
                    self._say((part, name), words, key=True)
                elif part == "partial" and name in self._task.conf:
                    self._say((part, name), f"{name!r} is given beside partial too: remove one of them", key=True)
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
            self._say(("operator",), f"{own.name} needs the argument {name!r}")

    def _argument(self, pointer: Pointer, name: str, value: Any, own: Arguments) -> None:
        if name in TASK_CALLBACKS or name in ("start_date", "end_date", "dependencies", "expand", "partial"):
            return
        at = (*self._task.pointer, *pointer)
        if name == "execution_delta":
            check_time_span(self._findings, at, value)
            return
        if name == "execution_date_fn" and value is not None:
            self._findings.find(at, value, "the function")
            return
        if name == "default_args" and value is not None:
            check_default_args(self._findings, at, value, (), is_closed=False, of_group=True)
            return
        if name == "params":
            check_params(self._findings, at, value)
        if name in ("inlets", "outlets"):
            self._check_uris(at, value)
        argument = own.by_name.get(name) or arguments.table("task").by_name.get(name)
        if argument is not None and name not in _CALLABLE and name not in ("operator", "decorator"):
            templated = name in own.by_name and name not in _SENSOR
            check_value(self._findings, at, value, argument, templated=templated)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if name in _SENSOR and is_number and value < 0:
                self._findings.say(at, f"{name} must be 0 or more, not {shown(value)}")

    def _check_uris(self, pointer: Pointer, values: Any) -> None:
        for step, item in enumerate(values if isinstance(values, list) else ()):
            if isinstance(item, str):
                check_asset_name(self._findings, (*pointer, step), item, "an asset's URI")

    def _function(self) -> tuple[str, Symbol] | None:
        """Return the function that the task calls, and its import path if it has one."""
        conf = self._task.conf
        if conf.get("python_callable") is not None:
            for name in _CALLABLE[1:]:
                if name in conf:
                    self._say((name,), f"{name} cannot stand beside python_callable: remove one of them", key=True)
            dotted = conf["python_callable"]
            symbol = self._findings.find((*self._task.pointer, "python_callable"), dotted, "the function")
            if symbol is not None and symbol.name in arguments.PYTHON_TASKS:
                self._say(("python_callable",), f"{dotted} is a decorator, not a function")
                return None
            return (dotted, symbol) if symbol else None
        if any(conf.get(name) is not None for name in _CALLABLE):
            symbol = check_function_file(self._findings, self._task.pointer, conf, "python_callable")
            return ("", symbol) if symbol else None
        self._findings.say(
            self._task.pointer, f"the task {self._task.name} needs a python_callable: the import path of a function",
            key=True,
        )  # fmt: skip
        return None

    def _op_kwargs(self, function: tuple[str, Symbol]) -> None:
        """Check what a PythonOperator hands to its function."""
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
            check_notifiers(self._findings, at, value)
        elif not is_reference(value):
            check_value(self._findings, at, value, argument)

    @property
    def _messages(self) -> tuple[str, ...]:
        """The arguments that are notifiers."""
        return MESSAGES if current_path(self._task.conf.get("python_callable")) == PROMOTE else ()

    def _needs(self, takes: Arguments, given: set[str], by_position: int = 0) -> None:
        for name in arguments.missing(takes, given, by_position):
            if takes.by_name:
                at = "python_callable" if "python_callable" in self._task.conf else "python_callable_name"
                self._say((at,), f"{takes.name} needs the argument {name!r}")

    def _decorator(self, dotted: Any) -> None:
        decorator = self._findings.find((*self._task.pointer, "decorator"), dotted, "the decorator")
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
                self._say((name,), f"{name} is an operator's: give the function its arguments by their names", key=True)
            elif name in known or name in _FILES:
                self._argument((name,), name, value, python)
            elif name in takes.by_name_only:
                words = f"dag-factory cannot pass {name!r}, which {takes.name} takes by name only, from here"
                self._say((name,), words, key=True)
            elif not python.is_open:
                self._unknown((name,), name, takes, {*takes.by_name, *known})
        self._mapped_call(takes, own)
        if not function[1].node:
            return
        check_data(self._findings, self._task.pointer, self._task.conf, function[0])

    def _python(self, decorator: Symbol) -> Arguments:
        """Return what the operator behind a decorator takes."""
        operator = arguments.PYTHON_OPERATOR if decorator.name in arguments.PYTHON_TASKS else _decorated(decorator)
        with contextlib.suppress(SymbolNotFoundError):
            if operator:
                return arguments.of_operator(self._finder.find(operator), self._finder)
        return Arguments("", is_open=True)

    def _decorates(self, decorator: Symbol) -> bool:
        """Tell whether what stands behind ``decorator`` takes a function, as a decorator does."""
        if decorator.name in arguments.PYTHON_TASKS or decorator.node is None:
            return True
        takes = arguments.of_callable(decorator.name, decorator, self._finder)
        if decorator.is_class and "trigger_rule" in takes.by_name:
            self._say(("decorator",), f"{takes.name} is an operator: write operator instead of decorator")
            return False
        if takes.is_open or "python_callable" in takes.by_name:
            return True
        self._say(("decorator",), f"{takes.name} is no task decorator such as airflow.sdk.task")
        return False

    def _mapped_call(self, takes: Arguments, own: list[str]) -> None:
        partial, expand = self._task.dictionary("partial"), self._task.dictionary("expand")
        if expand:
            for name in own:
                self._say((name,), f"beside expand, dag-factory loses {name!r}: put it into partial", key=True)
            self._call(("partial",), partial, takes)
            for name in expand:
                if name not in takes.by_name and not takes.is_open:
                    self._unknown(("expand", name), name, takes, takes.by_name.keys())
                elif name in self._messages:
                    words = f"{name} cannot be mapped over: all mapped tasks have the same"
                    self._say(("expand", name), words, key=True)
                elif name in partial:
                    self._say(("expand", name), f"{name!r} is in partial too: remove one of them", key=True)
        if all(isinstance(self._task.conf.get(name, {}), dict) for name in ("partial", "expand")):
            self._needs(takes, {*self._written(), *partial, *expand, *arguments.context_keys()})

    def _written(self) -> set[str]:
        """Return the keys of the task that can be meant for its function."""
        return set(self._task.conf) - FACTORY_KEYS


def _decorated(decorator: Symbol) -> str | None:
    """Return the operator that a decorator names in its source, as Airflow's providers write them."""
    if decorator.node is None or decorator.module is None:
        return None
    for node in ast.walk(decorator.node):
        if isinstance(node, ast.keyword) and node.arg == "decorated_operator_class":
            return f"{decorator.module.name}.{ast.unparse(node.value)}"
    return None


def check_default_args(
    findings: Findings,
    pointer: Pointer,
    values: Any,
    known: Collection[str],
    *,
    is_closed: bool,
    of_group: bool = False,
) -> None:
    """Check arguments that every task has.

    Airflow gives an operator those that it takes and ignores the others, so a misspelt one is silently lost.

    Parameters
    ----------
    known : collection of str
        What some operator of the DAG takes besides what every one does.
    is_closed : bool
        Whether that is all there is to know.
    of_group : bool, default=False
        Whether they are those of a task group, in which dag-factory reads no dates.
    """
    if not isinstance(values, dict) or arguments.is_object(values):
        findings.say(pointer, f"default_args must be a mapping of arguments, not {shown(values)}")
        return
    check_callbacks(findings, pointer, values)
    takes = arguments.table("default_args").by_name
    for name, value in values.items():
        if of_group and name in ("start_date", "end_date"):
            check_date_of_task(findings, (*pointer, name), value)
        elif name in takes:
            _check_default(findings, (*pointer, name), value, takes[name])
        elif name not in known:
            words = hint(name, sorted(takes))
            if name in arguments.table("dag").by_name:
                words = ": it is an argument of the DAG, not of its tasks"
            if is_closed or words:
                findings.say((*pointer, name), f"no task takes the argument {name!r}{words}", key=True)


def _check_default(findings: Findings, pointer: Pointer, value: Any, argument: Argument) -> None:
    if argument.name in ("start_date", "end_date"):
        check_date(findings, pointer, value)
    elif argument.name == "timezone":
        check_timezone(findings, pointer, value)
    elif argument.name not in TASK_CALLBACKS:
        check_value(findings, pointer, value, argument, templated=False)
