"""What is wrong with the specs in dag_specs/, as an Airflow import error.

Airflow takes every DAG of a file that has an import error out of service. The error is therefore this file's, which has
no DAG, and the specs that are right go on in factory.py.
"""

from pathlib import Path

from podium.problems import InvalidFileError
from podium.project import find_project
from podium.specs import spec_problems

if found := spec_problems(find_project(Path(__file__).parent)):
    raise InvalidFileError(found)
