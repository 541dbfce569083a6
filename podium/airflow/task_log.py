"""Lines for the log of a task."""

from __future__ import annotations

import structlog
from airflow.sdk import get_current_context

_log = structlog.get_logger("task")


def say(text: str) -> None:
    """Write text to the log of the current task, a line each; outside a task, to standard output.

    What a task prints reaches Airflow on another channel than its log, and arrives between or after the lines of later
    steps.
    """
    try:
        get_current_context()
    except RuntimeError:
        print(text)  # noqa: T201
        return
    for line in text.splitlines():
        _log.info(line)
