"""Specs that name Podium's steps and classes by the import paths of earlier releases."""

import subprocess
import sys

import jsonschema
import pytest
import yaml

from podium.files.documents import read_document
from podium.specs import dags
from podium.specs.arguments import load_spec_schema
from podium.specs.vocabulary import FORMER
from tests.support.specs import ROOT, SHIPPED, messages

EDITOR = jsonschema.Draft202012Validator(load_spec_schema())
STEPS = {former: current for former, current in FORMER.items() if former.startswith("tasks.")}
DETECT = """demo:
  tasks:
    - task_id: detect
      decorator: airflow.sdk.task
      python_callable: tasks.detect.detect_configs
      pipeline: iris
      dataset: iris
"""
PROMOTE = """demo:
  tasks:
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: tasks.promote.promote_best
      pipeline: iris
      dataset: iris
      metric: accuracy
      gates: {f1_macro: {threshold: 0.9}}
      on_promotion: {__type__: airflow.providers.smtp.notifications.smtp.SmtpNotifier, to: a@b.c}
"""


def current(text):
    """Return a spec with the current paths."""
    for former, path in FORMER.items():
        text = text.replace(former, path)
    return text


def own_tasks(project, text=""):
    """Give a project a tasks package of its own."""
    (project.root / "tasks").mkdir()
    (project.root / "tasks" / "__init__.py").write_text(text)


@pytest.mark.parametrize("former", sorted(STEPS))
def test_a_former_path_that_the_project_lacks_hints_at_the_current_one(former, project):
    own_tasks(project)
    text = DETECT.replace("tasks.detect.detect_configs", former)
    module = former.rpartition(".")[0]
    assert messages(project, text)[0] == (
        f"dag_specs/a.yaml:5:24  the function {former!r} cannot be imported: there is no module {module!r}:"
        f" did you mean {STEPS[former]!r}?"
    )


def test_without_a_tasks_folder_validate_hints_at_the_current_path(project):
    """In a project with no tasks package anywhere, as after pip install."""
    (project.dag_specs / "a.yaml").write_text(DETECT)
    code = (
        "import sys; from pathlib import Path; import podium\n"
        "from podium.project import Project; from podium.specs.checks.project import problems_of\n"
        f"sys.path = [folder for folder in sys.path if folder not in ('', {str(ROOT)!r})]\n"
        "print(*problems_of([], Project(Path.cwd(), Path.cwd() / '.podium')), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "dag_specs/a.yaml:5:24  the function 'tasks.detect.detect_configs' cannot be imported: there is no module"
        " 'tasks': did you mean 'podium.steps.detect.detect_configs'?"
    )


def test_a_tasks_module_without_the_step_hints_at_the_current_path(project):
    own_tasks(project)
    (project.root / "tasks" / "detect.py").write_text("def detect_config(): ...\n")
    (message,) = messages(project, DETECT)
    assert message.endswith(
        "there is no 'detect_configs' in tasks.detect: did you mean 'podium.steps.detect.detect_configs'?"
    )


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("", ""),
        ("metric: accuracy", "metric: acuracy"),
        ("metric: accuracy", "metrik: accuracy"),
        ("f1_macro: {threshold", "f1_macro: {treshold"),
        ("dataset: iris", "dataset: {path: a.csv}"),
        ("dataset: iris", "dataset: 5"),
        ("on_promotion: {__type__", "on_promotion: {__typ__"),
        ("on_promotion:", "on_promotoin:"),
        ("to: a@b.c", "too: a@b.c"),
    ],
)
def test_both_spellings_are_checked_alike(right, wrong, project):
    former = PROMOTE.replace(right, wrong, 1) if right else PROMOTE
    found = messages(project, former)
    assert found == messages(project, current(former))
    valid = [EDITOR.is_valid(yaml.safe_load(text)) for text in (former, current(former))]
    assert valid == [not found] * 2


def test_a_misspelt_notifier_argument_has_a_hint(project):
    (message,) = messages(project, PROMOTE.replace("on_promotion:", "on_promotoin:"))
    assert message == (
        "dag_specs/a.yaml:10:7  promote_best takes no argument 'on_promotoin': did you mean 'on_promotion'?"
    )


@pytest.mark.parametrize("former", sorted(STEPS))
def test_an_editor_completes_the_same_for_both_spellings(former):
    """An editor completes the arguments of the definition that the schema applies to a task."""
    rules = load_spec_schema()["$defs"]["task"]["allOf"]

    def applied(path):
        return [
            rule["then"]
            for rule in rules
            if jsonschema.Draft202012Validator(rule["if"]).is_valid({"python_callable": path})
        ]

    assert applied(former) == applied(STEPS[former]) == [{"$ref": f"#/$defs/{STEPS[former]}"}]


@pytest.mark.parametrize("path", sorted(SHIPPED.dag_specs.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_specs_pass_with_both_spellings(path):
    text = path.read_text()
    for former, new in FORMER.items():
        assert EDITOR.is_valid(yaml.safe_load(text.replace(new, former)))
    assert EDITOR.is_valid(yaml.safe_load(current(text)))


def test_a_spec_with_former_paths_builds_if_tasks_re_exports_the_steps(project, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "tasks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(project.root)
    own_tasks(project)
    for former, new in STEPS.items():
        module, _, name = new.rpartition(".")
        with (project.root / f"{former.rpartition('.')[0].replace('.', '/')}.py").open("a") as file:
            file.write(f"from {module} import {name}\n")
    text = DETECT + PROMOTE.removeprefix("demo:\n  tasks:\n") + "      trigger_rule: all_done\n      configs: +detect\n"
    assert messages(project, text) == []
    built = {}
    for name, spec in (("former", text), ("current", current(text))):
        path = project.dag_specs / f"{name}.yaml"
        path.write_text(spec)
        built[name] = dags.build(read_document(path, path.name), project)["demo"]
    for former, new in zip(*(dag.tasks for dag in built.values()), strict=True):
        assert (former.task_id, former.op_kwargs.keys()) == (new.task_id, new.op_kwargs.keys())
        assert former.python_callable is new.python_callable
    assert "on_promotion" not in built["former"].get_task("promote").op_kwargs
