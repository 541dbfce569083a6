"""MLflow: runs, model versions, the one in Production, and model files."""

__all__ = [
    "artifacts",
    "client",
    "data_records",
    "model_files",
    "names",
    "production",
    "provenance",
    "schema_rows",
    "tag_names",
    "trusted_types",
    "versions",
]
