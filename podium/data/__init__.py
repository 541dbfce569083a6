"""Data sets: the source of their rows, their digest, their columns, and their split."""

__all__ = ["columns", "datasets", "options", "refs", "report", "splits", "table"]
