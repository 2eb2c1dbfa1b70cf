"""The clinical rules: pure functions over the clinic's facts."""
