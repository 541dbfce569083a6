"""The environment of the services, and how the caller's overrides it."""

import pytest

from podium.settings import Settings
from podium.stack.environment import THREADS, service_environment
from podium.stack.ports import Ports


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_requests_to_the_stack_itself_use_no_proxy(project, monkeypatch, name):
    for each in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "intern.example")
    found = service_environment(project, Ports())
    assert found["NO_PROXY"] == found["no_proxy"] == "127.0.0.1,localhost,intern.example"


def test_the_callers_settings_override_the_stacks(project, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "16")
    assert service_environment(project, Ports())["AIRFLOW__CORE__PARALLELISM"] == "16"


def test_large_trainings_share_the_cores_unless_the_caller_sets_the_threads(project, monkeypatch):
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    shared = service_environment(project, Ports())
    assert (shared["OMP_NUM_THREADS"], Settings.from_environment(shared).share_cores) == ("1", True)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    given = service_environment(project, Ports())
    assert (given["OMP_NUM_THREADS"], Settings.from_environment(given).share_cores) == ("3", False)
