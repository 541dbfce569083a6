"""Mistakes in the specs of dag_specs/, as an Airflow import error of this file; the other specs are not affected."""

from podium.airflow import report_problems

report_problems(__file__)
