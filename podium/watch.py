"""The old path of :mod:`podium.airflow.trigger`, which stored DAGs, triggers, specs and settings may name."""

from podium.airflow.trigger import ConfigFolderTrigger

__all__ = ["ConfigFolderTrigger"]
