"""Generators of the JSON Schemas, from scikit-learn, dag-factory and Airflow."""
