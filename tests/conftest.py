"""Which tests share a worker, so that what they share is set up once."""

import shutil

import pytest

from scripts import browser

#: Longest first, so that no worker is left with them at the end.
LONGEST = ("stack", "e2e/test_run.py", "e2e/test_stack.py", "e2e/test_upgrade.py", "e2e/test_hosting.py")


def group(item: pytest.Item) -> str:
    """Return the group of a test: those on the shared stack are one, the others of a file one each."""
    path = item.path.relative_to(item.config.rootpath / "tests").as_posix()
    return "stack" if path.startswith("e2e/") and "checkout" in item.fixturenames else path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    groups = {item: group(item) for item in items}
    items.sort(key=lambda item: LONGEST.index(groups[item]) if groups[item] in LONGEST else len(LONGEST))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item]))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say in one line what the ordinary run leaves out."""
    if not any(map(shutil.which, browser.CHROMIUM)):
        terminalreporter.write_line("skipped: the tests in a browser, since there is no Chromium on PATH")
    if config.option.markexpr == "not slow":
        terminalreporter.write_line("left out: slow tests; make test SLOW=1 runs them too")
