"""The callback for failed tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from airflow.sdk import Context


log = structlog.get_logger("task")


def show_error(context: Context) -> None:
    """Make the error the last line of a failed task's log.

    Airflow logs the traceback first and then opens a group of lines that its page shows folded: this closes the group.
    """
    log.info("::endgroup::")
    log.error(str(context["exception"]))
