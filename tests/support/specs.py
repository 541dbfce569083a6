"""Specs of the fixtures and of this checkout, and how tests write and check one of their own."""

import json
from pathlib import Path

from podium.project import Project
from podium.specs.checks.project import problems_of

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "specs"
VALID = sorted((FIXTURES / "valid").glob("*.yaml"))
BAD = sorted(path for path in FIXTURES.rglob("*.yaml") if path.parent.name != "valid")
SHIPPED = Project(ROOT, ROOT / ".podium")
EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
GOOD = f"good:\n  tasks:\n    a: {{operator: {EMPTY}}}\n"


def write(project, text, name="a.yaml"):
    """Write a spec of a project."""
    path = project.dag_specs / name
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def messages(project, text, name="a.yaml"):
    """Write a spec and return the messages about it."""
    return [str(problem) for problem in problems_of([write(project, text, name)], project)]
