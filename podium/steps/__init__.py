"""The steps of a pipeline: the functions that specs name and Airflow calls."""

__all__ = ["deploy", "detect", "promote", "train", "validate"]
