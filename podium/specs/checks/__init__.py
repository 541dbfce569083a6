"""The checks of specs and configs: every mistake with its line and column, before anything runs."""
