"""MLflow: runs, model versions, the one in Production, and model files."""

__all__ = [
    "artifacts",
    "client",
    "data_records",
    "fitted_parts",
    "model_description",
    "model_files",
    "names",
    "production",
    "provenance",
    "schema_rows",
    "skops_file",
    "tag_names",
    "trusted_types",
    "versions",
]
