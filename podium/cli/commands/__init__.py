"""The commands, a module for each group of them."""

__all__ = ["data", "files", "running", "serving", "stack", "versions"]
