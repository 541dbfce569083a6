"""Podium's names for Airflow: functions for DAG files, and the trigger, operator and callback for specs.

Names are imported when they are first used, because a DAG file must be parsed fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium.airflow.approval import PromotionApproval
    from podium.airflow.callbacks import show_error
    from podium.airflow.dag_files import load_dags, report_problems
    from podium.airflow.processes import keep_process
    from podium.airflow.trigger import ConfigFolderTrigger

__all__ = ["ConfigFolderTrigger", "PromotionApproval", "keep_process", "load_dags", "report_problems", "show_error"]

_MODULES = {
    "ConfigFolderTrigger": "trigger",
    "PromotionApproval": "approval",
    "keep_process": "processes",
    "load_dags": "dag_files",
    "report_problems": "dag_files",
    "show_error": "callbacks",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
