"""The old path of :mod:`podium.airflow.approval`, which stored DAGs, triggers and specs still name."""

from podium.airflow.approval import PromotionApproval

__all__ = ["PromotionApproval"]
