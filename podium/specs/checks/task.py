"""A task of a spec, and what the checks of its parts share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import MAPPED_TOGETHER, TASK_CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.specs.arguments import Arguments
    from podium.specs.checks.problems import Pointer, ProblemList

CALLABLE = ("python_callable", "python_callable_name", "python_callable_file")
#: Keys of a task that dag-factory itself reads.
FACTORY_KEYS = frozenset(
    {"operator", "decorator", "task_id", "dependencies", "task_group_name", "expand", "partial"}
    | {"variables_as_arguments", "python_callable", "python_callable_name", "python_callable_file"}
)
#: Arguments that all mapped tasks share: those that `airflow.sdk.BaseOperator.partial` fills in.
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
        Its content in the spec.
    pointer : tuple
        Its place in the file.
    """

    name: str
    conf: dict[str, Any]
    pointer: Pointer

    def dictionary(self, key: str) -> dict[str, Any]:
        """Return a mapping in the task; empty if the key is missing or is not a mapping."""
        value = self.conf.get(key)
        return value if isinstance(value, dict) else {}


def check_id(problems: ProblemList, pointer: Pointer, name: str, noun: str, *, key: bool) -> None:
    """Check the id of a DAG, a task or a task group."""
    if not _ID.fullmatch(name):
        words = f"the {noun} {shown(name)} must be 1 to 250 letters, digits, '_', '-' or '.'"
        problems.add(pointer, words, key=key)


class TaskPart:
    """Base class of the checks of one part of a task.

    Parameters
    ----------
    problems : ProblemList
        Receives the problems.
    task : Task
        The task.
    """

    def __init__(self, problems: ProblemList, task: Task) -> None:
        self._problems = problems
        self._task = task
        self._finder = problems.finder

    def _add(self, pointer: Pointer, message: str, *, key: bool = False) -> None:
        self._problems.add((*self._task.pointer, *pointer), message, key=key)

    @property
    def _maps_together(self) -> bool:
        """Whether the task has a key that is meant to hold its arguments."""
        return any(name in self._task.conf for name in MAPPED_TOGETHER)

    def _unknown(self, pointer: Pointer, name: str, own: Arguments, known: Collection[str]) -> None:
        if name in MAPPED_TOGETHER:
            words = f"dag-factory has no {name}: write expand, with a list for each argument"
            self._add(pointer, words, key=True)
            return
        self._add(pointer, f"{own.name} takes no argument {name!r}{hint(name, sorted(known))}", key=True)
