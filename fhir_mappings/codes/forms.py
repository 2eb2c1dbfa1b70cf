"""In which form a medicine is given, by the words of its product, its form and its route, and by SNOMED CT routes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fhir_mappings.codes.systems import SNOMED
from fhir_mappings.facts.clinical import Code

# Clinical content, 3.2: routes verified in public value sets.
_ROUTES = {
    "47625008": "injection",
    "78421000": "injection",
    "46713006": "nasal",
    "37839007": "sublingual",
    "26643006": "oral",
}
# The first that stands in a text decides: a "Sublingual Tablet" is no oral one.
_WORDS = (
    ("transdermal", r"transdermal|patch(?:es)?"),
    ("topical", r"topical|cream|ointment|lotion"),
    ("sublingual", r"sublingual(?:ly)?|buccal|troches?|under the tongue|sl"),
    ("nasal", r"(?:intra)?nasal|nostrils?"),
    ("ophthalmic", r"ophthalmic|eye"),
    ("rectal", r"rectal|suppositor(?:y|ies)"),
    ("inhalation", r"inhal(?:ation|ant|er|ed)"),
    (
        "injection",
        r"inject(?:ion|able|ed)|intravenous|intramuscular|subcutaneous|prefilled syringe|cartridge|vial|iv|im",
    ),
    ("oral", r"oral(?:ly)?|tablets?|capsules?|by mouth|po|chewable"),
)
_FORM = re.compile("|".join(rf"(?P<{form}>\b(?:{words})\b)" for form, words in _WORDS), re.IGNORECASE)
_LONGEST = 300  # characters; no product is named at such length
_RANK = {form: rank for rank, (form, _) in enumerate(_WORDS)}


def form_of(codes: Iterable[Code], texts: Iterable[str]) -> str:
    """ "oral", "transdermal", "topical", "sublingual", "nasal", "injection", ...; "" where nothing says it."""
    for code in codes:
        if code.system == SNOMED and code.code in _ROUTES:
            return _ROUTES[code.code]
    named = [match.lastgroup or "" for text in texts for match in _FORM.finditer(text[:_LONGEST])]
    return min(named, key=_RANK.__getitem__, default="")
