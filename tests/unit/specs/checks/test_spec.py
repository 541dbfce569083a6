"""What a mistake in a spec reads like, and that a spec which dag-factory builds passes."""

import sys

import jsonschema
import pytest
import yaml

from podium.files.documents import read_document
from podium.project import Project
from podium.specs import dags, files, vocabulary
from podium.specs.arguments import load_spec_schema
from podium.specs.checks.objects import ALLOWED
from podium.specs.checks.project import all_files, problems_of
from podium.specs.checks.task import UNMAPPABLE
from tests.support.specs import BAD, EMPTY, GOOD, SHIPPED, VALID, messages, write


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_mistake_is_reported_with_its_position(path):
    expected = path.with_name(path.name + ".expected").read_text().splitlines()
    problems = problems_of([path], Project(path.parent, path.parent))
    assert [str(problem) for problem in problems] == [f"{path.name}:{line}" for line in expected]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_spec_that_dag_factory_builds_passes(path, project):
    document = read_document(path, path.name)
    assert problems_of([path], project) == []
    assert list(jsonschema.Draft202012Validator(load_spec_schema()).iter_errors(document.data)) == []
    built = dags.build(document, project)
    assert built.keys() == document.data.keys() - set(vocabulary.NOT_DAGS)
    for dag in built.values():
        dag.validate()
        dag.check_cycle()


def test_shipped_files_are_valid_for_podium_and_for_an_editor():
    shipped = [path for path in all_files(SHIPPED) if path.parent == SHIPPED.dag_specs]
    assert len(shipped) >= 4
    assert problems_of(shipped, SHIPPED) == []
    editor = jsonschema.Draft202012Validator(load_spec_schema())
    for path in shipped:
        if path.name not in files.DEFAULTS:
            assert list(editor.iter_errors(yaml.safe_load(path.read_text()))) == []


def test_all_problems_of_a_file_come_in_one_pass(project):
    text = (
        "demo:\n  scheduel: '@daily'\n  tasks:\n    a:\n      operator: json.BashOp\n    b:\n"
        f"      operator: {EMPTY}\n      retires: 2\n      dependencies: [c]\n"
    )
    assert messages(project, text) == [
        "dag_specs/a.yaml:2:3  unknown key 'scheduel' of a DAG: did you mean 'schedule'?",
        "dag_specs/a.yaml:5:17  the operator 'json.BashOp' cannot be imported: there is no 'BashOp' in json",
        "dag_specs/a.yaml:8:7  EmptyOperator takes no argument 'retires': did you mean 'retries'?",
        "dag_specs/a.yaml:9:22  there is no task or task group 'c'",
    ]


def test_nothing_that_a_spec_names_is_imported_or_run(project):
    """A module that would leave a trace when it is imported, named wherever a spec can name one."""
    trace = project.root / "trace"
    (project.root / "evil.py").write_text(
        f"open({str(trace)!r}, 'w')\ndef run(**_): ...\nfrom airflow.sdk import BaseOperator\n"
        "class Op(BaseOperator): ...\n"
    )
    write(
        project,
        "demo:\n  on_failure_callback: evil.run\n  user_defined_macros: {x: evil.run}\n"
        "  params: {x: {__type__: evil.Op}}\n"
        "  tasks:\n    a: {operator: evil.Op}\n    b: {decorator: airflow.sdk.task, python_callable: evil.run}\n"
        f"    c: {{operator: airflow.providers.standard.operators.python.PythonOperator, python_callable_name: run,"
        f" python_callable_file: {project.root}/evil.py}}\n",
    )
    problems = problems_of([], project)
    assert [problem.message.split(":")[0] for problem in problems] == ["__type__ 'evil.Op' is not allowed"]
    assert dags.load_dags(project) == {}
    assert not trace.exists()
    assert "evil" not in sys.modules


def test_airflow_shows_the_same_lines_and_the_other_dags_run(project):
    write(project, GOOD)
    bad = write(project, "demo:\n  scheduel: x\n  tasks: {a: {operator: b.C}}\n", "bad.yaml")
    assert dags.load_dags(project).keys() == {"good"}
    found = [str(problem) for problem in dags.spec_problems(project)]
    assert found == [str(problem) for problem in problems_of([bad], project)]
    assert len(found) == 2
    assert dags.load_dags(project, "good").keys() == {"good"}


def test_mistakes_that_only_airflow_finds_are_reported_when_dags_are_parsed(project):
    text = GOOD.replace("  tasks", "  schedule: '@continuous'\n  max_active_runs: 5\n  tasks")
    write(project, text)
    (problem,) = dags.spec_problems(project)
    assert problem.path == "dag_specs/a.yaml"
    assert dags.load_dags(project) == {}


def test_a_value_that_is_only_a_variable_can_be_a_number(project, monkeypatch):
    monkeypatch.setenv("HOW_MANY", "3")
    monkeypatch.setenv("SECRET", "hunter2")
    good = GOOD.replace("  tasks", "  max_active_runs: $HOW_MANY\n  description: about ${HOW_MANY}\n  tasks")
    assert messages(project, good) == []
    found = messages(project, good.replace("$HOW_MANY\n", "$SECRET\n"))
    assert found == ["dag_specs/a.yaml:2:20  max_active_runs must be an integer of 1 or more, not '$SECRET'"]


def test_airflow_refuses_to_map_over_the_same_arguments():
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG

    filled_in = set()
    for name in load_spec_schema()["$defs"]["default_args"]["properties"].keys() - {"timezone"}:
        if not name.endswith(("_name", "_file")):
            try:
                with DAG("demo", schedule=None):
                    BashOperator.partial(task_id="a", bash_command="echo").expand(**{name: [1]})
            except TypeError:
                filled_in.add(name)
    assert filled_in == UNMAPPABLE


def test_the_allow_list_has_no_pattern_for_all_modules():
    assert not any(pattern.startswith("*") for pattern in ALLOWED)
    assert "builtins.*" not in ALLOWED


def test_aliases_and_depth_stay_bounded(project):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
        for a, b in zip("abcdef", "bcdefg", strict=True)
    )
    (line,) = messages(project, bomb)
    assert "the aliases expand to more than" in line


def test_many_tasks_take_linear_time(project):
    """A chain of a thousand tasks; recursion or a square of it would show."""
    tasks = "".join(
        f"    t{at}: {{operator: {EMPTY}, dependencies: [{f't{at - 1}' if at else ''}]}}\n" for at in range(1000)
    )
    assert messages(project, "demo:\n  tasks:\n" + tasks) == []
    cycle = tasks.replace("dependencies: []", "dependencies: [t999]")
    (line,) = messages(project, "demo:\n  tasks:\n" + cycle)
    assert "the tasks form a cycle" in line
