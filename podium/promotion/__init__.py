"""Promotion: which version is in Production, why, and how to go back."""

__all__ = [
    "card",
    "comparison",
    "decisions",
    "history",
    "leaderboard",
    "records",
    "report",
    "review",
    "rules",
    "stand_in",
    "validation",
]
