"""The command line."""

__all__ = ["commands", "context", "main", "project_files", "starters"]
