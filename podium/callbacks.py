"""The old path of :mod:`podium.airflow.callbacks`, which stored DAGs, triggers, specs and settings may name."""

from podium.airflow.callbacks import show_error

__all__ = ["show_error"]
