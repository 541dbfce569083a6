"""The old path of :mod:`podium.airflow.trigger`, which stored DAGs, triggers and specs still name."""

from podium.airflow.trigger import ConfigFolderTrigger

__all__ = ["ConfigFolderTrigger"]
