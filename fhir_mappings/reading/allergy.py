"""AllergyIntolerance to Allergy. FHIR R4; refuted and erroneous entries are listed, not used."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fhir_mappings.codes.concepts import LONGEST_TEXT, read_concept, texts_of
from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.codes.systems import SNOMED
from fhir_mappings.facts.clinical import Allergy, Area
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes

# SNOMED CT: no known allergy, no known drug allergy.
_NONE_KNOWN = frozenset({"716186003", "409137002"})
_VERIFICATION = frozenset({"unconfirmed", "confirmed", "refuted", "entered-in-error"})
_ANAPHYLAXIS = frozenset({"39579001"})
# SNOMED CT: nausea, vomiting, both.
_NAUSEA = frozenset({"422587007", "422400008", "16932000"})
_ONLY_NAUSEA = re.compile(
    r"(?:nausea|vomiting|emesis)(?:(?:/| and | or |, | & )(?:nausea|vomiting|emesis))*", re.IGNORECASE
)
_DENIED = re.compile(
    r"\bnot allergic\b|\b(?:no|not an?|denies|denied|without)(?: (?:an?|any|known|history of|hx of))*(?: \w+)?"
    r" (?:allerg(?:y|ies)|reactions?|intoleran(?:ce|t)|sensitivity)\b",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"\b(?:but|except\w*|other|further|more|apart|besides|however|only|anaphyla\w*)\b|[.;]\s*\w", re.IGNORECASE
)


def read_allergy(resource: Json, notes: Notes, table: MedicineTable) -> Allergy | None:
    """One allergy; None for an entry that is not used or says nothing (which leaves a Gap)."""
    reactions = elements.objects(resource.get("reaction"))
    substances = [reaction.get("substance") for reaction in reactions if reaction.get("substance")]
    concepts = [read_concept(concept) for concept in (resource.get("code"), *substances)]
    label = concepts[0].label or next((substance.label for substance in concepts[1:]), "")
    verification = elements.code_values(resource.get("verificationStatus"))
    for status, rule in (("entered-in-error", "DATA-EIE"), ("refuted", "DATA-REFUTED")):
        if verification & _VERIFICATION == {status}:
            notes.ignore(resource, label or "an allergy", status.replace("-", " "), rule)
            return None
    if not label:
        notes.gap(Area.ALLERGY, resource, "the entry does not say what the allergy is to")
        return None
    codes = [found for concept in concepts for found in concept.codes]
    texts = [text for concept in concepts for text in concept.texts]
    ingredients = table.resolve(codes, texts).ingredients
    none_known = any(found.system == SNOMED and found.code in _NONE_KNOWN for found in codes)
    if any(concept.damaged for concept in concepts):
        notes.gap(Area.ALLERGY, resource, "a part of the code could not be read")
    elif any(reaction.get("modifierExtension") for reaction in reactions):
        notes.gap(Area.ALLERGY, resource, "a reaction carries a modifier the app does not know")
    elif not texts and not ingredients and not none_known:
        notes.gap(Area.ALLERGY, resource, "the code is not one the app knows, and there are no words")
    return Allergy(
        reference=elements.reference_of(resource),
        label=label,
        ingredients=ingredients,
        type=elements.text(resource.get("type")),
        high_criticality=resource.get("criticality") == "high",
        unconfirmed="unconfirmed" in verification,
        severe=any(_severe(reaction) for reaction in reactions),
        only_nausea=resource.get("criticality") == "low" and bool(reactions) and all(map(_nausea, reactions)),
        denied=not table.resolve(codes, ()).ingredients and _denied(texts),
        none_known=none_known,
        when=notes.date(Area.ALLERGY, resource, resource.get("recordedDate"), "recordedDate"),
    )


def _severe(reaction: Json) -> bool:
    manifestations = elements.objects(reaction.get("manifestation"))
    words = " ".join(text.lower() for concept in manifestations for text in texts_of(concept))
    return (
        reaction.get("severity") == "severe"
        or bool(elements.code_values(manifestations) & _ANAPHYLAXIS)
        or "anaphyla" in words
    )


def _nausea(reaction: Json) -> bool:
    """Whether every manifestation is nausea or vomiting, and no word beside them says more."""
    given = reaction.get("manifestation")
    manifestations = [read_concept(concept) for concept in elements.objects(given)]
    return (
        isinstance(given, list)
        and 0 < len(manifestations) == len(given)
        and not reaction.get("description")
        and all(
            not concept.damaged
            and all(_ONLY_NAUSEA.fullmatch(text) for text in concept.texts)
            and (concept.texts or any(code.system == SNOMED and code.code in _NAUSEA for code in concept.codes))
            for concept in manifestations
        )
    )


def _denied(texts: Sequence[str]) -> bool:
    """Whether all words deny the allergy, without an exception or a further sentence."""
    return bool(texts) and all(
        _DENIED.search(text[:LONGEST_TEXT]) and not _BUT.search(text[:LONGEST_TEXT]) for text in texts
    )
