"""Scores: entered, taken back, judged against the goals of a course."""
