"""Podium: drop a classifier config into a folder, and the best model is in Production."""

__version__ = "0.1.0"
