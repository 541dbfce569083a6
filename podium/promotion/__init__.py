"""Promotion: which version is in Production, why, and how to go back."""

__all__ = [
    "by_hand",
    "card",
    "comparison",
    "decisions",
    "history",
    "leaderboard",
    "log_lines",
    "records",
    "report",
    "review",
    "rules",
    "stand_in",
    "validation",
]
