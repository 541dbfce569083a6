"""Mapped tasks that do nothing, so that what remains is what a task costs."""

import os


def numbers() -> list[int]:
    """Return as many numbers as there are to be tasks."""
    return list(range(int(os.environ["BENCH_TASKS"])))


def nothing(number: int) -> int:
    """Return what was given."""
    return number


def count(done: list[int]) -> int:
    """Return how many came back."""
    return len(done)
