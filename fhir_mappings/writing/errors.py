"""Why facts cannot become FHIR: the one error of this package, blaming a fact or an element by its path."""

from __future__ import annotations


class Unwritable(ValueError):
    """A fact that strict R4 has no honest form for. `fact` is its path ("dose.given_mg"); no value is quoted."""

    def __init__(self, fact: str, reason: str) -> None:
        super().__init__(f"{fact} {reason}")
        self.fact = fact
        self.reason = reason
