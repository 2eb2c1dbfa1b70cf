"""The ledger of controlled substances: vials, rows, and what a dose posts to it."""
