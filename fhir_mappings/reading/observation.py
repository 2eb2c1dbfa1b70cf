"""Scores, pregnancy results, liver values and weights from Observations. FHIR R4 Observation; LOINC."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from fhir_mappings.codes import observations as loinc
from fhir_mappings.codes.concepts import damaged, label_of, texts_of
from fhir_mappings.facts.clinical import Area, LabValue, PartialDate, Score, Weight
from fhir_mappings.reading import elements
from fhir_mappings.reading.blood_pressure import FINAL, loinc_codes
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.quantity import ENZYME_UNITS, KILOGRAMS, amount

_ITEMS = frozenset(loinc.SCORES) | loinc.PANELS | loinc.PREGNANCY
WANTED = _ITEMS | loinc.BODY_WEIGHT | frozenset(loinc.LIVER)

_AREA_OF_CATEGORY = {
    "vital-signs": Area.BLOOD_PRESSURE,
    "survey": Area.SURVEY,
    "social-history": Area.SOCIAL_HISTORY,
    "laboratory": Area.LABORATORY,
}
_VOID = ("entered-in-error", "cancelled")
_NOT_YET_FINAL = frozenset({"registered", "preliminary"})
_LOINC_CODE = re.compile(r"[0-9]{1,7}-[0-9]")
_HCG_UNITS = ("m[IU]/mL", "m[iU]/mL", "[IU]/L", "[iU]/L", "mIU/mL", "IU/L")
_HCG_NEGATIVE = Decimal(5)
_GREATEST = {
    "phq9-total": 27,
    "phq2-total": 6,
    "gad7-total": 21,
    "epds-total": 30,
    "phq9-item9": 3,
    "epds-item10": 3,
}
_PHQ_ITEM_9 = r"better off dead|\bphq\W?9\b.*\b(?:item|question|q)\W{0,2}9\b"
# No code of item 10 could be verified: it is known by what it asks.
_EPDS_ITEM_10 = (
    r"thoughts? of (?:harming|hurting) (?:myself|yourself)|\b(?:epds|edinburgh)\b.*\b(?:item|question) 10\b"
)
_SELF_HARM = (
    r"suicid|self[- ]?(?:harm|injur)|\bc-?ssrs\b|wish(?:ed)? (?:you were|to be) dead"
    r"|(?:kill|harm|hurt)ing (?:yourself|myself|themsel)"
)
_OF_OTHERS = re.compile(r"\b(?:family|relatives?|prevention|protective)\b", re.IGNORECASE)
_ASKED = re.compile(f"(?P<phq9>{_PHQ_ITEM_9})|(?P<epds>{_EPDS_ITEM_10})|{_SELF_HARM}", re.IGNORECASE)
_RISK = re.compile(
    r"^[1-9]|\b(?:yes|true|positive|present|detected|moderate|medium|high|imminent|severe|acute)\b",
    re.IGNORECASE,
)
_NO_RISK = re.compile(
    r"^(?:0\b|no\b|none\b|not at all\b|never\b|false\b|negative\b|absent\b|denie[sd]\b|low\b|not present\b)",
    re.IGNORECASE,
)
_RISK_NAMES = frozenset({"cssrs-risk", "self-harm"})
_COMPARATORS = ("", "<", "<=", ">", ">=")
_GREATEST_LIVER_VALUE = Decimal(100_000)  # U/L; more is a slip


class _Answer(NamedTuple):
    """What one item of a questionnaire or test says."""

    text: str
    positive: bool | None
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
    parts = [(codes, resource), *_components(resource)]
    every = codes.union(*(part_codes for part_codes, _ in parts))
    area = Area.LABORATORY if every & loinc.HCG else Area.SURVEY
    area = Area.SOCIAL_HISTORY if every & loinc.PREGNANCY_STATUS else area
    dated = _dated(resource, area, notes)
    if dated is None:
        return ()
    (when,) = dated
    found = []
    for part_codes, part in parts:
        for name in sorted(_names(part_codes, part)):
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
                        identifiers=_identifiers(resource),
                    )
                )
    return tuple(found)


def _identifiers(resource: Json) -> tuple[str, ...]:
    values = (elements.text(one.get("value")) for one in elements.objects(resource.get("identifier")))
    return tuple(value for value in values if value)


def _dated(resource: Json, area: Area, notes: Notes) -> tuple[PartialDate | None] | None:
    """When a result is from; None for one of the future, which is listed.

    A result that is not final is dated to no day: it counts against the patient, never for.
    """
    later = len(notes.gaps)
    when = notes.when(area, resource, "effective")
    if notes.listed_since(later):
        return None
    status = elements.text(resource.get("status"))
    if status in FINAL:
        return (when,)
    if status not in _NOT_YET_FINAL:
        notes.gap(area, resource, "the status is unknown, or none of FHIR's")
    return (None,)


def is_wanted(resource: Json, codes: frozenset[str]) -> bool:
    """Whether screening reads an Observation: by its code, by a component's, or because it asks of self-harm.

    As with blood pressure, a panel may have any code of its own.
    """
    if not codes.isdisjoint(WANTED) or _asked(resource.get("code")) is not None:
        return True
    return "component" in resource and any(
        not part_codes.isdisjoint(_ITEMS) or _asked(part.get("code")) is not None
        for part_codes, part in _components(resource)
    )


def _components(resource: Json) -> list[tuple[frozenset[str], Json]]:
    return [(loinc_codes(part.get("code")), part) for part in elements.objects(resource.get("component"))]


def _asked(concept: object) -> str | None:
    """Which question on suicide or self-harm a code's words are; None for any other."""
    for text in texts_of(concept):
        found = _ASKED.search(text)
        if found is not None and not _OF_OTHERS.search(text):
            return {"phq9": "phq9-item9", "epds": "epds-item10"}.get(found.lastgroup or "", "self-harm")
    return None


