"""What Airflow adds to a promotion: links to MLflow, a pool of one slot, and messages."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.checkout import mapped, wait_until

if TYPE_CHECKING:
    from pathlib import Path

POSTMAN = '''
from pathlib import Path

from airflow.sdk import BaseNotifier


class Postman(BaseNotifier):
    """Appends a line to a file."""

    template_fields = ("line",)

    def __init__(self, line):
        super().__init__()
        self.line = line

    def notify(self, context):
        with Path(__file__).with_name("letters.txt").open("a") as letters:
            letters.write(f"{self.line}\\n")


class OnStrike(BaseNotifier):
    """Brings nothing."""

    def notify(self, context):
        raise OSError("no letters today")
'''
LETTERS = {
    "on_promotion": "{{ decision.verdict }}: {{ decision.reason }}",
    "on_rejection": "rejected by {{ ti.task_id }} of {{ dag.dag_id }}: {{ decision.verdict }} {{ decision.version }}",
    "on_failure": "failed: {{ decision.failed }} {{ decision.reason }}",
}
UNFIT = "estimator: LogisticRegression\npreprocess: [{PCA: {n_components: 99}}]\n"


class Told:
    """A pipeline of the stack's that tells of everything, and what it has told."""

    def __init__(self, stack):
        self.stack = stack
        self.root: Path = stack.root
        self.rows = self.root / "data" / "told.csv"
        self._read = 0
        shutil.copy(self.root / "data" / "churn.csv", self.rows)
        (self.root / "postman.py").write_text(POSTMAN)
        (self.root / "pyproject.toml").write_text('[tool.podium]\nallow = ["postman.*"]\n')
        (self.root / "config" / "told").mkdir()
        text = (self.root / "dag_specs" / "churn_train.yaml").read_text()
        for old, new in (
            ("churn_", "told_"),
            ("config/churn", "config/told"),
            ("pipeline: churn", "pipeline: told"),
            ("data/churn.csv", "data/told.csv"),
        ):
            text = text.replace(old, new)
        spec = yaml.safe_load(text)
        promote = next(task for task in spec["told_train"]["tasks"] if task["task_id"] == "promote")
        for name, line in LETTERS.items():
            promote[name] = [{"__type__": "postman.OnStrike"}, {"__type__": "postman.Postman", "line": line}]
        stack.drop("first.yaml", "estimator: LogisticRegression\npreprocess: [StandardScaler]\n", "told")
        (self.root / "dag_specs" / "told_train.yaml").write_text(yaml.safe_dump(spec))
        stack.airflow.wait_for_dag("told_train")

    def letters(self, count: int) -> list[str]:
        """Wait for so many more letters: Airflow sends them when the task's state is known already."""

        def come() -> list[str]:
            file = self.root / "letters.txt"
            lines = file.read_text().splitlines() if file.exists() else []
            return lines[self._read :] if len(lines) >= self._read + count else []

        new = wait_until(come, f"{count} letters")
        self._read += len(new)
        return new

    def log(self, run):
        path = f"/dags/told_train/dagRuns/{run['dag_run_id']}/taskInstances/promote/logs/1"
        return self.stack.airflow.get(path, full_content=True)["content"]


def link(stack, run, task_id, map_index=-1):
    path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/{task_id}/links"
    return stack.airflow.get(path, map_index=map_index)["extra_links"]["MLflow"]


def run_behind(stack, url):
    prefix = f"{stack.status['mlflow']['url']}/#/runs/"
    assert url.startswith(prefix)
    return stack.mlflow.get_run(url.removeprefix(prefix))


@pytest.fixture(scope="module")
def told(trained_stack):
    return Told(trained_stack)


def test_each_training_links_to_its_run_and_a_promotion_to_its_decision(trained_stack):
    run = trained_stack.first_run
    for name, task in mapped(trained_stack, run).items():
        assert run_behind(trained_stack, link(trained_stack, run, "train", task.map_index)).info.run_name == name
    decision = run_behind(trained_stack, link(trained_stack, run, "promote"))
    assert decision.data.tags["podium.dag_run_id"] == run["dag_run_id"]
    assert decision.data.tags["podium.verdict"] == "promoted"
    assert link(trained_stack, run, "detect") is None


def test_each_check_links_to_the_version_that_it_checked(trained_stack):
    run = trained_stack.finished_run("iris_host", after=0)
    versions = f"{trained_stack.status['mlflow']['url']}/#/models/iris-classifier/versions"
    for name, task in mapped(trained_stack, run, "validate").items():
        number = name.split()[0].removeprefix("v")
        assert link(trained_stack, run, "validate", task.map_index) == f"{versions}/{number}"


def test_promotions_have_a_pool_of_one_slot(trained_stack):
    assert trained_stack.airflow.get("/pools/promotion")["slots"] == 1
    for dag_id in ("iris_train", "iris_host", "churn_train"):
        run = trained_stack.finished_run(dag_id, after=0)
        path = f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}/taskInstances/promote"
        assert trained_stack.airflow.get(path)["pool"] == "promotion"


def test_a_promotion_and_a_rejection_are_told(trained_stack, told):
    run = trained_stack.finished_run("told_train", after=0)
    assert run["state"] == "success"
    (letter,) = told.letters(1)
    assert letter.startswith("promoted: version 1 (first) is the first champion with roc_auc 0.")
    # A notifier that fails leaves the promotion as it is, and says why in the task's log.
    assert trained_stack.champion("told-classifier") == "first"
    failures = [event for event in told.log(run) if "postman.OnStrike" in event["event"]]
    assert [event["event"] for event in failures] == ["on_promotion: postman.OnStrike could not be sent"]
    assert "no letters today" in str(failures[0])

    trained_stack.drop("worse.yaml", "estimator: DummyClassifier\n", "told")
    assert trained_stack.finished_run("told_train", after=1)["state"] == "success"
    assert told.letters(1) == ["rejected by promote of told_train: kept 1"]


def test_a_failed_training_is_told_and_links_to_its_run(trained_stack, told):
    done = len(trained_stack.runs("told_train"))
    trained_stack.drop("unfit.yaml", UNFIT, "told")
    run = trained_stack.finished_run("told_train", after=done)
    assert run["state"] == "failed"
    (letter,) = told.letters(1)
    assert letter.startswith("failed: ['unfit'] no challenger; version 1 (first) stays")
    failed = run_behind(trained_stack, link(trained_stack, run, "train", map_index=0))
    assert (failed.info.run_name, failed.info.status) == ("unfit", "FAILED")


def test_a_promotion_that_fails_itself_is_told(trained_stack, told):
    done = len(trained_stack.runs("told_train"))
    told.rows.unlink()
    trained_stack.airflow.trigger("told_train", {})
    assert trained_stack.finished_run("told_train", after=done)["state"] == "failed"
    (letter,) = told.letters(1)
    assert letter.startswith("failed: [] ")
    assert "data/told.csv" in letter


def test_a_dag_with_notifiers_stays_at_its_first_version(trained_stack, told):  # noqa: ARG001
    assert trained_stack.airflow.get("/dags/told_train/dagVersions")["total_entries"] == 1
