"""podium validate, and the files of podium new, which must pass it."""

import json

import pytest
from typer.testing import CliRunner

from podium.cli import main, starters
from podium.configs.parameters import classifier_names
from podium.errors import PodiumError, Problem
from podium.pipeline.spec import read_pipeline
from podium.specs import dags
from podium.specs.checks.project import problems_of, shown_as
from tests.support.specs import GOOD, write

BIRDS = "wing,bird kind\n1.5,gull\n2.5,tern\n"


def invoke(*arguments):
    return CliRunner().invoke(main.app, [str(argument) for argument in arguments])


def test_the_command_exits_with_0_1_or_2(project):
    path = write(project, GOOD)
    assert invoke("validate").exit_code == 0
    assert invoke("validate").stdout == ""
    path.write_text(GOOD.replace("tasks", "task"))
    done = invoke("validate", path)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "dag_specs/a.yaml:1:1  the DAG good has no tasks",
        "dag_specs/a.yaml:2:3  unknown key 'task' of a DAG: did you mean 'tasks'?",
    ]
    assert invoke("validate", project.root / "nothing.yaml").exit_code == 2
    assert invoke("validate", "--format", "xml").exit_code == 2
    (project.root / "a.txt").touch()
    assert invoke("validate", project.root / "a.txt").exit_code == 2


def test_problems_are_shown_to_programs_and_as_annotations(project):
    write(project, GOOD.replace("tasks:", "x%: 1\n  tasks:"))
    found = json.loads(invoke("validate", "--format", "json").stdout)
    assert found == [{"path": "dag_specs/a.yaml", "line": 2, "column": 3, "message": "unknown key 'x%' of a DAG"}]
    shown = invoke("validate", "--format", "github").stdout.strip()
    assert shown == "::error file=dag_specs/a.yaml,line=2,col=3::unknown key 'x%25' of a DAG"
    assert shown_as([], "json") == "[]"
    assert "%2C" in shown_as([Problem("a,b", 1, 1, "x")], "github")


@pytest.mark.parametrize("estimator", sorted(classifier_names()))
def test_a_new_config_validates(estimator, project):
    path = starters.new_config(project, "mine", estimator, "iris")
    assert problems_of([path], project) == []
    assert path.read_text().startswith("# yaml-language-server: $schema=../../schemas/classifier_config.schema.json")


def test_a_new_pipeline_validates_and_builds(project):
    rows = project.root / "data" / "birds.csv"
    rows.parent.mkdir()
    for content, read in ((BIRDS, ""), (BIRDS.replace(",", ";"), "sep: ;"), (BIRDS.replace(",", "\t"), 'sep: "\\t"')):
        rows.write_text(content)
        made = invoke("new", "pipeline", "penguins", "--data", "data/birds.csv", "--target", "bird kind")
        assert made.exit_code == 0, made.exception
        assert problems_of([], project) == []
        assert dags.load_dags(project).keys() == {"penguins_train"}
        assert read_pipeline(project, "penguins_train").job.dataset.target == "bird kind"
        spec = project.dag_specs / "penguins_train.yaml"
        assert read in spec.read_text()
        spec.unlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which rows? podium new pipeline penguins --data PATH --target COLUMN, or --data iris"),
        (
            ["--data", "birds.csv"],
            "which column has the labels? podium new pipeline penguins --data birds.csv --target",
        ),
        (["--data", "birds.csv", "--target", "kind"], "birds.csv has no column 'kind': did you mean 'bird kind'?"),
        (["--data", "none.csv", "--target", "kind"], "none.csv: no such file"),
        (["--data", "iris", "--target", "kind"], "iris is a data set of scikit-learn, whose target is known"),
    ],
)
def test_a_new_pipeline_asks_for_its_rows(project, arguments, message):
    (project.root / "birds.csv").write_text(BIRDS)
    assert message in str(invoke("new", "pipeline", "penguins", *arguments).exception)
    assert not list(project.dag_specs.iterdir())


def test_new_files_never_replace_others(project):
    starters.new_config(project, "mine", "SVC", "iris")
    starters.new_pipeline(project, "mine", "iris")
    with pytest.raises(PodiumError, match="exists: choose"):
        starters.new_config(project, "mine", "SVC", "iris")
    with pytest.raises(PodiumError, match="exists: choose"):
        starters.new_pipeline(project, "mine", "iris")
    with pytest.raises(PodiumError, match="did you mean 'SVC'"):
        starters.new_config(project, "other", "SVCC", "iris")
    for name in ("../x", ".x", "", "a/b"):
        with pytest.raises(PodiumError):
            starters.new_config(project, name, "SVC", "iris")
        with pytest.raises(PodiumError):
            starters.new_pipeline(project, name, "iris")
