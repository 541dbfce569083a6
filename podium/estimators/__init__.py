"""Estimators of Podium's own that a saved model can contain."""

__all__ = ["boosting"]
