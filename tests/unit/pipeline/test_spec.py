"""Which pipelines the specs of a project name."""

import pytest

from podium.errors import PodiumError
from podium.pipeline.spec import find_outline, find_pipeline

STEP = "    - {{task_id: {id}, python_callable: podium.steps.{step}, pipeline: {name}{more}}}\n"


def write(project, dag_id, name, *, trains=True, more=", dataset: iris"):
    lines = f"{dag_id}:\n  tasks:\n"
    if trains:
        lines += STEP.format(id="detect", step="detect.detect_configs", name=name, more=more)
    lines += STEP.format(id="promote", step="promote.promote_best", name=name, more=more)
    (project.dag_specs / f"{dag_id}.yaml").write_text(lines)


def test_two_dags_of_one_pipeline_are_the_only_pipeline(project):
    write(project, "a_host", "iris", trains=False)
    write(project, "b_train", "iris")
    for name in (None, "iris", "b_train"):
        assert find_outline(project, name).dag_id == "b_train"
        assert find_pipeline(project, name).dag_id == "b_train"
    assert find_outline(project, "a_host").dag_id == "a_host"


def test_without_a_name_several_pipelines_are_listed_in_one_line(project):
    write(project, "iris_train", "iris")
    write(project, "churn_train", "churn")
    with pytest.raises(PodiumError, match=r"^dag_specs has several pipelines, name one: churn, iris$"):
        find_outline(project, None)


def test_without_a_spec_the_command_that_writes_one_is_named(project):
    with pytest.raises(PodiumError, match="podium new pipeline NAME"):
        find_outline(project, None)


def test_the_data_set_may_be_missing_when_only_the_models_are_needed(project):
    write(project, "churn_train", "churn", more=", dataset: {path: data/churn.csv, target: y}, metric: roc_auc")
    outline = find_outline(project, "churn")
    assert (outline.pipeline, outline.rule.metric, outline.trains) == ("churn", "roc_auc", True)
    with pytest.raises(PodiumError, match=r"data/churn\.csv: no such file"):
        find_pipeline(project, "churn")


def test_a_broken_spec_does_not_hide_the_others(project):
    write(project, "iris_train", "iris")
    (project.dag_specs / "a.yaml").write_text("a:\n  tasks: [\n")
    (project.dag_specs / "b.yaml").write_text("b: 3\nc:\n  tasks: [1, {partial: x}]\n")
    assert find_outline(project, None).pipeline == "iris"


def test_an_unknown_name_is_answered_with_a_suggestion(project):
    write(project, "iris_train", "iris")
    assert find_outline(project, "wine") is None
    with pytest.raises(PodiumError, match="did you mean 'iris_train'"):
        find_pipeline(project, "iris_trian")
