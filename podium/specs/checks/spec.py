"""The check of a DAG spec: finds what dag-factory would ignore, refuse or fail on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.configs.parameters import shown
from podium.errors import SymbolNotFoundError
from podium.source.finder import Finder
from podium.specs import arguments
from podium.specs.arguments import is_object
from podium.specs.checks.dates import check_date, check_timezone
from podium.specs.checks.functions import (
    check_call,
    check_callbacks,
    check_file,
    check_folders,
    check_function_file,
    check_macros,
)
from podium.specs.checks.graph import TaskGraph
from podium.specs.checks.objects import ObjectCheck
from podium.specs.checks.problems import ProblemList, hint
from podium.specs.checks.schedules import check_schedule
from podium.specs.checks.task import Task, check_id
from podium.specs.checks.task_arguments import check_default_args
from podium.specs.checks.tasks import TaskCheck
from podium.specs.checks.values import check_params, check_value
from podium.specs.vocabulary import DAG_CALLBACKS, NOT_DAGS, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podium.errors import Problem
    from podium.files.documents import Document
    from podium.project import Project
    from podium.specs.checks.problems import Pointer


_CHECKED_APART = {
    *("tasks", "task_groups", "default_args", "schedule", "start_date", "end_date", "timezone"),
    *("user_defined_macros", "template_searchpath", "doc_md_file_path"),
    *(f"{callback}{suffix}" for callback in DAG_CALLBACKS for suffix in ("", "_name", "_file")),
}


def finder_of(project: Project) -> Finder:
    """Return a finder of the modules that a project's specs name; it searches the folders that Airflow does."""
    return Finder([project.root, project.root / "dags", project.root / "plugins"])


def check_spec(
    document: Document,
    project: Project,
    finder: Finder,
    allowed: tuple[str, ...],
    *,
    shared: dict[str, Any] | None = None,
) -> list[Problem]:
    """Return the problems of a spec, apart from its syntax; nothing that it names is imported or run.

    Parameters
    ----------
    document : Document
        The spec, or the project's ``defaults.yml`` if `shared` is None.
    finder : Finder
        See `finder_of`.
    allowed : tuple of str
        What ``__type__`` can name.
    shared : dict, optional
        Content of the project's ``defaults.yml``.
    """
    check = SpecCheck(ProblemList(document, project, finder, allowed), shared)
    if shared is None:
        check.defaults()
    else:
        check.run()
    ObjectCheck(check.problems).walk((), document.data)
    return list(check.problems.found)


