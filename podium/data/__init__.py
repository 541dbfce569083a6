"""Data sets: the source of their rows, their digest, and their split."""

__all__ = ["datasets", "splits"]
