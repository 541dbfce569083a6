"""Checks of a DAG's tasks as a graph: dependencies, groups, and references to results."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.specs.arguments import is_object
from podium.specs.checks.classes import MAPPED, check_class
from podium.specs.checks.cycles import find_cycle
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import APPROVAL, PROMOTE, current_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podium.specs.checks.problems import Pointer, ProblemList
    from podium.specs.checks.task import Task


#: Trigger rules with which a task runs, and can succeed, even if tasks before it failed.
BLIND_RULES = ("all_done", "always", "one_done", "all_done_min_one_success", "all_done_setup_success")
# dag-factory's own patterns.
_PLUS = re.compile(r"\+(?P<task>\w*)(\[['\"].*['\"]\])?")
_XCOM_ARG = re.compile(r"\(+(.*?)\)")


@dataclass
class TaskGraph:
    """The tasks and groups of a DAG.

    Parameters
    ----------
    problems : ProblemList
        Receives the problems.
    tasks, groups : dict of str to Task
        By name.
    """

    problems: ProblemList
    tasks: dict[str, Task]
    groups: dict[str, Task]
    _before: dict[str, list[str]] = field(default_factory=dict)

    def check(self) -> None:
        """Check dependencies, references and groups."""
        nodes = {**self.tasks, **self.groups}
        for name, node in nodes.items():
            self._before[name] = list(self._dependencies(node, nodes))
            self._group(node, "task_group_name" if name in self.tasks else "parent_group_name")
        self._check_ids()
        if self._check_cycles():
            return  # references can only be checked if the tasks have an order
        self._check_grouped()
        order = {name: at for at, name in enumerate(self._order())}
        made = {self._made_name(task): name for name, task in self.tasks.items()}
        for name, task in self.tasks.items():
            for pointer, referenced, written in self._references(task):
                if referenced in self.tasks and referenced not in made:
                    words = (
                        f"{written!r}: dag-factory knows {referenced} as {self._made_name(self.tasks[referenced])!r}"
                    )
                    self.problems.add((*task.pointer, *pointer), words)
                else:
                    self._reference(name, pointer, made.get(referenced, referenced), written, order)
            self._check_mapped(task)
        self._check_promotion(made)
        self._check_approval()

    def _dependencies(self, node: Task, nodes: dict[str, Task]) -> Iterator[str]:
        names, pointer = node.conf.get("dependencies"), (*node.pointer, "dependencies")
        if names is None:
            if "dependencies" in node.conf and node.name in self.tasks:
                self.problems.add(pointer, "dependencies must be a list of tasks, not null: write [] or remove it")
            return
        if not isinstance(names, list):
            words = f": write [{names}]" if isinstance(names, str) else ""
            self.problems.add(pointer, f"dependencies must be a list of tasks, not {shown(names)}{words}")
            return
        for at, name in enumerate(names):
            if not isinstance(name, str):
                self.problems.add((*pointer, at), f"a dependency must be the name of a task, not {shown(name)}")
            elif name not in nodes:
                self.problems.add((*pointer, at), f"there is no task or task group {name!r}{hint(name, nodes)}")
            else:
                yield name

    def _group(self, node: Task, key: str) -> None:
        name = node.conf.get(key)
        if is_object(name):
            self.problems.add((*node.pointer, key), f"{key} must be the name of a task group, a string")
        elif isinstance(name, str) and name and name not in self.groups:
            self.problems.add((*node.pointer, key), f"there is no task group {name!r}{hint(name, self.groups)}")

    def _check_cycles(self) -> bool:
        """Check for a cycle of dependencies; a task group begins before its tasks and ends after them."""
        edges: dict[tuple[str, str], list[tuple[str, str]]] = {}
        begin, end = "begin", "end"
        for name, before in self._before.items():
            edges[begin, name] = [(end, other) for other in before]
            edges[end, name] = [(begin, name)]
        for name, node in {**self.tasks, **self.groups}.items():
            group = node.conf.get("task_group_name" if name in self.tasks else "parent_group_name")
            if isinstance(group, str) and group in self.groups:
                edges[begin, name].append((begin, group))
                edges[end, group].append((end, name))
        cycle = find_cycle(edges)
        if not cycle:
            return False
        names = [name for at, (_, name) in enumerate(cycle) if at == 0 or cycle[at - 1][1] != name]
        if len(names) > 1 and names[0] == names[-1]:
            names.pop()
        # The edges point from a task to those before it.
        first = min(names)
        names = names[names.index(first) :] + names[: names.index(first)]
        words = " → ".join([first, *reversed(names[1:]), first])
        at = self._where(names)
        message = f"the tasks form a cycle: {words}" if len(names) > 1 else f"{first} depends on itself"
        self.problems.add(at, message)
        return True

    def _where(self, names: list[str]) -> Pointer:
        """Return the place of a dependency in the cycle."""
        nodes = {**self.tasks, **self.groups}
        for name in names:
            for at, other in enumerate(nodes[name].conf.get("dependencies") or []):
                if other in names:
                    return (*nodes[name].pointer, "dependencies", at)
        return nodes[names[0]].pointer

    def _order(self) -> list[str]:
        """Return the order in which dag-factory creates the tasks; a task can only refer to earlier ones."""
        after: dict[str, list[str]] = {name: [] for name in self.tasks}
        waiting = dict.fromkeys(self.tasks, 0)
        for name in self.tasks:
            for other in self._before[name]:
                if other in self.tasks:
                    after[other].append(name)
                    waiting[name] += 1
        order = [name for name, count in waiting.items() if not count]
        for name in order:
            for other in after[name]:
                waiting[other] -= 1
                if not waiting[other]:
                    order.append(other)  # the loop continues with it
        return order

    def _check_grouped(self) -> None:
        """Check for tasks in groups that dag-factory does not find when it sets dependencies.

        It looks for ``group.task``, but tasks with a decorator and tasks of a group without prefixes have other names.
        """
        wanted = {name for before in self._before.values() for name in before}
        for name, task in self.tasks.items():
            group = self._group_of(task)
            if group is None or not (self._before[name] or name in wanted):
                continue
            if "decorator" in task.conf and "operator" not in task.conf:
                words = f"in a task group, dag-factory cannot order {name} by dependencies, because it has a decorator"
                self.problems.add((*task.pointer, "task_group_name"), words)
            elif group.conf.get("prefix_group_id") is False:
                words = f"dag-factory cannot order the tasks of a group without prefix_group_id, such as {name}"
                self.problems.add((*group.pointer, "prefix_group_id"), words)

    def _check_ids(self) -> None:
        """Check for tasks and groups with the same id; the id includes the names of their groups."""
        taken: set[str] = set()
        for node in (*self.groups.values(), *self.tasks.values()):
            id_ = self._id(node)
            if id_ in taken:
                words = f"the id {id_!r} is already used by another task or task group of the DAG"
                self.problems.add(node.pointer, words, key=True)
            taken.add(id_)

    def _id(self, node: Task, depth: int = 0) -> str:
        group = self._group_of(node)
        if group is None or group.conf.get("prefix_group_id") is False or depth > len(self.groups):
            return node.name
        return f"{self._id(group, depth + 1)}.{node.name}"

    def _group_of(self, node: Task) -> Task | None:
        name = node.conf.get("task_group_name" if self.tasks.get(node.name) is node else "parent_group_name")
        return self.groups.get(name) if isinstance(name, str) else None

    def _made_name(self, node: Task) -> str:
        """Return dag-factory's name of a task; with an operator, it begins with the names of its groups."""
        if "decorator" in node.conf and "operator" not in node.conf:
            return node.name
        group = self._group_of(node)
        if group is None or group.conf.get("prefix_group_id") is False:
            return node.name
        return f"{self._made_name(group)}.{node.name}"

    def _references(self, task: Task) -> Iterator[tuple[Pointer, str, str]]:
        """Yield each use of another task's result: its place, the other task, and how it is written."""
        if "operator" in task.conf:
            for name, value in task.dictionary("expand").items():
                if isinstance(value, str) and (other := _output(value)) is not None:
                    yield ("expand", name), other, value
            return
        for pointer, values in (((), task.conf), (("partial",), task.dictionary("partial")), *_expanded(task)):
            for name, value in values.items():
                match = _PLUS.fullmatch(value) if isinstance(value, str) else None
                if match:
                    yield (*pointer, name), match["task"], value

    def _reference(self, name: str, pointer: Pointer, referenced: str, written: str, order: dict[str, int]) -> None:
        at = (*self.tasks[name].pointer, *pointer)
        if referenced not in self.tasks:
            self.problems.add(at, f"{written!r}: there is no task {referenced!r}{hint(referenced, self.tasks)}")
        elif referenced == name:
            self.problems.add(at, f"{written!r}: a task cannot use its own result")
        elif order[referenced] > order[name]:
            words = f"add {referenced} to the dependencies, so that dag-factory creates it before {name}"
            self.problems.add(at, f"{written!r}: {words}")
        elif "decorator" in self.tasks[name].conf and "operator" in self.tasks[referenced].conf:
            self.problems.add(
                at,
                f"{written!r}: {referenced} has an operator; only the result of a task with a decorator can be passed",
            )

    def _check_mapped(self, task: Task) -> None:
        """Check the values of expand: lists, mappings, or a task's result."""
        results = [value for value in task.dictionary("expand").values() if isinstance(value, str)]
        if results and task.conf.get("trigger_rule") == "always":
            words = f"a task that is mapped over {results[0]!r} cannot run always, before that result exists"
            self.problems.add((*task.pointer, "trigger_rule"), f"{words}: write all_done")
        for name, value in task.dictionary("expand").items():
            at = (*task.pointer, "expand", name)
            if is_object(value):
                check_class(self.problems, at, value, MAPPED)
                continue
            if isinstance(value, list | dict):
                continue
            if "operator" in task.conf:
                right = isinstance(value, str) and _output(value) is not None
                form = "TASK.output"
            else:
                right = isinstance(value, str) and _PLUS.fullmatch(value) is not None
                form = "+TASK"
            if not right:
                words = f"a list, a mapping or a task's result ({form})"
                self.problems.add(at, f"expand maps over {words}, not {shown(value)}{self._other_form(value, form)}")

    def _other_form(self, value: Any, form: str) -> str:
        name = re.sub(r"^\+|\.output$", "", value) if isinstance(value, str) else ""
        return f": write {form.replace('TASK', name)}" if name in self.tasks and name.isidentifier() else ""

    def _check_promotion(self, made: dict[str, str]) -> None:
        """Check for a DAG whose run would succeed even if all of its mapped tasks failed.

        A run's state is that of its leaf tasks. A promotion that also runs after failed trainings hides the failures
        unless another leaf task fails.
        """
        inside: dict[str, set[str]] = {name: set() for name in self.groups}
        for name, task in self.tasks.items():
            if (group := task.conf.get("task_group_name")) in list(inside):
                inside[str(group)].add(name)
        edges = {name: {n for b in before for n in (b, *inside.get(b, ()))} for name, before in self._before.items()}
        for name, task in self.tasks.items():
            edges[name] |= {made.get(other, other) for _, other, _ in self._references(task)} & self.tasks.keys()
        leaves = self.tasks.keys() - {other for before in edges.values() for other in before}
        for name, task in self.tasks.items():
            rule = task.conf.get("trigger_rule")
            if (
                current_path(task.conf.get("python_callable")) != PROMOTE
                or rule not in BLIND_RULES
                or name not in leaves
            ):
                continue
            for other in sorted(edges[name] & self.tasks.keys()):
                if not self.tasks[other].conf.get("expand"):
                    continue
                if not any(self._shows(leaf, other, edges) for leaf in leaves - {name}):
                    words = (
                        f"the run would succeed even if every {other} failed: add a task with trigger_rule none_failed"
                    )
                    self.problems.add((*task.pointer, "trigger_rule"), f"{words} after {other}")

    def _check_approval(self) -> None:
        """Check for a promotion that requires an approval without a task that asks for it."""
        for name, task in self.tasks.items():
            if current_path(task.conf.get("python_callable")) != PROMOTE or task.conf.get("approval") != "required":
                continue
            after = [other for other in self.tasks.values() if name in self._before[other.name]]
            if not any(current_path(other.conf.get("operator")) == APPROVAL for other in after):
                words = f"no task asks for the approval: add a task with operator {APPROVAL} after {name}"
                self.problems.add((*task.pointer, "approval"), words)

    def _shows(self, leaf: str, mapped: str, edges: dict[str, set[str]]) -> bool:
        """Return whether a leaf fails, or is not reached, when a task before it fails."""
        seen, ahead = set(), [leaf]
        while ahead:
            name = ahead.pop()
            if name == mapped:
                return True
            if name in seen or (name in self.tasks and self.tasks[name].conf.get("trigger_rule") in BLIND_RULES):
                continue
            seen.add(name)
            ahead += edges.get(name, ())
            group = self.tasks[name].conf.get("task_group_name") if name in self.tasks else None
            if isinstance(group, str) and group in self.groups:
                ahead.append(group)
        return False


def _expanded(task: Task) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    yield ("expand",), task.dictionary("expand")


def _output(value: str) -> str | None:
    """Return the task whose result an operator is mapped over, parsed as dag-factory does."""
    if ".output" in value:
        return value.partition(".output")[0]
    found = _XCOM_ARG.findall(value) if "XcomArg" in value else []
    return str(found[0]) if found else None
