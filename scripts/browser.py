"""A real browser that reads Airflow's and MLflow's pages, for the screenshots and the end-to-end tests."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from podium.errors import PodiumError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playwright.sync_api import Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# It talks to loopback alone, also when it runs as root in a container.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser(width: int = 1280, height: int = 720) -> Iterator[Page]:
    """Open a page in headless Chromium.

    Raises
    ------
    PodiumError
        If no Chromium is installed.
    """
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        raise PodiumError("no Chromium: apt-get install chromium, or put one on PATH")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme="light")
        try:
            yield context.new_page()
        finally:
            chromium.close()


def log_in(page: Page, airflow: str, user: str | None, password: str | None) -> None:
    """Log in to Airflow through its form."""
    page.goto(airflow)
    page.fill("input[name=username]", user or "")
    page.fill("input[name=password]", password or "")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/auth/" not in url)


def open_grid(page: Page, airflow: str, dag_id: str, run_id: str, task_id: str) -> list[str]:
    """Open Airflow's grid at the mapped tasks of a run.

    Returns
    -------
    list of str
        Their names, as the page shows them.
    """
    page.goto(f"{airflow}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}/mapped")
    names = page.locator(f"table tr td:nth-child(2) a[href*='/tasks/{task_id}/mapped/']")
    names.first.wait_for()
    return names.all_inner_texts()


def open_graph(page: Page, airflow: str, dag_id: str, run_id: str) -> list[str]:
    """Open Airflow's graph of a run.

    Returns
    -------
    list of str
        The text of every task.
    """
    page.goto(f"{airflow}/dags/{dag_id}/runs/{quote(run_id)}")
    page.get_by_role("button", name="Show Graph").click()
    tasks = page.locator(".react-flow__node")
    tasks.first.wait_for()
    return tasks.all_inner_texts()


def open_mlflow(page: Page, mlflow: str, settings: Mapping[str, Any] | None = None) -> None:
    """Open MLflow with its pages for training, without the panel that talks to a language model.

    Parameters
    ----------
    settings : mapping
        What else the browser's local storage holds, by key.
    """
    chosen = {"mlflow.workflowType_v1": "machine_learning", "mlflow.assistant.panelOpen_v1": False, **(settings or {})}
    stored = {key: json.dumps(value) for key, value in chosen.items()}
    stored["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1"] = "true"
    page.goto(f"{mlflow}/#/models")
    page.evaluate("values => Object.entries(values).forEach(([k, v]) => localStorage.setItem(k, v))", stored)
    page.reload()


def open_experiment(page: Page, mlflow: str, experiment_id: str, columns: Sequence[str]) -> None:
    """Open MLflow's runs of an experiment, sorted by the first column, least first.

    Parameters
    ----------
    columns : sequence of str
        What is shown of each run, as ``metrics.`test_accuracy```.
    """
    key = f'MLflowLocalStorage-1.1-ExperimentPage-["{experiment_id}"]-ReactComponentState'
    open_mlflow(page, mlflow, {key: {"selectedColumns": columns, "orderByKey": columns[0], "orderByAsc": True}})
    page.goto(f"{mlflow}/#/experiments/{experiment_id}/runs")
    page.get_by_text("matching runs").wait_for()


def open_model(page: Page, mlflow: str, model: str, *, stages: bool) -> list[str]:
    """Open MLflow's page of a registered model, with stages, or with aliases as the new registry UI shows it.

    Returns
    -------
    list of str
        The text of every version, newest first.
    """
    open_mlflow(page, mlflow, {"_mlflow_user_setting_dismiss_next_model_registry_ui": stages})
    page.goto(f"{mlflow}/#/models/{model}")
    rows = page.get_by_role("row").filter(has=page.get_by_role("link", name="Version"))
    rows.first.wait_for()
    return [text.replace("\xa0", " ") for text in rows.all_inner_texts()]


def open_approval(page: Page, airflow: str, dag_id: str, run_id: str, task_id: str) -> str:
    """Open what a task asks a person in Airflow.

    Returns
    -------
    str
        The evidence, as the page shows it.
    """
    page.goto(f"{airflow}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}/required_actions")
    page.get_by_role("button", name="Approve", exact=True).wait_for()
    return page.locator("main, #root").first.inner_text()


def open_artifact(page: Page, mlflow: str, experiment_id: str, run_id: str, path: str) -> None:
    """Open a picture that a run of MLflow keeps."""
    open_mlflow(page, mlflow)
    page.goto(f"{mlflow}/#/experiments/{experiment_id}/runs/{run_id}/artifacts/{path}")
    page.get_by_role("img").last.wait_for()
