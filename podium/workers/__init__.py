"""The warm executor, and the coordinator that lets mapped tasks share a process."""

__all__ = ["coordinator", "executor", "killed"]
