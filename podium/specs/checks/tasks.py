"""The check of one task, apart from its relations to other tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.configs.parameters import shown
from podium.specs import arguments
from podium.specs.checks.dates import check_date_of_task
from podium.specs.checks.decorators import DecoratorCheck
from podium.specs.checks.functions import check_callbacks
from podium.specs.checks.operators import OperatorCheck
from podium.specs.checks.problems import hint
from podium.specs.checks.task import TaskPart

if TYPE_CHECKING:
    from collections.abc import Collection

    from podium.specs.checks.problems import ProblemList
    from podium.specs.checks.task import Task


class TaskCheck(TaskPart):
    """Checks one task.

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

    def run(self) -> None:
        """Check everything except the relations to other tasks."""
        conf = self._task.conf
        check_callbacks(self._problems, self._task.pointer, conf)
        for name in ("start_date", "end_date"):
            if name in conf:
                check_date_of_task(self._problems, (*self._task.pointer, name), conf[name])
        self._check_mapping()
        if "operator" in conf and "decorator" in conf:
            self._add(("decorator",), "a task can have an operator or a decorator, not both", key=True)
        elif "operator" in conf:
            OperatorCheck(self._problems, self._task, self._defaults).run(conf["operator"])
        elif "decorator" in conf:
            DecoratorCheck(self._problems, self._task).run(conf["decorator"])
        else:
            self._neither()

    def _check_mapping(self) -> None:
        """Check that expand and partial are mappings, and that partial is not alone."""
        conf = self._task.conf
        for name in ("expand", "partial"):
            if name in conf and not isinstance(conf[name], dict) and (conf[name] is not None or "operator" in conf):
                self._add((name,), f"{name} must be a mapping of arguments, not {shown(conf[name])}")
        if "partial" in conf and not conf.get("expand"):
            self._add(("partial",), "partial needs expand as well: without it, the arguments are lost", key=True)

    def _neither(self) -> None:
        for name in self._task.conf:
            if name not in arguments.table("task").by_name and (words := hint(name, ("operator", "decorator"))):
                self._add((name,), f"unknown key {name!r} of a task{words}", key=True)
                return
        words = f"the task {self._task.name} needs an operator or a decorator"
        self._problems.add(self._task.pointer, words, key=True)
