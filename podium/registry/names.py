"""Names in MLflow that follow from the name of a pipeline."""

from __future__ import annotations


def registered_model(pipeline: str) -> str:
    """Return the name of a pipeline's registered model."""
    return f"{pipeline}-classifier"
