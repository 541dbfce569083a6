"""The checks of specs and configs: mistakes with line and column, found before anything runs."""
