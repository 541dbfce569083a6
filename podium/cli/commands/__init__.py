"""The commands, a module for each group of them."""

__all__ = ["files", "running", "serving", "stack", "versions"]
