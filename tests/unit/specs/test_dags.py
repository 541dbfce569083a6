"""Specs become DAGs, parsed as Airflow parses them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SPECS = [path for path in sorted((ROOT / "dag_specs").glob("*.yaml")) if path.stem != "defaults"]
BAD = "bad:\n  schedule: None\n  tasks:\n    - task_id: one\n      operator: no.such.Operator\n"


@pytest.fixture
def checkout(project):
    """A project with the DAG files and specs of this checkout."""
    for name in ("dags", "dag_specs", "data"):
        shutil.copytree(ROOT / name, project.root / name, dirs_exist_ok=True)
    return project


def bag(project):
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(project.root / "dags")


def errors(dags):
    return "\n".join(dags.import_errors.values())


def python(project, code, **env):
    """Run Python in the project in a new process and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.root / "dags",
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def shipped():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_PROJECT", str(ROOT))
        from airflow.dag_processing.dagbag import DagBag

        return DagBag(ROOT / "dags")


def test_no_dag_file_has_an_import_error(shipped):
    assert shipped.import_errors == {}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_shipped_spec_is_a_dag_with_its_tasks(path, shipped):
    for dag_id, spec in yaml.safe_load(path.read_text()).items():
        tasks = spec["tasks"]
        assert set(shipped.dags[dag_id].task_ids) == {task["task_id"] for task in tasks}
        assert shipped.dags[dag_id].max_active_runs == spec.get("max_active_runs", 1)
        named = {task["task_id"]: task["map_index_template"] for task in tasks if "expand" in task}
        assert named, "each trains or checks one mapped task per item"
        for task_id, template in named.items():
            assert shipped.dags[dag_id].get_task(task_id).partial_kwargs["map_index_template"] == template


def test_a_training_stores_its_result_in_one_request(shipped):
    assert not shipped.dags["iris_train"].get_task("train").multiple_outputs


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_docs_show_the_spec_unchanged(path, shipped):
    for dag_id in yaml.safe_load(path.read_text()):
        assert f"```yaml\n{path.read_text().rstrip()}\n```" in shipped.dags[dag_id].doc_md


def test_reading_the_dag_files_imports_no_heavy_library(checkout):
    code = """
import json, runpy, sys
for name in ("factory.py",): found = runpy.run_path(name)
heavy = {name.split(".")[0] for name in sys.modules} & {"mlflow", "sklearn", "pandas", "scipy", "matplotlib"}
print(json.dumps([sorted(k for k, v in found.items() if hasattr(v, "task_ids")), sorted(heavy)]))
"""
    dags, heavy = python(checkout, code)
    assert {"iris_train", "iris_host", "churn_train"} <= set(dags)
    assert heavy == []


def test_a_task_builds_its_own_spec_only(checkout):
    code = """
import json, runpy
from airflow.sdk import DAG
found = runpy.run_path("factory.py")
print(json.dumps(sorted(k for k, v in found.items() if isinstance(v, DAG))))
"""
    context = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "iris_host", "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "promote"}
    assert python(checkout, code, **context) == ["iris_host"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"# first\n{BAD}", r"[2-6]"),
        ("bad:\n  schedule: None\n  schedule: None\n", "3"),
        ("bad: [\n", r"[12]"),
        ("bad:\n  tasks:\n    - {task_id: a, operator: airflow.sdk.BashOperator, dependencies: [nobody]}\n", r"[13]"),
    ],
    ids=["unknown operator", "key twice", "no YAML", "unknown dependency"],
)
def test_a_bad_spec_is_an_import_error_and_the_others_stay(checkout, text, line):
    (checkout.dag_specs / "bad.yaml").write_text(text)
    dags = bag(checkout)
    assert re.search(rf"^(.* )?dag_specs/bad\.yaml:{line}:\d+  \w", errors(dags), re.MULTILINE)
    assert {"iris_train", "iris_host", "churn_train"} <= set(dags.dags)
    assert not any("factory.py" in path for path in dags.import_errors), "Airflow would drop all DAGs of that file"


def test_several_bad_specs_are_all_import_errors(checkout):
    (checkout.dag_specs / "bad.yaml").write_text(BAD)
    (checkout.dag_specs / "worse.yml").write_text("worse: 7\n")
    found = errors(bag(checkout))
    assert "dag_specs/bad.yaml:" in found
    assert "dag_specs/worse.yml:1:" in found
    assert "iris" not in found


