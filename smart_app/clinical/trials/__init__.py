"""Trials of antidepressants: which medicine, on which days, at which dose, how each ended, and what it amounts to."""
