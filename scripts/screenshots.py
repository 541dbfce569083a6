"""Take the README's pictures, of a running ``podium up`` or of a stack that this starts.

The ones in docs/images were taken after ``cp examples/qda.yaml config/iris/``, approval of the first champion of
``wine_train``, and ``cp examples/wine_sharper.yaml config/wine/``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import browser

from podium.pipeline.airflow_api import FINISHED, AirflowAPI
from podium.project import find_project
from podium.registry.client import Registry
from podium.registry.names import PROMOTIONS
from podium.stack import commands

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from podium.stack.commands import Status

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DAG, TASK, PIPELINE, APPROVAL_DAG = "iris_train", "train", "iris", "wine_train"
COLUMNS = ("metrics.`test_log_loss`", "metrics.`test_accuracy`", "metrics.`cv_accuracy`", "params.`estimator`")
# Pages fade in and lay out graphs after their text is there; nothing tells when they have.
STILL_SECONDS = 2.5
WIDTH = 1180  # pixels; about what a README is shown at


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        commands.ensure(find_project(Path.cwd()), watch=True, report=print) as status,
        browser.browser(width=WIDTH) as page,
    ):
        airflow = AirflowAPI(status.airflow_url, status.user or "", status.password or "")
        run_id = largest_run(airflow)
        browser.log_in(page, status.airflow_url, status.user, status.password)
        take_approval(page, status, airflow)  # first, as a page keeps the panel that was chosen last
        take_airflow(page, status, run_id)
        take_mlflow(page, status)


def largest_run(airflow: AirflowAPI) -> str:
    """Wait until a run has finished, and return the one with the most mapped tasks."""
    airflow.wait_for_dag(DAG)
    while True:
        runs = airflow.get(f"/dags/{DAG}/dagRuns", limit=100)["dag_runs"]
        finished = [run["dag_run_id"] for run in runs if run["state"] in FINISHED]
        if finished:
            return str(max(finished, key=lambda run_id: len(airflow.tasks(DAG, run_id))))
        time.sleep(1)


def take_airflow(page: Page, status: Status, run_id: str) -> None:
    """Picture the mapped tasks in the grid, and the graph."""
    page.set_viewport_size({"width": WIDTH, "height": 1080})
    browser.open_grid(page, status.airflow_url, DAG, run_id, TASK)
    take(page, "airflow-grid")
    page.set_viewport_size({"width": WIDTH, "height": 420})
    browser.open_graph(page, status.airflow_url, DAG, run_id)
    page.get_by_role("button", name="Collapse Details Panel").click()
    take(page, "airflow-graph")


def take_approval(page: Page, status: Status, airflow: AirflowAPI) -> None:
    """Picture what the newest run that awaits approval asks."""
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    runs = airflow.get(f"/dags/{APPROVAL_DAG}/dagRuns", state="running", order_by="-run_after")["dag_runs"]
    browser.open_approval(page, status.airflow_url, APPROVAL_DAG, runs[0]["dag_run_id"], "approve")
    take(page, "approval")


def take_mlflow(page: Page, status: Status) -> None:
    """Picture the runs of the experiment, and the registered model's versions with their stages."""
    models = Registry(PIPELINE, status.mlflow_url)
    page.set_viewport_size({"width": WIDTH, "height": 760})
    browser.open_experiment(page, status.mlflow_url, models.experiment_id(), COLUMNS)
    take(page, "mlflow-experiment")
    browser.open_model(page, status.mlflow_url, models.model, stages=True)
    take(page, "mlflow-registry")
    record = next(models.runs(suffix=PROMOTIONS))
    page.set_viewport_size({"width": WIDTH, "height": 520})
    browser.open_artifact(page, status.mlflow_url, record.info.experiment_id, record.info.run_id, "plots/scores.png")
    take(page, "decision")


def take(page: Page, name: str) -> None:
    """Write what the page shows."""
    time.sleep(STILL_SECONDS)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
