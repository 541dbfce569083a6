"""The specs in dag_specs/ as Airflow DAGs."""

from podium.airflow import load_dags

globals().update(load_dags(__file__))
