"""The inference server: serves the version in Production and follows it when it changes."""
