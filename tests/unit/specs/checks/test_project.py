"""The files of a project: which are checked, as what, and what they must not share."""

import os
import shutil
import subprocess
import sys

import pytest

from podium.errors import InvalidFileError
from podium.files.documents import read_document
from podium.specs import dags, files
from podium.specs.checks.project import ProjectCheck, problems_of
from tests.support.specs import BAD, FIXTURES, GOOD, ROOT, messages, write


def test_a_hundred_files_with_a_mistake_each_are_all_named(project):
    for at in range(100):
        source = BAD[at % len(BAD)]
        shutil.copy(source, project.dag_specs / f"{at:03}_{source.stem}.yaml")
    shutil.copy(FIXTURES / "data" / "rows.csv", project.root)
    shutil.copy(FIXTURES / "data" / "rows.txt", project.root)
    found = problems_of([project.dag_specs], project)
    named = {problem.path for problem in found if "is already taken by" not in problem.message}
    assert named == {f"dag_specs/{path.name}" for path in project.dag_specs.iterdir()}
    for path in sorted(project.dag_specs.iterdir()):
        source = next(bad for bad in BAD if bad.stem == path.stem[4:] and bad.read_text() == path.read_text())
        expected = source.with_name(source.name + ".expected").read_text().splitlines()
        own = [str(p) for p in found if p.path == f"dag_specs/{path.name}" and "already taken" not in p.message]
        assert own == [f"dag_specs/{path.name}:{line}" for line in expected]


def test_a_dag_id_can_only_be_used_once(project):
    first, second = write(project, GOOD, "first.yaml"), write(project, GOOD, "second.yaml")
    taken = "dag_specs/second.yaml:1:1  the DAG id 'good' is already taken by dag_specs/first.yaml"
    assert [str(problem) for problem in problems_of([], project)] == [taken]
    assert [str(problem) for problem in problems_of([second], project)] == [taken]
    assert problems_of([first], project) == []
    assert dags.load_dags(project).keys() == {"good"}


def test_a_dag_id_belongs_to_the_spec_named_after_it(project):
    first, named = write(project, GOOD, "first.yaml"), write(project, GOOD, "good.yml")
    taken = "dag_specs/first.yaml:1:1  the DAG id 'good' is already taken by dag_specs/good.yml"
    assert [str(problem) for problem in problems_of([], project)] == [taken]
    # A task reads that spec and no other, however many there are.
    assert files.files_of(project, "good") == [named]
    named.unlink()
    assert files.files_of(project, "good") == [first]


def test_configs_and_specs_are_recognized_by_their_folder(project):
    folder = project.config / "iris"
    folder.mkdir(parents=True)
    (folder / "rf.yaml").write_text("estimator: SVC\nparams: {gama: 1}\n")
    (project.root / "loose.yaml").write_text("estimator: SVX\n")
    (project.root / "loose.json").write_text('{"estimator": "SVX"}')
    found = problems_of([folder, project.root / "loose.yaml", project.root / "loose.json"], project)
    assert [str(problem) for problem in found] == [
        "config/iris/rf.yaml:2:10  unknown parameter 'gama' for SVC: did you mean 'gamma'?",
        "loose.json:1:15  unknown classifier 'SVX': did you mean 'SVC'?",
        "loose.yaml:1:1  the name 'loose' is already taken by loose.json: rename one of them",
        "loose.yaml:1:12  unknown classifier 'SVX': did you mean 'SVC'?",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{estimator: SVX}\n", "2:13  unknown classifier 'SVX': did you mean 'SVC'?"),
        ('---\n{"params": {}, "estimator": SVX}\n', "3:29  unknown classifier 'SVX': did you mean 'SVC'?"),
        ("estimator: SVX", "2:12  unknown classifier 'SVX': did you mean 'SVC'?"),
        ("estimator: [SVC", "2:12  this bracket is never closed"),
        ("estimator:\n  tasks: 5\n", "3:10  tasks must be a mapping or a list, not 5"),
        ("{estimator: {tasks: 5}}\n", "2:21  tasks must be a mapping or a list, not 5"),
        ("dag: {tasks: {estimator: {operator: json}}}\n", "2:37  the operator 'json' cannot be imported"),
    ],
)
def test_outside_these_folders_configs_are_recognized_by_their_content(text, found, project):
    path = project.root / "loose.yaml"
    path.write_bytes(b"\xef\xbb\xbf# a comment\n" + text.encode())
    (first, *_) = problems_of([path], project)
    assert str(first).startswith(f"loose.yaml:{found}")


def test_other_yaml_files_of_the_project_are_not_checked(project):
    write(project, GOOD.replace("tasks", "task"))
    (project.root / "ci.yaml").write_text("jobs: {}\n")
    assert {problem.path for problem in problems_of([project.root], project)} == {"dag_specs/a.yaml"}
    assert {problem.path for problem in problems_of([project.root / "ci.yaml"], project)} == {"ci.yaml"}


def test_the_allow_list_is_extended_in_the_projects_settings(project):
    text = GOOD.replace(
        "  tasks", "  default_args: {executor_config: {x: {__type__: fractions.Fraction, __args__: [1, 2]}}}\n  tasks"
    )
    permit = "to permit it, add it to allow under [tool.podium] in pyproject.toml"
    refused = f"__type__ 'fractions.Fraction' is not allowed: {permit}"
    assert messages(project, text) == [f"dag_specs/a.yaml:2:50  {refused}"]
    (project.root / "pyproject.toml").write_text('[tool.podium]\nallow = ["fractions.*"]\n')
    assert messages(project, text) == []
    (project.root / "pyproject.toml").write_text("[tool.podium]\nallow = 1\n")
    assert "pyproject.toml:1:1  [tool.podium] allow must be a list of strings" in messages(project, text)[1]


def test_the_check_imports_no_heavy_library():
    code = (
        "import sys; from pathlib import Path\n"
        "from podium.specs.checks.project import problems_of; from podium.project import find_project\n"
        "problems_of([], find_project(Path.cwd()))\n"
        "print([name for name in ('airflow', 'dagfactory', 'mlflow', 'sklearn', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_that_cannot_be_read_is_a_problem_too(project):
    path = project.dag_specs / "a.yaml"
    os.mkfifo(path)
    assert [str(problem) for problem in ProjectCheck(project).file(path)] == [
        "dag_specs/a.yaml:1:1  this is not a file"
    ]
    with pytest.raises(InvalidFileError):
        read_document(path, "a.yaml")