def test_adding_and_removing_a_spec_adds_and_removes_its_dag(checkout):
    text = (checkout.dag_specs / "iris_host.yaml").read_text()
    (checkout.dag_specs / "wine_host.yml").write_text(text.replace("iris_host:", "wine_host:"))
    (checkout.dag_specs / "iris_host.yaml").unlink()
    dags = bag(checkout)
    assert errors(dags) == ""
    assert "wine_host" in dags.dags
    assert "iris_host" not in dags.dags


def test_a_spec_overrides_the_defaults(checkout):
    task = "  tasks:\n    - {task_id: a, operator: airflow.providers.standard.operators.empty.EmptyOperator%s}\n"
    (checkout.dag_specs / "own.yaml").write_text(
        f"plain:\n{task % ''}other:\n  max_active_runs: 3\n{task % ', retries: 5'}"
    )
    dags = bag(checkout).dags
    defaults = yaml.safe_load((ROOT / "dag_specs" / "defaults.yml").read_text())
    assert dags["plain"].get_task("a").retries == defaults["default_args"]["retries"]
    assert (dags["plain"].max_active_runs, dags["other"].max_active_runs) == (1, 3)
    assert dags["other"].get_task("a").retries == 5


def test_the_command_line_reads_a_spec_without_airflow(checkout):
    code = """
import json, sys
from pathlib import Path
from podium.pipeline.spec import read_pipeline
from podium.project import find_project
found = read_pipeline(find_project(Path.cwd()), "churn_train")
print(json.dumps([found.job.pipeline, found.job.dataset.target, found.job.split.folds, found.rule.metric,
    found.rule.min_improvement, found.job.shown_folder, "airflow" in sys.modules]))
"""
    # A mistake in another spec does not matter.
    (checkout.dag_specs / "a_bad_one.yaml").write_text("bad:\n  tasks: [\n")
    assert python(checkout, code) == ["churn", "churned", 5, "roc_auc", 0.002, "config/churn", False]


@pytest.mark.parametrize(
    ("dag_id", "text", "message"),
    [
        ("iris_trian", "", "no pipeline 'iris_trian' in dag_specs: did you mean 'iris_train'?"),
        (
            "own",
            "own:\n  tasks: []\n",
            "dag_specs/own.yaml:1:1  own has no task that calls podium.steps.promote.promote_best",
        ),
        (
            "own",
            "own:\n  tasks:\n    - {task_id: p, python_callable: tasks.promote.promote_best, pipeline: iris}\n",
            "dag_specs/own.yaml:1:1  own: promote_best needs 'dataset'",
        ),
        (
            "own",
            "own:\n  tasks:\n    - {task_id: p, python_callable: tasks.promote.promote_best, pipeline: i, dataset: x}",
            "dag_specs/own.yaml:1:1  own: unknown data set 'x'",
        ),
    ],
    ids=["name", "no promotion", "no data set", "unknown data set"],
)
def test_a_pipeline_that_cannot_be_used_says_why(checkout, dag_id, text, message):
    from podium.errors import PodiumError
    from podium.pipeline.spec import read_pipeline

    (checkout.dag_specs / "own.yaml").write_text(text or "other:\n  tasks: []\n")
    with pytest.raises(PodiumError) as caught:
        read_pipeline(checkout, dag_id)
    assert message in str(caught.value)


def test_environment_variables_are_replaced_but_not_in_the_docs(checkout, monkeypatch):
    monkeypatch.setenv("SECRET_WORD", "hush")
    text = "own:\n  description: says ${SECRET_WORD}\n"
    text += "  tasks:\n    - {task_id: a, operator: airflow.providers.standard.operators.empty.EmptyOperator}\n"
    (checkout.dag_specs / "own.yaml").write_text(text)
    dag = bag(checkout).dags["own"]
    assert dag.description == "says hush"
    assert "hush" not in dag.doc_md


def test_a_value_that_is_only_an_environment_variable_can_be_a_number(checkout, monkeypatch):
    monkeypatch.setenv("MANY", "4")
    spec = (
        "counted:\n  schedule: None\n  default_args: {retries: $MANY}\n  tasks:\n    - task_id: one\n"
        "      operator: airflow.providers.standard.operators.empty.EmptyOperator\n"
    )
    (checkout.dag_specs / "counted.yaml").write_text(spec)
    dags = bag(checkout)
    assert dags.import_errors == {}
    assert dags.dags["counted"].get_task("one").retries == 4
