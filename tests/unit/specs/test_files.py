"""The spec files of a project."""

from podium.specs import files


def test_the_local_stack_serves_the_pipeline_that_deploys_to_it(project):
    deploy = "{{task_id: deploy, python_callable: tasks.deploy.deploy_model, pipeline: p, endpoints: [{}]}}"
    assert files.served(project) is None
    (project.dag_specs / "a.yaml").write_text("broken: [\n# tasks.deploy.deploy_model\n")
    (project.dag_specs / "b.yaml").write_text(f"elsewhere:\n  tasks:\n    - {deploy.format('http://127.0.0.1:9')}\n")
    (project.dag_specs / "c.yaml").write_text(f"here:\n  tasks:\n    deploy: {deploy.format('local')}\n")
    assert files.served(project) == "here"
