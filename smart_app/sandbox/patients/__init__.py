"""Synthetic patients, each hand-written to show one thing; their dates hang on a `today` that is passed in."""
