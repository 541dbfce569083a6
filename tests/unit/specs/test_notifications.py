"""Messages about promotions, and the notifiers that send them."""

import json
import logging
import os
import subprocess
import sys
import textwrap

import jsonschema
import pytest
import yaml
from airflow.sdk import BaseNotifier

from podium.files.documents import read_document
from podium.specs import dags, notifications, vocabulary
from podium.specs.arguments import load_spec_schema
from podium.specs.checks.project import problems_of

SENT = []
PROMOTED = {"verdict": "promoted", "reason": "version 2 (b) has more", "version": 2, "candidates": 1, "failed": []}
KEPT = {"verdict": "kept", "reason": "best challenger is worse", "version": 1, "candidates": 1, "failed": []}
SPEC = """
told:
  tasks:
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: tasks.promote.promote_best
      pipeline: iris
      dataset: iris
      on_failure_callback: podium.airflow.callbacks.show_error
      on_promotion:
        __type__: airflow.providers.smtp.notifications.smtp.SmtpNotifier
        to: [a@b.c]
        subject: "{{ decision.reason }}"
      on_failure: [{__type__: airflow.sdk.BaseNotifier}]
"""
IN_A_GROUP = f"""{SPEC}
      task_group_name: decide
  task_groups:
    decide: {{tooltip: How it ends}}
"""


class Told(BaseNotifier):
    """Keeps the messages that it sends."""

    template_fields = ("text",)

    def __init__(self, text="{{ decision.verdict }}: {{ decision.reason }}"):
        super().__init__()
        self.text = text

    def notify(self, context):
        SENT.append((self.text, sorted(context.keys() & {"text", "dag"})))


class Broken(BaseNotifier):
    """Cannot send anything."""

    def notify(self, context):  # noqa: ARG002
        raise OSError("no route to host")


def notifier(class_, **arguments):
    return {"__type__": f"{__name__}.{class_.__name__}", **arguments}


class Instance:
    """A task instance with a result."""

    task_id, map_index = "promote", -1

    def __init__(self, result):
        self.result = result

    def xcom_pull(self, **_):
        return self.result


@pytest.fixture(autouse=True)
def sent():
    SENT.clear()
    return SENT


def finish(decision, **notifiers):
    notifications.Messages(notifiers).after_success({"ti": Instance(decision), "dag": None})


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (PROMOTED, ["on_promotion"]),
        (KEPT, ["on_rejection"]),
        (KEPT | {"verdict": "refused"}, ["on_rejection"]),
        (KEPT | {"candidates": 0}, []),
        (KEPT | {"candidates": 0, "failed": ["rf"]}, ["on_failure"]),
        (PROMOTED | {"failed": ["rf"]}, ["on_promotion", "on_failure"]),
        (None, []),
    ],
)
def test_each_outcome_calls_the_notifiers_for_it(decision, told, sent):
    finish(decision, **{name: [notifier(Told, text=name)] for name in vocabulary.MESSAGES})
    assert [text for text, _ in sent] == told


def test_templates_can_use_the_decision_but_no_arguments_of_other_notifiers(sent):
    finish(PROMOTED, on_promotion=[notifier(Told, text="one {{ decision.version }}"), notifier(Told)])
    assert sent == [("one 2", ["dag", "text"]), ("promoted: version 2 (b) has more", ["dag", "text"])]


def test_a_failed_step_tells_why_with_the_same_keys(sent):
    told = notifications.Messages({"on_failure": [notifier(Told)], "on_promotion": [notifier(Told)]})
    told.after_failure({"ti": Instance(None), "exception": ValueError("no\nrows")})
    told.after_failure({"ti": Instance(None)})  # as the DAG processor calls it when the process was killed
    assert [text for text, _ in sent] == ["failed: no rows", "failed: the task failed"]


@pytest.mark.parametrize("bad", [notifier(Broken), {"__type__": "no.such.Notifier"}, notifier(Told, too=1)])
def test_what_cannot_be_sent_is_in_the_log_and_hurts_nobody(bad, sent, caplog):
    caplog.set_level(logging.INFO)
    finish(PROMOTED, on_promotion=[bad, notifier(Told)])
    assert [text for text, _ in sent] == ["promoted: version 2 (b) has more"]
    failure, success = caplog.records
    assert failure.message == f"on_promotion: {bad['__type__']} could not be sent"
    assert failure.exc_info
    assert success.message == f"on_promotion: sent by {__name__}.Told"


def build(project, text):
    path = project.dag_specs / "told.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert problems_of([path], project) == []
    assert list(jsonschema.Draft202012Validator(load_spec_schema()).iter_errors(yaml.safe_load(text))) == []
    return dags.build(read_document(path, path.name), project)["told"]


@pytest.mark.parametrize(("spec", "task_id"), [(SPEC, "promote"), (IN_A_GROUP, "decide.promote")])
def test_messages_are_added_to_the_callbacks_of_a_task(project, spec, task_id):
    from podium.airflow.callbacks import show_error

    task = build(project, spec).get_task(task_id)
    (after_success,) = task.on_success_callback
    before, after_failure = task.on_failure_callback
    assert before is show_error
    assert after_success.__self__ is after_failure.__self__
    assert set(after_success.__self__.notifiers) == {"on_promotion", "on_failure"}
    assert set(task.op_kwargs) == {"pipeline", "dataset"}


def test_mapped_tasks_and_tasks_with_an_operator_send_messages_too(project):
    common = "dataset: iris, on_failure: {__type__: airflow.sdk.BaseNotifier}}"
    text = f"""
told:
  default_args: {{on_failure_callback: podium.airflow.callbacks.show_error}}
  tasks:
    mapped:
      decorator: airflow.sdk.task
      python_callable: tasks.promote.promote_best
      partial: {{pipeline: iris, {common}
      expand: {{metric: [accuracy, log_loss]}}
    operator:
      operator: airflow.providers.standard.operators.python.PythonOperator
      python_callable: tasks.promote.promote_best
      op_kwargs: {{pipeline: iris, {common}
"""
    for task in build(project, text).tasks:
        (after_success,) = task.on_success_callback
        assert after_success.__self__.notifiers.keys() == {"on_failure"}
        assert len(task.on_failure_callback) == 2


def test_a_dag_with_notifiers_is_serialized_the_same_each_time(project):
    """Airflow creates a new version of a DAG whenever its serialized form differs."""
    build(project, SPEC)
    code = """
        import json, sys
        from pathlib import Path
        from airflow.serialization.serialized_objects import DagSerialization
        from podium.specs import dags
        from podium.project import Project
        project = Project(Path(sys.argv[1]), Path(sys.argv[1], ".podium"))
        print(json.dumps(DagSerialization.to_dict(dags.load_dags(project, "told")["told"]), sort_keys=True))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), str(project.root)]
    read = [subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True) for _ in range(2)]
    first, second = (json.loads(done.stdout.splitlines()[-1]) for done in read)
    assert first == second
    assert " at 0x" not in json.dumps(first)
