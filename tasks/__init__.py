"""The steps that Airflow calls, one thin module each."""
