"""Training: which configs to train, fitting one, and recording it in MLflow."""