class SpecCheck:
    """Checks one file.

    Parameters
    ----------
    problems : ProblemList
        Receives the problems.
    shared : dict or None
        Content of the project's ``defaults.yml``.
    """

    def __init__(self, problems: ProblemList, shared: dict[str, Any] | None) -> None:
        self.problems = problems
        self._shared = shared or {}

    def defaults(self) -> None:
        """Check the file as ``defaults.yml``: default arguments of every DAG of the project."""
        self._dag((), self.problems.document.data, is_shared=True)

    def run(self) -> None:
        """Check the file as a spec."""
        data = self.problems.document.data
        default = data.get("default", {})
        if not isinstance(default, dict) or is_object(default):
            self.problems.add(("default",), f"default must be a mapping of arguments of a DAG, not {shown(default)}")
        default = default if isinstance(default, dict) else {}
        names = [name for name in data if name not in NOT_DAGS]
        if not names:
            self.problems.add((), "there is no DAG in this file: add one, as in 'my_dag: {tasks: [...]}'")
            self._dag(("default",), default, is_shared=True)
        for name in names:
            check_id(self.problems, (name,), name, "DAG id", key=True)
            if isinstance(data[name], dict):
                self._dag((name,), merged(data[name], default))
            else:
                self.problems.add((name,), f"the DAG {name} must be a mapping, not {shown(data[name])}")

    def _dag(self, pointer: Pointer, dag: dict[str, Any], *, is_shared: bool = False) -> None:
        self._keys(pointer, dag)
        self._values(pointer, dag)
        groups = self._named(pointer, dag, "task_groups", "group_name", "task group")
        tasks = self._named(pointer, dag, "tasks", "task_id", "task")
        if not is_shared and not tasks and not dag.get("tasks"):
            self.problems.add(pointer, f"the DAG {pointer[0]} has no tasks", key=True)
        self._groups(groups)
        self._tasks(pointer, dag, tasks, groups, is_shared=is_shared)
        TaskGraph(self.problems, tasks, groups).check()

    def _keys(self, pointer: Pointer, dag: dict[str, Any]) -> None:
        known = arguments.table("dag").by_name
        ignored = arguments.load_spec_schema()["$defs"]["dag"]["x-ignored"]
        for key in dag:
            if key in known:
                continue
            if key in REFUSED:
                words = f"{key} has no effect on a DAG: {REFUSED[key]}"
            elif key in ignored:
                words = f"dag-factory ignores {key}: remove it"
            elif key in arguments.base_names():
                words = f"{key} is an argument of tasks: move it to default_args"
            else:
                words = f"unknown key {key!r} of a DAG{hint(key, sorted(known))}"
            self.problems.add((*pointer, key), words, key=True)

    def _values(self, pointer: Pointer, dag: dict[str, Any]) -> None:
        known = arguments.table("dag").by_name
        for key, value in dag.items():
            if key in known and key not in _CHECKED_APART and value is not None:
                check_value(self.problems, (*pointer, key), value, known[key], templated=False)
        check_callbacks(self.problems, pointer, {key: dag[key] for key in dag if key.startswith(DAG_CALLBACKS)})
        check_params(self.problems, (*pointer, "params"), dag.get("params"))
        check_schedule(self.problems, (*pointer, "schedule"), dag.get("schedule"))
        self._schedule_of_runs(pointer, dag)
        check_timezone(self.problems, (*pointer, "timezone"), dag.get("timezone"))
        for key in ("start_date", "end_date"):
            check_date(self.problems, (*pointer, key), dag.get(key))
        self._macros_and_files(pointer, dag)

    def _schedule_of_runs(self, pointer: Pointer, dag: dict[str, Any]) -> None:
        """Check what a scheduled DAG needs: params with defaults, and one run at a time if the runs are continuous."""
        schedule, params = dag.get("schedule"), dag.get("params")
        if schedule is None or (isinstance(schedule, str) and schedule.strip().lower() == "none"):
            return
        for name, value in params.items() if isinstance(params, dict) else ():
            is_param = isinstance(value, dict) and str(value.get("__type__")).rpartition(".")[2] == "Param"
            if is_param and "default" not in value and not value.get("__args__"):
                words = f"the param {name!r} needs a default, because the DAG has a schedule"
                self.problems.add((*pointer, "params", name), words, key=True)
        most = dag.get("max_active_runs", self._shared.get("max_active_runs"))
        if schedule == "@continuous" and most != 1:
            words = "a DAG with the schedule @continuous needs max_active_runs: 1"
            at = "max_active_runs" if "max_active_runs" in dag else "schedule"
            self.problems.add((*pointer, at), words)

    def _macros_and_files(self, pointer: Pointer, dag: dict[str, Any]) -> None:
        macros = dag.get("user_defined_macros")
        if macros is not None and (not isinstance(macros, dict) or is_object(macros)):
            self.problems.add((*pointer, "user_defined_macros"), f"expected a mapping, not {shown(macros)}")
        check_macros(self.problems, (*pointer, "user_defined_macros"), macros)
        check_folders(self.problems, (*pointer, "template_searchpath"), dag.get("template_searchpath"))
        if dag.get("doc_md_file_path") is not None:
            check_file(self.problems, (*pointer, "doc_md_file_path"), dag["doc_md_file_path"])
        function = "doc_md_python_callable"
        if dag.get(f"{function}_name") is not None or dag.get(f"{function}_file") is not None:
            symbol = check_function_file(self.problems, pointer, dag, function)
            if symbol is not None:
                check_call(
                    self.problems, (*pointer, "doc_md_python_arguments"), dag.get("doc_md_python_arguments"), symbol
                )

    def _named(self, pointer: Pointer, dag: dict[str, Any], key: str, id_key: str, noun: str) -> dict[str, Task]:
        """Return the tasks or task groups of a DAG by name, whether they are a mapping or a list."""
        values, at = dag.get(key), (*pointer, key)
        found: dict[str, Task] = {}
        if isinstance(values, dict):
            items: Iterable[tuple[str | int, Any]] = values.items()
        elif isinstance(values, list):
            items = enumerate(values)
        else:
            if values is not None:
                self.problems.add(at, f"{key} must be a mapping or a list, not {shown(values)}")
            return found
        for step, conf in items:
            if not isinstance(conf, dict):
                self.problems.add((*at, step), f"a {noun} must be a mapping, not {shown(conf)}")
            elif (name := self._name((*at, step), conf, id_key, noun)) in found:
                self.problems.add((*at, step, id_key), f"the {noun} {name!r} already exists")
            elif name is not None:
                place = (*at, step, id_key) if isinstance(step, int) else (*at, step)
                check_id(self.problems, place, name, noun, key=isinstance(step, str))
                found[name] = Task(name, conf, (*at, step))
        return found

    def _name(self, pointer: Pointer, conf: dict[str, Any], id_key: str, noun: str) -> str | None:
        """Return the name of a task or group: its key in a mapping, or the value of `id_key` in a list."""
        step, name = pointer[-1], conf.get(id_key)
        if isinstance(step, str):
            if name not in (None, step):
                words = f"{id_key} has no effect here: the {noun}'s name is its key {step!r}"
                self.problems.add((*pointer, id_key), words, key=True)
            return step
        if id_key not in conf:
            self.problems.add(pointer, f"the {noun} needs a {id_key}")
        elif not isinstance(name, str):
            self.problems.add((*pointer, id_key), f"{id_key} must be a string, not {shown(name)}")
        return name if isinstance(name, str) else None

    def _groups(self, groups: dict[str, Task]) -> None:
        known = arguments.table("task_group").by_name
        for group in groups.values():
            for key, value in group.conf.items():
                if key not in known:
                    words = f"unknown key {key!r} of a task group{hint(key, sorted(known))}"
                    self.problems.add((*group.pointer, key), words, key=True)
                elif key not in ("dependencies", "default_args"):
                    check_value(self.problems, (*group.pointer, key), value, known[key], templated=False)

    def _tasks(
        self, pointer: Pointer, dag: dict[str, Any], tasks: dict[str, Task], groups: dict[str, Task], *, is_shared: bool
    ) -> None:
        inherited = {*_mapping(self._shared, "default_args"), *_mapping(dag, "default_args")}
        for task in tasks.values():
            group = groups.get(str(task.conf.get("task_group_name")))
            more = _mapping(group.conf, "default_args") if group else {}
            TaskCheck(self.problems, task, inherited | more.keys()).run()
        known, is_closed = self._taken(tasks)
        is_closed = is_closed and bool(tasks) and not is_shared
        for owner in (Task("", dag, pointer), *groups.values()):
            if "default_args" in owner.conf:
                values, at = owner.conf["default_args"], (*owner.pointer, "default_args")
                of_group = owner.pointer != pointer
                check_default_args(self.problems, at, values, known, is_closed=is_closed, of_group=of_group)

    def _taken(self, tasks: dict[str, Task]) -> tuple[set[str], bool]:
        """Return the arguments of a DAG's operators, and whether they are complete."""
        known: set[str] = set()
        is_closed = True
        for task in tasks.values():
            dotted = task.conf.get("operator", arguments.PYTHON_OPERATOR)
            try:
                own = arguments.of_operator(self.problems.finder.find(str(dotted)), self.problems.finder)
            except SymbolNotFoundError:
                is_closed = False
                continue
            known |= own.by_name.keys()
            is_closed = is_closed and not own.is_open
        return known, is_closed


def merged(config: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """Return a DAG's arguments and those of ``default`` that it does not set, merged as dag-factory does."""
    both = {
        key: merged(value, default[key]) if isinstance(value, dict) and isinstance(default.get(key), dict) else value
        for key, value in config.items()
    }
    return both | {key: value for key, value in default.items() if key not in config}


def _mapping(values: dict[str, Any], key: str) -> dict[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}