def _names(codes: frozenset[str], part: Json) -> set[str]:
    names = {loinc.SCORES[code] for code in codes if code in loinc.SCORES}
    if codes & loinc.PREGNANCY_STATUS:
        names.add("pregnancy-status")
    if codes & loinc.HCG:
        names.add("hcg")
    if part.get("valueInteger") is not None or part.get("valueQuantity") is not None:
        names |= {loinc.PANEL_TOTALS[code] for code in codes if code in loinc.PANEL_TOTALS}
    if codes & loinc.CSSRS_PANEL and _has_value(part):
        names.add("cssrs-risk")
    if codes.isdisjoint(WANTED) and (asked := _asked(part.get("code"))) is not None and not _only_groups(part):
        # Who answers item 9 in other words than the form's has answered all the same.
        names.add("self-harm" if asked == "phq9-item9" and _number(part) is None else asked)
    return names


def _answer(resource: Json, part: Json, name: str, notes: Notes, area: Area) -> _Answer | None:
    """The value of one item; None where none was measured; an unreadable one leaves a Gap."""
    if _not_measured(part):
        return None
    if part.get("modifierExtension"):
        notes.gap(area, resource, "it carries a modifier the app does not know")
        return None
    value = _number(part)
    if name in _GREATEST:
        if value is None or not 0 <= value <= _GREATEST[name] or _item_with_fraction(name, value):
            notes.gap(area, resource, "the score is not a number the scale has")
            return None
        return _Answer(text=str(value), positive=value > 0, value=value)
    if name in _RISK_NAMES:
        positive = _risk(part)
    else:
        positive = _quantified(part) if "valueQuantity" in part else _positive(part)
    if positive is None and name == "pregnancy-status" and _said_unknown(part):
        return _Answer(text="unknown", positive=None)
    if positive is None:
        notes.gap(area, resource, "the answer is not one the app can read")
        return None
    return _Answer(text="positive" if positive else "negative", positive=positive)


def _item_with_fraction(name: str, value: Decimal) -> bool:
    """Items are counted in whole points; a total may come as an average of several raters."""
    return not name.endswith("-total") and value != value.to_integral_value()


