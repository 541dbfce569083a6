"""MLflow: runs, model versions, the one in Production, and model files."""

__all__ = ["artifacts", "client", "model_files", "names", "provenance", "tag_names", "trusted_types", "versions"]
