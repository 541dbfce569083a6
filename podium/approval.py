"""The old path of :mod:`podium.airflow.approval`, which stored DAGs, triggers, specs and settings may name."""

from podium.airflow.approval import PromotionApproval

__all__ = ["PromotionApproval"]
