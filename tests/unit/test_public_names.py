"""What is public is documented, and each sub-package lists what it has."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import podium
import podium.airflow
import podium.steps

ROOT = Path(__file__).parents[2]
PACKAGES = [module.name for module in pkgutil.walk_packages(podium.__path__, "podium.") if module.ispkg]


def documented():
    public = (ROOT / "docs" / "api.md").read_text().partition("## Former paths")[0]
    return set(re.findall(r"^\| `(podium\.[\w.]+)` \|", public, re.MULTILINE))


def steps():
    for name in podium.steps.__all__:
        module = importlib.import_module(f"podium.steps.{name}")
        for function, found in inspect.getmembers(module, inspect.isfunction):
            if found.__module__ == module.__name__ and not function.startswith("_"):
                yield f"{module.__name__}.{function}"


def test_the_documented_names_are_the_public_ones():
    assert documented() == {*steps(), *(f"podium.airflow.{name}" for name in podium.airflow.__all__)}


@pytest.mark.parametrize("name", sorted(documented()))
def test_each_documented_name_has_a_docstring(name):
    module, _, attribute = name.rpartition(".")
    assert inspect.getdoc(getattr(importlib.import_module(module), attribute))


def test_each_former_path_is_the_object_of_today():
    former = (ROOT / "docs" / "api.md").read_text().partition("## Former paths")[2]
    paths = re.findall(r"^\| `(podium\.[\w.]+)` \| `(podium\.[\w.]+)` \|", former, re.MULTILINE)
    assert len(paths) >= 6
    for pair in paths:
        old, new = (getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2]) for path in pair)
        assert old is new


@pytest.mark.parametrize("name", PACKAGES)
def test_each_sub_package_says_in_a_sentence_what_it_is_for_and_lists_its_modules(name):
    package = importlib.import_module(name)
    assert (package.__doc__ or "").split("\n\n")[0].endswith(".")
    if name not in {"podium.airflow", "podium.schemas"}:  # which list names of their own
        assert sorted(package.__all__) == sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def test_contributing_lists_each_sub_package():
    listed = re.findall(
        r"`(\w+)`",
        " ".join(re.findall(r"^\| (`\w+`(?: · `\w+`)*) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)),
    )
    top = {module.name for module in pkgutil.iter_modules(podium.__path__)}
    former = {"approval", "callbacks", "coordinator", "executor", "watch", "__main__"}
    assert top - former <= set(listed)
