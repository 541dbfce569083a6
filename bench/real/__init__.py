"""Real data sets: Podium's fit against the same estimator in skrub's ``tabular_pipeline``."""
