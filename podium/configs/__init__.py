"""Classifier configs: the format of their files, the check, the allowed classes, and building estimators."""

__all__ = [
    "building",
    "catalogue",
    "check",
    "config",
    "constraints",
    "files",
    "grid",
    "labels",
    "own_code",
    "parameters",
    "remedies",
    "vocabulary",
]
