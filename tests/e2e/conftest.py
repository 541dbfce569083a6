"""The stack that the end-to-end tests share, in a copy of the project."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

import pytest

from scripts import browser
from tests.support.checkout import PODIUM, TIMEOUT, Checkout, copy_project


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Checkout:
    return copy_project(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def stack(checkout: Checkout):
    """``podium up`` in the copy."""
    command = subprocess.Popen(
        [PODIUM, "up"], cwd=checkout.root, env=checkout.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        printed = []
        for line in command.stdout:
            printed.append(line)
            if "Ctrl-C" in line:
                break
        else:
            pytest.fail("".join(printed))
        checkout.status = json.loads(checkout.podium("status", "--json").stdout)
        yield checkout
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=TIMEOUT)


@pytest.fixture(scope="session")
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
