"""Training: which configs to train, fitting one, and recording it in MLflow."""

__all__ = [
    "cores",
    "entry",
    "fingerprint",
    "fit",
    "fit_warnings",
    "job",
    "metric_check",
    "plan",
    "recording",
]
