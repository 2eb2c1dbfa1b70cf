"""Code systems and value sets: from codings to the names that the rules use."""
