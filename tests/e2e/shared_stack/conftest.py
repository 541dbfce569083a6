"""The stack that the end-to-end tests share, in a copy of the project."""

from __future__ import annotations

import os
import shutil

import pytest

from scripts import browser
from tests.support.checkout import Checkout, copy_project, up


@pytest.fixture(scope="package")
def checkout(tmp_path_factory) -> Checkout:
    return copy_project(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="package")
def stack(checkout: Checkout):
    """``podium up`` in the copy."""
    with up(checkout):
        yield checkout


@pytest.fixture(scope="package")
def trained_stack(stack: Checkout) -> Checkout:
    """The stack after the run that the shipped configs start by themselves."""
    stack.first_run = stack.finished_run("iris_train", after=0)
    return stack


@pytest.fixture(scope="module")
def page(trained_stack):
    """A browser that is logged in to Airflow; while it is open, nothing else can use asyncio in this thread."""
    if not ("CI" in os.environ or any(map(shutil.which, browser.CHROMIUM))):
        pytest.skip("needs Chromium, a package of Debian's")
    login = trained_stack.status["airflow"]
    with browser.browser() as page:
        browser.log_in(page, login["url"], login["user"], login["password"])
        yield page
