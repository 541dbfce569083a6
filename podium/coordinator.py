"""The old path of :mod:`podium.airflow.processes` and :mod:`podium.workers.coordinator`, which settings may name."""

from podium.airflow.processes import keep_process
from podium.workers.coordinator import KeepingCoordinator

__all__ = ["KeepingCoordinator", "keep_process"]
