"""Scores, pregnancy results and weights from Observations. FHIR R4 Observation; LOINC codes of `codes`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from fhir_mappings.codes import observations as loinc
from fhir_mappings.codes.concepts import damaged, label_of, texts_of
from fhir_mappings.facts.clinical import Area, Score, Weight
from fhir_mappings.reading import elements
from fhir_mappings.reading.blood_pressure import FINAL, loinc_codes
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.quantity import KILOGRAMS, amount

WANTED = frozenset(loinc.SCORES) | loinc.PANELS | loinc.PREGNANCY | loinc.BODY_WEIGHT

_AREA_OF_CATEGORY = {
    "vital-signs": Area.BLOOD_PRESSURE,
    "survey": Area.SURVEY,
    "social-history": Area.SOCIAL_HISTORY,
    "laboratory": Area.LABORATORY,
}
_VOID = ("entered-in-error", "cancelled")
_LOINC_CODE = re.compile(r"[0-9]{1,7}-[0-9]")
_HCG_UNITS = ("m[IU]/mL", "m[iU]/mL", "[IU]/L", "[iU]/L", "mIU/mL", "IU/L")
_HCG_NEGATIVE = Decimal(5)
_ITEM_RANGE = {"phq9-total": 27, "phq9-item9": 3}


class _Answer(NamedTuple):
    """What one item of a questionnaire or test says."""

    text: str
    positive: bool
    value: Decimal | None = None


def area_of(resource: Json) -> Area:
    """The area of an Observation by its category; without a known one it might be a blood pressure."""
    areas = [
        _AREA_OF_CATEGORY[code]
        for code in elements.code_values(resource.get("category"))
        if code in _AREA_OF_CATEGORY
    ]
    return min(areas, key=list(Area).index, default=Area.BLOOD_PRESSURE)


def dropped(resource: Json, notes: Notes) -> bool:
    """Whether an Observation is entered in error or cancelled, which is listed."""
    status = elements.text(resource.get("status"))
    if status in _VOID:
        notes.ignore(resource, label_of(resource.get("code")), status.replace("-", " "), "DATA-EIE")
        return True
    return False


def read_scores(resource: Json, codes: frozenset[str], notes: Notes) -> tuple[Score, ...]:
    """The questionnaire items and pregnancy results of one Observation and its components."""
    area = Area.LABORATORY if codes & loinc.HCG else Area.SURVEY
    area = Area.SOCIAL_HISTORY if codes & loinc.PREGNANCY_STATUS else area
    later = len(notes.gaps)
    when = notes.when(area, resource, "effective")
    if notes.listed_since(later):
        return ()
    if elements.text(resource.get("status")) not in FINAL:
        when = None  # a result that is not final is dated to no day: it counts against the patient, never for
    parts = [
        (codes, resource),
        *((loinc_codes(p.get("code")), p) for p in elements.objects(resource.get("component"))),
    ]
    found = []
    for part_codes, part in parts:
        for name in sorted(_names(part_codes)):
            answer = _answer(resource, part, name, notes, area)
            if answer is not None:
                found.append(
                    Score(
                        reference=elements.reference_of(resource),
                        name=name,
                        when=when,
                        value=answer.value,
                        positive=answer.positive,
                        text=answer.text,
                    )
                )
    return tuple(found)


def _names(codes: frozenset[str]) -> set[str]:
    names = {loinc.SCORES[code] for code in codes if code in loinc.SCORES}
    if codes & loinc.PREGNANCY_STATUS:
        names.add("pregnancy-status")
    if codes & loinc.HCG:
        names.add("hcg")
    return names


def _answer(resource: Json, part: Json, name: str, notes: Notes, area: Area) -> _Answer | None:
    """The value of one item; None where none was measured; an unreadable one leaves a Gap."""
    if part.get("dataAbsentReason") is not None and not any(name.startswith("value") for name in part):
        return None
    if part.get("modifierExtension"):
        notes.gap(area, resource, "it carries a modifier the app does not know")
        return None
    value = _number(part)
    if name in _ITEM_RANGE:
        if value is None or not 0 <= value <= _ITEM_RANGE[name] or _item_with_fraction(name, value):
            notes.gap(area, resource, "the score is not a number the scale has")
            return None
        return _Answer(text=str(value), positive=value > 0, value=value)
    positive = _quantified(part) if "valueQuantity" in part else _positive(part)
    if positive is None:
        notes.gap(area, resource, "the answer is not one the app can read")
        return None
    return _Answer(text="positive" if positive else "negative", positive=positive)


def _item_with_fraction(name: str, value: Decimal) -> bool:
    """Items are counted in whole points; a total may come as an average of several raters."""
    return name != "phq9-total" and value != value.to_integral_value()


def _number(part: Json) -> Decimal | None:
    if part.get("valueInteger") is not None:
        return elements.number(part["valueInteger"])
    if part.get("valueQuantity") is not None:
        quantity = elements.mapping(part["valueQuantity"])
        return elements.number(quantity.get("value")) if quantity.get("comparator") is None else None
    codings = elements.objects(elements.mapping(part.get("valueCodeableConcept")).get("coding"))
    scores = [
        loinc.ITEM_SCORES[c["code"]]
        for c in codings
        if isinstance(c.get("code"), str) and c["code"] in loinc.ITEM_SCORES
    ]
    return Decimal(scores[0]) if scores else None


def _positive(part: Json) -> bool | None:
    if isinstance(part.get("valueBoolean"), bool):
        return bool(part["valueBoolean"])
    concept = part.get("valueCodeableConcept")
    codes = {
        c["code"] for c in elements.objects(elements.mapping(concept).get("coding")) if isinstance(c.get("code"), str)
    }
    yes, no = bool(codes & loinc.POSITIVE_ANSWERS), bool(codes & loinc.NEGATIVE_ANSWERS)
    if yes != no:
        return yes
    words = {text.lower() for text in [*texts_of(concept), elements.text(part.get("valueString"))]}
    yes, no = (
        bool(words & {"positive", "pregnant", "yes", "detected"}),
        bool(words & {"negative", "not pregnant", "no", "not detected"}),
    )
    return yes if yes != no else None


def _quantified(part: Json) -> bool | None:
    """An hCG amount: under 5 milli-units per millilitre is negative, and nothing else is."""
    quantity = elements.mapping(part["valueQuantity"])
    value, unit = elements.number(quantity.get("value")), elements.text(quantity.get("code"))
    if value is None or unit not in _HCG_UNITS or quantity.get("comparator") not in (None, "<", "<=", ">", ">="):
        return None
    return not (value < _HCG_NEGATIVE or (quantity.get("comparator") == "<" and value == _HCG_NEGATIVE)) or (
        quantity.get("comparator") in (">", ">=")
    )


def read_weight(resource: Json, notes: Notes) -> Weight | None:
    """A body weight in kg; an unusable one is left out with a Gap that asks for review only."""
    later = len(notes.gaps)
    when = notes.when(Area.OTHER, resource, "effective")
    if notes.listed_since(later):
        return None
    found = amount(resource.get("valueQuantity"), KILOGRAMS)
    if found.value is None or not Decimal(20) <= found.value <= Decimal(350):
        return None
    return Weight(reference=elements.reference_of(resource), when=when, kilograms=found.value)


_PRESSURE_WORDS = re.compile(r"\b(?:blood pressure|systolic|diastolic|bp)\b", re.IGNORECASE)
_PREGNANCY_WORDS = re.compile(r"pregnan|choriogonadotropin|\bhcg\b", re.IGNORECASE)


def read_unknown(resource: Json, codes: frozenset[str], scores: list[Score], notes: Notes) -> None:
    """An Observation under no code that screening reads: of no interest, unless its words say otherwise.

    A well-formed LOINC code decides what an Observation is. Without one its words do, and they can only count
    against the patient: a blood pressure or a pregnancy test that the app cannot read is a Gap. (A coded answer is no
    pressure: it tells of the arm, the cuff or the position.)
    """
    components = [part.get("code") for part in elements.objects(resource.get("component"))]
    if _well_formed(codes) or any(_well_formed(loinc_codes(concept)) for concept in components):
        return
    if elements.text(resource.get("status")) in _VOID:
        return
    concepts = [resource.get("code"), *components]
    words = " ".join(text for concept in concepts for text in texts_of(concept))
    if not words or any(map(damaged, concepts)):
        notes.gap(area_of(resource), resource, "the observation does not say readably what it is")
        return
    area = area_of(resource)
    if area is Area.BLOOD_PRESSURE and _PRESSURE_WORDS.search(words) and "valueCodeableConcept" not in resource:
        notes.gap(area, resource, "a blood pressure under a code the app does not know")
    if area is not Area.BLOOD_PRESSURE and _PREGNANCY_WORDS.search(words):
        positive = _positive(resource)
        if positive is None:
            notes.gap(area, resource, "a pregnancy result the app cannot read")
        elif positive:
            when = notes.when(area, resource, "effective")
            reference = elements.reference_of(resource)
            scores.append(Score(reference=reference, name="hcg", when=when, positive=True, text="positive"))


def _well_formed(codes: frozenset[str]) -> bool:
    return any(map(_LOINC_CODE.fullmatch, codes))
