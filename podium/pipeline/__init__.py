"""A pipeline as commands need it: its spec in short, and running it once."""
