"""The local stack: Airflow, MLflow and PostgreSQL as processes of this machine."""
