"""What a person sees: Airflow's and MLflow's own pages in a real browser."""

from urllib.parse import quote

import pytest

from scripts import browser


@pytest.fixture
def airflow(trained_stack):
    return trained_stack.status["airflow"]["url"]


def test_the_grid_names_each_mapped_task_after_its_config(trained_stack, page, airflow):
    run_id = trained_stack.first_run["dag_run_id"]
    names = browser.open_grid(page, airflow, "iris_train", run_id, "train")
    configs = {version.tags["podium.config"] for version in trained_stack.versions()}
    assert {"svm_rbf", "lda", "voting", "extra_trees-max_depth=6"} <= set(names)
    assert set(names) <= configs
    assert page.get_by_text(f"train [{len(names)}]").first.is_visible()


def test_the_graph_shows_the_steps_and_how_many_tasks_training_became(trained_stack, page, airflow):
    tasks = browser.open_graph(page, airflow, "iris_train", trained_stack.first_run["dag_run_id"])
    assert [text.split("\n")[0].split(" [")[0] for text in tasks] == ["detect", "train", "all_trained", "promote"]
    assert all(text.endswith("success") for text in tasks)


def test_the_docs_of_a_dag_show_its_yaml_as_written(page, airflow):
    page.goto(f"{airflow}/dags/iris_train")
    page.get_by_test_id("markdown-button").click()
    comment = page.get_by_text("# one mapped task per config")
    comment.first.wait_for()


def test_a_mapped_task_leads_to_its_run_in_mlflow(trained_stack, page, airflow):
    run_id = trained_stack.first_run["dag_run_id"]
    name = next(t.name for t in trained_stack.airflow.tasks("iris_train", run_id) if t.map_index == 0)
    page.goto(f"{airflow}/dags/iris_train/runs/{quote(run_id)}/tasks/train/mapped/0/details")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="MLflow", exact=True).click()
    opened.value.get_by_role("heading", name=name, exact=True).wait_for()
    assert opened.value.url.startswith(trained_stack.status["mlflow"]["url"])
    opened.value.close()


def test_the_model_page_shows_which_version_is_production(trained_stack, page):
    (champion,) = trained_stack.production()
    rows = browser.open_model(page, trained_stack.status["mlflow"]["url"], "iris-classifier", stages=True)
    staged = [row for row in rows if "Production" in row]
    assert len(staged) == 1
    assert staged[0].startswith(f"Version {champion.version}\n")
    assert champion.tags["podium.config"] in staged[0]


def test_the_new_model_page_shows_its_alias(trained_stack, page):
    (champion,) = trained_stack.production()
    rows = browser.open_model(page, trained_stack.status["mlflow"]["url"], "iris-classifier", stages=False)
    (aliased,) = (row for row in rows if "@ production" in row)
    assert aliased.startswith(f"Version {champion.version}\n")
