"""Checks of the arguments that every task can have, whether on the task or in ``default_args``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.specs import arguments
from podium.specs.checks.dates import check_date, check_date_of_task, check_time_span, check_timezone
from podium.specs.checks.functions import check_callbacks
from podium.specs.checks.problems import hint
from podium.specs.checks.schedules import check_asset_name
from podium.specs.checks.task import CALLABLE
from podium.specs.checks.values import check_params, check_value
from podium.specs.vocabulary import TASK_CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.specs.arguments import Argument, Arguments
    from podium.specs.checks.problems import Pointer, ProblemList

#: Arguments that a sensor validates when it is created, before templates are rendered.
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
#: Keys that have checks of their own.
_CHECKED_APART = (*TASK_CALLBACKS, "start_date", "end_date", "dependencies", "expand", "partial")


def check_argument(problems: ProblemList, pointer: Pointer, name: str, value: Any, own: Arguments) -> None:
    """Check one argument of a task.

    Parameters
    ----------
    own : Arguments
        What the task's operator takes in addition to the arguments of every task.
    """
    if name in _CHECKED_APART:
        return
    if name == "execution_delta":
        check_time_span(problems, pointer, value)
    elif name == "execution_date_fn" and value is not None:
        problems.find(pointer, value, "the function")
    elif name == "default_args" and value is not None:
        check_default_args(problems, pointer, value, (), is_closed=False, of_group=True)
    else:
        _check_typed(problems, pointer, name, value, own)


def _check_typed(problems: ProblemList, pointer: Pointer, name: str, value: Any, own: Arguments) -> None:
    """Check an argument against its type, and further if Airflow does so when it builds the DAG."""
    if name == "params":
        check_params(problems, pointer, value)
    if name in ("inlets", "outlets"):
        _check_uris(problems, pointer, value)
    argument = own.by_name.get(name) or arguments.table("task").by_name.get(name)
    if argument is None or name in (*CALLABLE, "operator", "decorator"):
        return
    check_value(problems, pointer, value, argument, templated=name in own.by_name and name not in _SENSOR)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _SENSOR and is_number and value < 0:
        problems.add(pointer, f"{name} must be 0 or more, not {shown(value)}")


def _check_uris(problems: ProblemList, pointer: Pointer, values: Any) -> None:
    for step, item in enumerate(values if isinstance(values, list) else ()):
        if isinstance(item, str):
            check_asset_name(problems, (*pointer, step), item, "an asset's URI")


def check_default_args(
    problems: ProblemList,
    pointer: Pointer,
    values: Any,
    known: Collection[str],
    *,
    is_closed: bool,
    of_group: bool = False,
) -> None:
    """Check the default arguments of tasks.

    Airflow passes to an operator those that it takes and ignores the others, so a misspelt one is silently lost.

    Parameters
    ----------
    known : collection of str
        Arguments of the DAG's operators, in addition to those of every operator.
    is_closed : bool
        Whether `known` is complete.
    of_group : bool, default=False
        Whether they are those of a task group, for which dag-factory does not parse dates.
    """
    if not isinstance(values, dict) or arguments.is_object(values):
        problems.add(pointer, f"default_args must be a mapping of arguments, not {shown(values)}")
        return
    check_callbacks(problems, pointer, values)
    takes = arguments.table("default_args").by_name
    for name, value in values.items():
        if of_group and name in ("start_date", "end_date"):
            check_date_of_task(problems, (*pointer, name), value)
        elif name in takes:
            _check_default(problems, (*pointer, name), value, takes[name])
        elif name not in known:
            words = hint(name, sorted(takes))
            if name in arguments.table("dag").by_name:
                words = ": it is an argument of the DAG, not of its tasks"
            if is_closed or words:
                problems.add((*pointer, name), f"no task takes the argument {name!r}{words}", key=True)


def _check_default(problems: ProblemList, pointer: Pointer, value: Any, argument: Argument) -> None:
    if argument.name in ("start_date", "end_date"):
        check_date(problems, pointer, value)
    elif argument.name == "timezone":
        check_timezone(problems, pointer, value)
    elif argument.name not in TASK_CALLBACKS:
        check_value(problems, pointer, value, argument, templated=False)
