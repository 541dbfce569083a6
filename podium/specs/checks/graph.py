"""The check of a DAG's shape: what its tasks say of each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.specs.arguments import is_object
from podium.specs.checks.classes import MAPPED, check_class
from podium.specs.checks.problems import hint
from podium.specs.vocabulary import APPROVAL, PROMOTE, current_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podium.specs.checks.problems import Findings, Pointer
    from podium.specs.checks.tasks import Task


#: Rules under which a task runs, and is green, whatever became of the tasks before it.
BLIND_RULES = ("all_done", "always", "one_done", "all_done_min_one_success", "all_done_setup_success")
# dag-factory's own patterns.
_PLUS = re.compile(r"\+(?P<task>\w*)(\[['\"].*['\"]\])?")
_XCOM_ARG = re.compile(r"\(+(.*?)\)")


@dataclass
class Shape:
    """The tasks and groups of a DAG.

    Parameters
    ----------
    findings : Findings
        Receives the problems.
    tasks, groups : dict of str to Task
        By name; a group is written like a task.
    """

    findings: Findings
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
            return  # there is no order in which references could be told
        self._check_grouped()
        order = {name: at for at, name in enumerate(self._order())}
        made = {self._made_name(task): name for name, task in self.tasks.items()}
        for name, task in self.tasks.items():
            for pointer, referenced, written in self._references(task):
                if referenced in self.tasks and referenced not in made:
                    words = (
                        f"{written!r}: dag-factory knows {referenced} as {self._made_name(self.tasks[referenced])!r}"
                    )
                    self.findings.say((*task.pointer, *pointer), words)
                else:
                    self._reference(name, pointer, made.get(referenced, referenced), written, order)
            self._check_mapped(task)
        self._check_promotion(made)
        self._check_approval()

    def _dependencies(self, node: Task, nodes: dict[str, Task]) -> Iterator[str]:
        names, pointer = node.conf.get("dependencies"), (*node.pointer, "dependencies")
        if names is None:
            if "dependencies" in node.conf and node.name in self.tasks:
                self.findings.say(pointer, "dependencies must be a list of tasks, not null: write [] or remove it")
            return
        if not isinstance(names, list):
            words = f": write [{names}]" if isinstance(names, str) else ""
            self.findings.say(pointer, f"dependencies must be a list of tasks, not {shown(names)}{words}")
            return
        for at, name in enumerate(names):
            if not isinstance(name, str):
                self.findings.say((*pointer, at), f"a dependency is the name of a task, not {shown(name)}")
            elif name not in nodes:
                self.findings.say((*pointer, at), f"there is no task or task group {name!r}{hint(name, nodes)}")
            else:
                yield name

    def _group(self, node: Task, key: str) -> None:
        name = node.conf.get(key)
        if is_object(name):
            self.findings.say((*node.pointer, key), f"{key} must be the name of a task group, as text")
        elif isinstance(name, str) and name and name not in self.groups:
            self.findings.say((*node.pointer, key), f"there is no task group {name!r}{hint(name, self.groups)}")

    def _check_cycles(self) -> bool:
        """Note a circle of dependencies; a task group begins before its tasks and ends after them."""
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
        circle = _circle(edges)
        if not circle:
            return False
        names = [name for at, (_, name) in enumerate(circle) if at == 0 or circle[at - 1][1] != name]
        if len(names) > 1 and names[0] == names[-1]:
            names.pop()
        # The tasks run against the direction in which the edges point.
        first = min(names)
        names = names[names.index(first) :] + names[: names.index(first)]
        words = " → ".join([first, *reversed(names[1:]), first])
        at = self._where(names)
        message = f"the tasks wait for each other: {words}" if len(names) > 1 else f"{first} waits for itself"
        self.findings.say(at, message)
        return True

    def _where(self, names: list[str]) -> Pointer:
        """Return where a circle's first task says what it waits for."""
        nodes = {**self.tasks, **self.groups}
        for name in names:
            for at, other in enumerate(nodes[name].conf.get("dependencies") or []):
                if other in names:
                    return (*nodes[name].pointer, "dependencies", at)
        return nodes[names[0]].pointer

    def _order(self) -> list[str]:
        """Return the order in which dag-factory makes the tasks: a reference must lead back."""
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
                    order.append(other)  # a queue
        return order

    def _check_grouped(self) -> None:
        """Note tasks in groups that dag-factory fails to find when it sets dependencies.

        It looks for ``group.task``, which is neither what it calls the task of a decorator nor what a group without
        prefixes calls its tasks.
        """
        wanted = {name for before in self._before.values() for name in before}
        for name, task in self.tasks.items():
            group = self._group_of(task)
            if group is None or not (self._before[name] or name in wanted):
                continue
            if "decorator" in task.conf and "operator" not in task.conf:
                words = f"in a task group, dag-factory cannot order {name} by dependencies, because it has a decorator"
                self.findings.say((*task.pointer, "task_group_name"), words)
            elif group.conf.get("prefix_group_id") is False:
                words = f"dag-factory cannot order the tasks of a group without prefix_group_id, such as {name}"
                self.findings.say((*group.pointer, "prefix_group_id"), words)

    def _check_ids(self) -> None:
        """Note tasks and groups that get the same id, which the groups that they are in are a part of."""
        taken: set[str] = set()
        for node in (*self.groups.values(), *self.tasks.values()):
            id_ = self._id(node)
            if id_ in taken:
                words = f"the id {id_!r} is already that of another task or task group of the DAG"
                self.findings.say(node.pointer, words, key=True)
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
        """Return what dag-factory knows a task by: an operator's has its groups' names before it."""
        if "decorator" in node.conf and "operator" not in node.conf:
            return node.name
        group = self._group_of(node)
        if group is None or group.conf.get("prefix_group_id") is False:
            return node.name
        return f"{self._made_name(group)}.{node.name}"

    def _references(self, task: Task) -> Iterator[tuple[Pointer, str, str]]:
        """Yield where a task uses another one's result, which, and how it is written."""
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
            self.findings.say(at, f"{written!r}: there is no task {referenced!r}{hint(referenced, self.tasks)}")
        elif referenced == name:
            self.findings.say(at, f"{written!r}: a task cannot use its own result")
        elif order[referenced] > order[name]:
            words = f"add {referenced} to the dependencies, so that it is made before {name}"
            self.findings.say(at, f"{written!r}: {words}")
        elif "decorator" in self.tasks[name].conf and "operator" in self.tasks[referenced].conf:
            self.findings.say(at, f"{written!r}: {referenced} has an operator; only a decorator's result can be passed")

    def _check_mapped(self, task: Task) -> None:
        """Check what is mapped over: lists, mappings, or a task's result."""
        for name, value in task.dictionary("expand").items():
            at = (*task.pointer, "expand", name)
            if is_object(value):
                check_class(self.findings, at, value, MAPPED)
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
                self.findings.say(at, f"expand maps over {words}, not {shown(value)}{self._other_form(value, form)}")

    def _other_form(self, value: Any, form: str) -> str:
        name = re.sub(r"^\+|\.output$", "", value) if isinstance(value, str) else ""
        return f": write {form.replace('TASK', name)}" if name in self.tasks and name.isidentifier() else ""

    def _check_promotion(self, made: dict[str, str]) -> None:
        """Note a DAG that would be green when all of its mapped tasks failed.

        A run's state is that of its leaves. A promotion that runs whatever became of the trainings hides their
        failure unless another leaf shows it.
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
                    words = f"the run is green when every {other} failed: let a task with trigger_rule none_failed"
                    self.findings.say((*task.pointer, "trigger_rule"), f"{words} depend on {other} as well")

    def _check_approval(self) -> None:
        """Note a promotion that waits for an approval that nobody is asked for."""
        for name, task in self.tasks.items():
            if current_path(task.conf.get("python_callable")) != PROMOTE or task.conf.get("approval") != "required":
                continue
            after = [other for other in self.tasks.values() if name in self._before[other.name]]
            if not any(current_path(other.conf.get("operator")) == APPROVAL for other in after):
                words = f"nobody is asked: let a task with operator {APPROVAL} depend on {name}"
                self.findings.say((*task.pointer, "approval"), words)

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
    """Return the task whose result an operator is mapped over, read as dag-factory does."""
    if ".output" in value:
        return value.partition(".output")[0]
    found = _XCOM_ARG.findall(value) if "XcomArg" in value else []
    return str(found[0]) if found else None


def _circle(edges: dict[tuple[str, str], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Return the nodes of one circle, or an empty list; depth first without recursion."""
    done: set[tuple[str, str]] = set()
    for start, first in edges.items():
        if start in done:
            continue
        path, on_path = [start], {start: 0}
        stack = [(start, iter(first))]
        while stack:
            node, following = stack[-1]
            step = next(following, None)
            if step is None:
                stack.pop()
                path.pop()
                del on_path[node]
                done.add(node)
            elif step in on_path:
                return path[on_path[step] :]
            elif step not in done:
                on_path[step] = len(path)
                path.append(step)
                stack.append((step, iter(edges[step])))
    return []
