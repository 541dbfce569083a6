"""Modules and a project for specs to check."""

import pytest

from podium.project import Project
from tests.support.specs import FIXTURES


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """Modules of a user, where Airflow would find them."""
    monkeypatch.syspath_prepend(FIXTURES / "modules")
    monkeypatch.setenv("SPEC_MODULES", str(FIXTURES / "modules"))
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project."""
    (tmp_path / "dag_specs").mkdir()
    monkeypatch.delenv("PODIUM_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, tmp_path / ".podium")
