"""Promotion: which version is in Production, why, and how to go back."""
