"""Python source, read without importing it: definitions by import path, and their signatures."""

__all__ = ["docstrings", "finder", "signatures"]
