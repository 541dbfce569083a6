"""What the ordinary run leaves out, in one line."""

import shutil

import pytest

from scripts import browser


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say in one line what was left out, and why."""
    if not any(map(shutil.which, browser.CHROMIUM)):
        terminalreporter.write_line("skipped: the tests in a browser, since there is no Chromium on PATH")
    if config.option.markexpr == "not slow":
        terminalreporter.write_line("left out: slow tests; make test SLOW=1 runs them too")
