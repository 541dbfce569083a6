"""Names in MLflow that follow from the name of a pipeline."""

from __future__ import annotations

#: Suffixes of a pipeline's experiments: its trainings, its decisions about Production, its shadow models, the records
#: of its data.
TRAININGS, PROMOTIONS, SHADOW, DATA = "", "-promotions", "-shadow", "-data"


def registered_model(pipeline: str) -> str:
    """Return the name of a pipeline's registered model."""
    return f"{pipeline}-classifier"


def experiment(pipeline: str, suffix: str = TRAININGS) -> str:
    """Return the name of one of a pipeline's experiments."""
    return f"{pipeline}{suffix}"
