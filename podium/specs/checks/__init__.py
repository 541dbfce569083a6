"""The checks of specs and configs: mistakes with line and column, found before anything runs."""

__all__ = [
    "calls",
    "classes",
    "cycles",
    "data",
    "dates",
    "decorators",
    "functions",
    "graph",
    "objects",
    "operators",
    "problems",
    "project",
    "schedules",
    "spec",
    "task",
    "task_arguments",
    "tasks",
    "values",
]
