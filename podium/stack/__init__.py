"""The local stack: Airflow, MLflow and PostgreSQL as processes of this machine."""

__all__ = [
    "commands",
    "disk",
    "environment",
    "failures",
    "http_checks",
    "launch",
    "main_process",
    "ports",
    "postgres",
    "postgres_server",
    "private_files",
    "promotion_pool",
    "services",
    "starting",
    "state",
    "supervisor",
    "tracking_uri",
]
