"""Training: which configs to train, fitting one, and recording it in MLflow."""

__all__ = ["entry", "fingerprint", "fit", "job", "plan", "recording"]
