"""Medicines to ingredients, as far as this version screens by medicine: ketamine and esketamine.

RxNorm ingredients and products verified in US Core, OHDSI and openFDA records. Whole words only: "esketamine"
contains "ketamine".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fhir_mappings.codes.systems import RXNORM
from fhir_mappings.facts.clinical import Code

_BY_RXCUI = {
    "6130": "ketamine",
    "238082": "ketamine",
    "238083": "ketamine",
    "238084": "ketamine",
    "206967": "ketamine",
    "206970": "ketamine",
    "206972": "ketamine",
    "2119365": "esketamine",
}
_BY_WORD = {"ketamine": "ketamine", "ketalar": "ketamine", "esketamine": "esketamine", "spravato": "esketamine"}
# Bounded by letters alone: "ketamine_50mg" names ketamine, "norketamine" does not.
_WORDS = re.compile(r"(?<![a-z])(" + "|".join(sorted(_BY_WORD, key=len, reverse=True)) + r")(?![a-z])", re.IGNORECASE)


def ingredients_of(codes: Iterable[Code], texts: Iterable[str]) -> frozenset[str]:
    """The known ingredients: by code where one is known, else by whole words of the texts."""
    by_code = frozenset(_BY_RXCUI[c.code] for c in codes if c.system == RXNORM and c.code in _BY_RXCUI)
    return by_code or frozenset(_BY_WORD[word.lower()] for text in texts for word in _WORDS.findall(text))
