"""Scores of a classifier: metrics, gates, significance tests and plots."""

__all__ = [
    "formulas",
    "gates",
    "metrics",
    "plots",
    "predictions",
    "requirements",
    "scorers",
    "significance",
]
