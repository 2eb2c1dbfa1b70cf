"""The clinic's facts: frozen dataclasses that need nothing but the standard library."""
