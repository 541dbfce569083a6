"""Scores of a classifier: metrics, gates, significance tests and plots."""
