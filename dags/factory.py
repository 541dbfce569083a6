"""Every YAML spec in dag_specs/ becomes an Airflow DAG here, through dag-factory."""

from pathlib import Path

from airflow.sdk import get_parsing_context

from podium.project import find_project
from podium.specs import load_dags

globals().update(load_dags(find_project(Path(__file__).parent), get_parsing_context().dag_id))
