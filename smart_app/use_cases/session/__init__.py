"""A session while it runs: its steps, its entries, its end."""
