"""Specs in which no check finds a mistake, and which Airflow refuses to build, serialise or store."""

import subprocess
import sys

import pytest

from podium.specs import dags
from podium.specs.checks.project import problems_of
from podium.specs.trial_process import tried_problems_of
from tests.support.specs import EMPTY, SHIPPED, write

TASKS = f"\n  tasks:\n    a: {{operator: {EMPTY}}}\n"
LONG = "x" * 3000
REFUSED = {
    "param_type": (
        f"  params: {{n: {{__type__: airflow.sdk.Param, default: 1, type: int}}}}{TASKS}",
        "'int' is not valid",
    ),
    "param_default": (
        f'  schedule: "@daily"\n  params: {{n: {{__type__: airflow.sdk.Param, default: x, type: integer}}}}{TASKS}',
        "not allowed to define a Schedule",
    ),
    "weight_rule": (f"  tasks:\n    a: {{operator: {EMPTY}, weight_rule: heavy}}\n", "Unknown priority strategy heavy"),
    "executor": (
        f"  tasks:\n    a: {{operator: {EMPTY}, executor: Nobody}}\n",
        "executor 'Nobody', which is not available",
    ),
    "tag": (f"  tags: [{LONG}]{TASKS}", "tag cannot be longer than 100 characters"),
    "display_name": (f"  dag_display_name: {LONG}{TASKS}", "dag_display_name has 3,000 characters, at most 2,000 fit"),
    "owner": (f"  default_args: {{owner: {LONG}}}{TASKS}", "owner has 3,000 characters, at most 2,000 fit"),
    "pool": (f"  tasks:\n    a: {{operator: {EMPTY}, pool: {LONG}}}\n", "task a: pool has 3,000 characters"),
    "retries": (f"  tasks:\n    a: {{operator: {EMPTY}, retries: 99999999999}}\n", "task a: retries 99,999,999,999 is"),
}


@pytest.fixture
def specs(project):
    """A spec for each mistake, and a good one."""
    for name, (text, _) in REFUSED.items():
        write(project, f"{name}:\n{text}", f"{name}.yaml")
    write(project, f"good:{TASKS}", "good.yaml")
    assert problems_of([], project) == [], "the checks find none of these"
    return project


def test_validate_finds_what_airflow_refuses(specs):
    found = {problem.path: str(problem) for problem in tried_problems_of([], specs)}
    assert found.keys() == {f"dag_specs/{name}.yaml" for name in REFUSED}
    for name, (_, words) in REFUSED.items():
        line = found[f"dag_specs/{name}.yaml"]
        assert line.startswith(f"dag_specs/{name}.yaml:1:1  {name}: ")
        assert words in line
        assert "\n" not in line


def test_a_dag_file_leaves_them_out_and_reports_them(specs):
    assert dags.load_dags(specs).keys() == {"good"}
    assert {problem.path for problem in dags.spec_problems(specs)} == {f"dag_specs/{name}.yaml" for name in REFUSED}


def test_the_shipped_specs_are_accepted():
    assert tried_problems_of([*SHIPPED.dag_specs.glob("*.y*ml")], SHIPPED) == []


def test_the_projects_own_code_is_not_run(project):
    (project.root / "mine.py").write_text("raise SystemExit('it ran')\n")
    task = "{decorator: airflow.sdk.task, python_callable: mine.step, executor: Nobody}"
    write(project, f"own:\n  tasks:\n    a: {task}\n")
    (project.root / "mine.py").write_text("raise SystemExit('it ran')\n\n\ndef step():\n    pass\n")
    assert tried_problems_of([], project) == []


def test_the_command_says_it_in_one_line(specs):
    command = [sys.executable, "-m", "podium", "validate", "dag_specs/executor.yaml", "dag_specs/good.yaml"]
    ran = subprocess.run(command, cwd=specs.root, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout.count("\n") == 1
    assert ran.stdout.startswith("dag_specs/executor.yaml:1:1  executor: Airflow refuses it: Task 'a' specifies")
