"""A pipeline as commands need it: its spec in short, and running it once."""

__all__ = ["airflow_api", "run", "spec"]
