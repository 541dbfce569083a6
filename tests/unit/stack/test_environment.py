"""The environment of the services, and how the caller's overrides it."""

import pytest

from podium.stack.environment import service_environment
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