def _number(part: Json) -> Decimal | None:
    if part.get("valueInteger") is not None:
        return elements.number(part["valueInteger"])
    if part.get("valueQuantity") is not None:
        quantity = elements.mapping(part["valueQuantity"])
        return elements.number(quantity.get("value")) if quantity.get("comparator") is None else None
    concept = part.get("valueCodeableConcept")
    scores = {loinc.ITEM_SCORES[code] for code in _answer_codes(part) if code in loinc.ITEM_SCORES}
    if not scores:
        words = [text.lower() for text in texts_of(concept)]
        scores = {loinc.ITEM_WORDS[text] for text in words if text in loinc.ITEM_WORDS}
    return Decimal(scores.pop()) if len(scores) == 1 else None


def _answer_codes(part: Json) -> frozenset[str]:
    codings = elements.objects(elements.mapping(part.get("valueCodeableConcept")).get("coding"))
    return frozenset(c["code"] for c in codings if isinstance(c.get("code"), str))


def _said_unknown(part: Json) -> bool:
    """Whether somebody recorded that it is not known: that is no status, and nothing unreadable either."""
    return bool(_answer_codes(part) & loinc.UNKNOWN_ANSWERS)


def _positive(part: Json) -> bool | None:
    if isinstance(part.get("valueBoolean"), bool):
        return bool(part["valueBoolean"])
    concept, codes = part.get("valueCodeableConcept"), _answer_codes(part)
    yes, no = bool(codes & loinc.POSITIVE_ANSWERS), bool(codes & loinc.NEGATIVE_ANSWERS)
    if yes != no:
        return yes
    words = {text.lower() for text in [*texts_of(concept), elements.text(part.get("valueString"))]}
    yes, no = (
        bool(words & {"positive", "pregnant", "yes", "detected"}),
        bool(words & {"negative", "not pregnant", "no", "not detected"}),
    )
    return yes if yes != no else None


def _risk(part: Json) -> bool | None:
    """Whether an answer tells of a risk: points, yes or no, or a level, of which only none and low are negative."""
    value = _number(part)
    if value is not None:
        return value > 0 if value >= 0 else None
    plain = _positive(part)
    if plain is not None:
        return plain
    words = [*texts_of(part.get("valueCodeableConcept")), elements.text(part.get("valueString"))]
    yes, no = any(map(_RISK.search, words)), any(map(_NO_RISK.search, words))
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
    dated = _dated(resource, Area.OTHER, notes)
    if dated is None or _not_measured(resource):
        return None
    found = amount(resource.get("valueQuantity"), KILOGRAMS)
    if found.value is None or not Decimal(20) <= found.value <= Decimal(350):
        notes.gap(Area.OTHER, resource, f"the weight cannot be used: {found.problem or 'it is not plausible'}")
        return None
    return Weight(reference=elements.reference_of(resource), when=dated[0], kilograms=found.value)


def _not_measured(part: Json) -> bool:
    return part.get("dataAbsentReason") is not None and not _has_value(part)


def _has_value(part: Json) -> bool:
    return any(name.startswith("value") for name in part)


def _only_groups(part: Json) -> bool:
    """Whether an Observation says nothing itself, but holds others that do."""
    return not _has_value(part) and ("component" in part or "hasMember" in part)


def read_liver_value(resource: Json, codes: frozenset[str], notes: Notes) -> LabValue | None:
    """ALT or AST in U/L with its own upper limit; an unusable one is left out with a Gap."""
    dated = _dated(resource, Area.LABORATORY, notes)
    if dated is None or _not_measured(resource):
        return None
    quantity = elements.mapping(resource.get("valueQuantity"))
    comparator = quantity.get("comparator") or ""
    plain = {name: item for name, item in quantity.items() if name != "comparator"} if comparator else quantity
    found = amount(plain, ENZYME_UNITS)
    if found.value is None or comparator not in _COMPARATORS or not 0 <= found.value <= _GREATEST_LIVER_VALUE:
        notes.gap(Area.LABORATORY, resource, f"the value cannot be used: {found.problem or 'it is not plausible'}")
        return None
    return LabValue(
        reference=elements.reference_of(resource),
        name=min(loinc.LIVER[code] for code in codes if code in loinc.LIVER),
        when=dated[0],
        value=found.value,
        unit="U/L",
        upper=_upper_limit(resource, notes),
        comparator=comparator,
    )


