"""Promotion: which version is in Production, why, and how to go back."""

__all__ = ["card", "decisions", "history", "leaderboard", "records", "report", "review", "rules", "validation"]
