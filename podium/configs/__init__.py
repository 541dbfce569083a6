"""Classifier configs: what a file may say, its check, the allowed classes, and building an estimator."""
