"""The old path of :mod:`podium.workers.executor`, which stored DAGs, triggers and specs still name."""

from podium.workers.executor import WarmExecutor

__all__ = ["WarmExecutor"]
