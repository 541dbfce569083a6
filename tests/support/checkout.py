"""A copy of the project on a stack of its own, as a user has it: the tests see the command and the servers alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from podium.pipeline.airflow_api import FINISHED, AirflowAPI, awaits_a_person
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PODIUM = Path(sys.executable).with_name("podium")
COPIED = ("config", "dag_specs", "dags", "data", "examples", "schemas")


def wait_until(condition, what: str, seconds: float = PATIENCE):
    """Return the first true answer of a condition about another process that has no event to wait for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


@dataclass
class Checkout:
    """A copy of the project and what its stack is reached by."""

    root: Path
    status: dict | None = None

    @property
    def env(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PODIUM_", "MLFLOW_", "AIRFLOW_"))}
        return inherited | {"PODIUM_HOME": str(self.root / ".podium")}

    def podium(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command and return it when it has ended."""
        return subprocess.run(
            [PODIUM, *arguments],
            cwd=cwd or self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        """Run a command of git in the copy and return what it prints."""
        command = ["git", "-C", self.root, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    @property
    def airflow(self) -> AirflowAPI:
        return AirflowAPI(**self.status["airflow"])

    @property
    def mlflow(self):
        from mlflow import MlflowClient

        return MlflowClient(self.status["mlflow"]["url"])

    def runs(self, dag_id: str) -> list[dict]:
        """Return the runs of a DAG, oldest first."""
        return self.airflow.get(f"/dags/{dag_id}/dagRuns", order_by="run_after", limit=100)["dag_runs"]

    def finished_run(self, dag_id: str, after: int) -> dict:
        """Wait for the run that follows the first so many, and for its end."""
        wait_until(lambda: len(self.runs(dag_id)) > after, f"run {after + 1} of {dag_id} starts")

        def ended() -> dict | None:
            run = self.runs(dag_id)[after]
            return run if run["state"] in FINISHED else None

        return wait_until(ended, f"run {after + 1} of {dag_id} ends")

    def awaiting_run(self, dag_id: str, after: int) -> str:
        """Wait for the run that follows the first so many, and for it to await a person; return its id."""
        wait_until(lambda: len(self.runs(dag_id)) > after, f"run {after + 1} of {dag_id} starts")
        run_id = self.runs(dag_id)[after]["dag_run_id"]
        wait_until(lambda: awaits_a_person(self.airflow.tasks(dag_id, run_id)), f"{dag_id} awaits a person")
        return run_id

    def drop(self, name: str, text: str, pipeline: str = "iris") -> None:
        """Put a config into the watched folder at once, as ``mv`` does."""
        draft = self.root / f".{name}.draft"
        draft.write_text(text)
        draft.rename(self.root / "config" / pipeline / name)

    def versions(self, config: str | None = None, model: str = "iris-classifier") -> list:
        """Return the model versions, oldest first, of one config or all."""
        found = self.mlflow.search_model_versions(f"name = '{model}'", max_results=1000)
        mine = [v for v in found if config in {None, v.tags["podium.config"]}]
        return sorted(mine, key=lambda v: int(v.version))

    def production(self, model: str = "iris-classifier") -> list:
        """Return the versions in stage Production: there must be one, and the alias must say the same."""
        staged = [v for v in self.versions(model=model) if v.current_stage == "Production"]
        alias = self.mlflow.get_registered_model(model).aliases["production"]
        assert [v.version for v in staged] == [str(alias)]
        return staged

    def champion(self, model: str = "iris-classifier") -> str:
        return self.production(model)[0].tags["podium.config"]


def copy_project(root: Path) -> Checkout:
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".gitignore").write_text(".podium\n")
    checkout = Checkout(root)
    checkout.git("init", "--quiet")
    checkout.git("add", ".")
    checkout.git(
        "-c", "user.name=Test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message", "As shipped"
    )
    return checkout


@contextmanager
def up(checkout: Checkout):
    """Run ``podium up`` in a project; gives the lines that it has printed by the time that everything is ready."""
    command = subprocess.Popen(
        [PODIUM, "up"], cwd=checkout.root, env=checkout.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        printed = []
        for line in command.stdout:
            printed.append(line)
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("".join(printed))
        checkout.status = json.loads(checkout.podium("status", "--json").stdout)
        yield printed
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=PATIENCE)


def mapped(stack, run, task_id="train"):
    """Return the mapped tasks of a run by name."""
    tasks = stack.airflow.tasks(run["dag_id"], run["dag_run_id"])
    return {task.name: task for task in tasks if task.task_id == task_id and task.map_index >= 0}
