"""DAG specs: finding them, checking them, and building Airflow DAGs from them."""
