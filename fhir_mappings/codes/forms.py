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
# The first of these that stands in a text decides: a "Sublingual Tablet" is no oral one.
_WORDS = {
    "transdermal": "transdermal patch patches",
    "topical": "topical topically cream ointment lotion",
    "sublingual": "sublingual sublingually buccal troche troches tongue sl",
    "nasal": "nasal intranasal intranasally nostril nostrils",
    "ophthalmic": "ophthalmic eye eyes",
    "rectal": "rectal rectally suppository suppositories",
    "inhalation": "inhalation inhalant inhaler inhaled",
    "injection": "injection injectable injected intravenous intravenously intramuscular intramuscularly subcutaneous"
    " subcutaneously syringe cartridge vial iv im",
    "oral": "oral orally tablet tablets capsule capsules mouth po chewable",
}
_RANK = {form: rank for rank, form in enumerate(_WORDS)}
_FORM = {word: form for form, words in _WORDS.items() for word in words.split()}
_WORD = re.compile(r"[a-z]+")
_LONGEST = 300  # characters; no product is named at such length


def form_of(codes: Iterable[Code], texts: Iterable[str]) -> str:
    """ "oral", "transdermal", "topical", "sublingual", "nasal", "injection", ...; "" where nothing says it."""
    for code in codes:
        if code.system == SNOMED and code.code in _ROUTES:
            return _ROUTES[code.code]
    named = {_FORM[word] for text in texts for word in _WORD.findall(text[:_LONGEST].lower()) if word in _FORM}
    return min(named, key=_RANK.__getitem__, default="")
