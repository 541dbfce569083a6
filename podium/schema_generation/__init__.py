"""Generators of the JSON Schemas, from scikit-learn, dag-factory and Airflow."""

__all__ = [
    "boosters",
    "config_schema",
    "native_parameters",
    "spec_dags",
    "spec_objects",
    "spec_schema",
    "spec_shapes",
    "spec_steps",
    "spec_tasks",
    "writing",
]
