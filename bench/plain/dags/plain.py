"""Every YAML file in dag_specs/ becomes a DAG, as dag-factory's docs show."""

from pathlib import Path

from airflow.sdk import DAG  # noqa: F401 - Airflow reads a file only if it names airflow and dag
from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parents[1] / "dag_specs"))
