"""MLflow: runs, model versions, the one in Production, and model files."""
