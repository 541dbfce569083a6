"""Training: which configs to train, fitting one, and recording it in MLflow."""

__all__ = [
    "column_params",
    "cores",
    "entry",
    "fingerprint",
    "fit",
    "fit_warnings",
    "job",
    "metric_check",
    "needs",
    "own_steps",
    "plan",
    "preprocessing",
    "recording",
]
