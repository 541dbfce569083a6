"""Training: which configs to train, fitting one, and recording it in MLflow."""

__all__ = [
    "cores",
    "entry",
    "fingerprint",
    "fit",
    "job",
    "plan",
    "recording",
]
