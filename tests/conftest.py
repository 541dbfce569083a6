"""Which tests run together in one worker, in what order, and what a run leaves out."""

from __future__ import annotations

from collections import Counter

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED_STACK = "tests/e2e/shared_stack"
# The groups that take longest start first, so that none of them is left alone at the end.
LONGEST = (SHARED_STACK, "tests/e2e")
SLOW = pytest.StashKey[int]()


def group_of(nodeid: str) -> str:
    """Return what one worker runs as a whole: a file, whose tests may share a server, or all that share the stack."""
    file = nodeid.partition("::")[0]
    return SHARED_STACK if file.startswith(f"{SHARED_STACK}/") else file


class GroupScheduling(LoadScopeScheduling):
    """Hands out the groups in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> GroupScheduling:
    config.option.loadscopereorder = False  # it would order them by their number of tests
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        group = group_of(item.nodeid)
        return next((number for number, start in enumerate(LONGEST) if group.startswith(start)), len(LONGEST))

    items.sort(key=rank)


def pytest_deselected(items: list[pytest.Item]) -> None:
    config = items[0].config
    slow = sum(item.get_closest_marker("slow") is not None for item in items)
    if hasattr(config, "workeroutput"):
        config.workeroutput["slow"] = slow  # what a worker of xdist sends at its end
    else:
        config.stash[SLOW] = slow


def pytest_testnodedown(node) -> None:
    node.config.stash[SLOW] = getattr(node, "workeroutput", {}).get("slow", 0)


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say in one line what was not run, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if slow := config.stash.get(SLOW, 0):
        reasons["slow: make test SLOW=1 runs them"] = slow
    if reasons:
        terminalreporter.write_line("not run: " + "; ".join(f"{n} tests ({why})" for why, n in reasons.most_common()))