def _upper_limit(resource: Json, notes: Notes) -> Decimal | None:
    """The lowest upper limit of normal that the result itself gives; one that cannot be read leaves a Gap."""
    given = resource.get("referenceRange")
    ranges = elements.objects(given)
    limits: list[Decimal] = []
    unreadable = given is not None and not ranges
    for one in ranges:
        kinds = elements.code_values(one.get("type"))
        if one.get("high") is None or (kinds and "normal" not in kinds):
            continue
        high = amount(one["high"], ENZYME_UNITS)
        if high.value is None or not 0 < high.value <= _GREATEST_LIVER_VALUE or one.get("modifierExtension"):
            unreadable = True
        else:
            limits.append(high.value)
    if unreadable:
        notes.gap(Area.LABORATORY, resource, "the upper limit of normal cannot be read")
    return min(limits, default=None)


_PRESSURE_WORDS = re.compile(r"\b(?:blood pressure|systolic|diastolic|bp)\b", re.IGNORECASE)
_HALF_WORDS = re.compile(r"\b(?:systolic|diastolic)\b", re.IGNORECASE)
_MEAN_WORDS = re.compile(r"\b(?:mean|map)\b", re.IGNORECASE)
_OTHER_PRESSURE_WORDS = re.compile(
    r"\b(?:goal|target|cuff|pulmonary|ventric\w*|atri\w*|valv\w*|venous|velocity|volume|diameter|dimension|wall"
    r"|function|dysfunction|failure|murmur|gradient|history|hx)\b",
    re.IGNORECASE,
)
_CIRCUMSTANCE_WORDS = re.compile(r"\b(?:device|site|location|position|posture|method|comments?)\b", re.IGNORECASE)
_PAIR = re.compile(r"\d\s*/\s*\d")
_PREGNANCY_WORDS = re.compile(r"pregnan|choriogonadotropin|\bhcg\b", re.IGNORECASE)


def speaks_of_pressure(resource: Json, codes: frozenset[str]) -> bool:
    """Whether an Observation under no code that screening reads is a blood pressure by its words.

    A coded answer or a yes is no pressure: it tells of the arm, the cuff or the position. So does a text without a
    pair of numbers under words of that kind. Means, goals and pressures inside the heart are others.
    """
    components = elements.objects(resource.get("component")) if "component" in resource else []
    concepts = [resource.get("code"), *[part.get("code") for part in components]]
    words = " ".join([text for concept in concepts for text in texts_of(concept)])
    if not _PRESSURE_WORDS.search(words) or area_of(resource) is not Area.BLOOD_PRESSURE:
        return False
    if codes & loinc.MEAN_PRESSURE or (_MEAN_WORDS.search(words) and not _HALF_WORDS.search(words)):
        return False
    if "valueCodeableConcept" in resource or "valueBoolean" in resource or _OTHER_PRESSURE_WORDS.search(words):
        return False
    if "hasMember" in resource and _only_groups(resource) and not components:
        return False
    measured = components or "valueQuantity" in resource or _PAIR.search(elements.text(resource.get("valueString")))
    return bool(measured) or not _CIRCUMSTANCE_WORDS.search(words)


def read_unknown(resource: Json, codes: frozenset[str], scores: list[Score], notes: Notes) -> None:
    """An Observation under no code that screening reads: of no interest, unless its words say otherwise.

    A well-formed LOINC code decides what an Observation is. Without one its words do, and they can only count
    against the patient: a pregnancy test that the app cannot read is a Gap.
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
