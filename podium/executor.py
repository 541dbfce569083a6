"""The old path of :mod:`podium.workers.executor`, which stored DAGs, triggers, specs and settings may name."""

from podium.workers.executor import WarmExecutor

__all__ = ["WarmExecutor"]
