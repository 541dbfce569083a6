"""DAG specs: finding them, checking them, and building Airflow DAGs from them."""

__all__ = ["arguments", "checks", "dags", "files", "notifications", "trial", "trial_process", "vocabulary"]
