"""Measurements against a floor and a peer in the same run. No test asserts a time."""
