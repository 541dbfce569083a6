"""Scores of a classifier: metrics, gates, significance tests and plots."""

__all__ = [
    "gates",
    "metrics",
    "plots",
    "significance",
]
