"""Data sets: the source of their rows, their digest, their columns, and their split."""

__all__ = [
    "columns",
    "datasets",
    "division",
    "keys",
    "labels",
    "numbers",
    "options",
    "parts",
    "rare",
    "reading",
    "refs",
    "report",
    "row_files",
    "row_store",
    "selection",
    "splits",
    "suspicion",
    "table",
    "text_files",
    "times",
]
