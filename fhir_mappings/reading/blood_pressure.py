"""Blood-pressure Observations to readings. Algorithm of the clinical content, 2.2, steps 1 to 3.

Components may sit in a panel with another code; separate systolic and diastolic Observations are paired.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from fhir_mappings.codes import observations as loinc
from fhir_mappings.codes.concepts import texts_of
from fhir_mappings.codes.systems import LOINC, LONGEST, SNOMED, canonical_system
from fhir_mappings.facts.clinical import Area, BloodPressure, PartialDate
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.quantity import MILLIMETRES_OF_MERCURY, Amount, amount
from fhir_mappings.reading.sessions import SessionTimes

FINAL = frozenset({"final", "amended", "corrected"})
_NOT_MEASURED = frozenset({"not-performed", "not-asked", "asked-declined", "not-applicable"})
_Part = tuple[frozenset[str], Json]  # a component with its LOINC codes
_PAIRING_TOLERANCE = timedelta(minutes=5)
_SYSTOLIC_RANGE = (Decimal(60), Decimal(260))
_DIASTOLIC_RANGE = (Decimal(30), Decimal(160))
_STANDING = re.compile(r"(?<!free[- ])(?<!long[- ])(?<!\bnot )(?<!\bnon[- ])\b(?:standing|orthostatic)\b")
_ONLY_STANDING = re.compile(r"(?:standing|orthostatic)(?: (?:body )?position)?")
_NOT_STANDING = re.compile(r"\b(?:sitting|seated|supine|lying|recumbent|prone|reclin(?:ed|ing))\b")
_MODIFIED = "it carries a modifier the app does not know"
_NO_CODES: frozenset[str] = frozenset()
_SINGLE = loinc.SYSTOLIC | loinc.DIASTOLIC


class _Halves(NamedTuple):
    """The two components as found: an amount each, or that it was not measured at all (None)."""

    systolic: Amount | None
    diastolic: Amount | None

    @property
    def note(self) -> str | None:
        return next((part.note for part in self if part is not None and part.note), None)


def loinc_codes(concept: object) -> frozenset[str]:
    """The LOINC codes of a CodeableConcept; where it has none, those that its SNOMED CT codes of pressure stand for.

    Asked thousands of times for one chart, hence without `codes_of`.
    """
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list):
        return _NO_CODES
    if len(codings) == 1 and isinstance(codings[0], dict):  # as nearly all of them are
        system, code = codings[0].get("system"), codings[0].get("code")
        return _loinc_code(system, code) or _pressure_of_snomed(system, code)
    pairs = [(coding.get("system"), coding.get("code")) for coding in codings if isinstance(coding, dict)]
    found = _NO_CODES.union(*[_loinc_code(system, code) for system, code in pairs])
    return found or _NO_CODES.union(*[_pressure_of_snomed(system, code) for system, code in pairs])


def _loinc_code(system: object, code: object) -> frozenset[str]:
    if not (isinstance(system, str) and isinstance(code, str)) or len(code) > LONGEST:
        return _NO_CODES
    return _remembered(code) if canonical_system(system) == LOINC else _NO_CODES


def _pressure_of_snomed(system: object, code: object) -> frozenset[str]:
    if not (isinstance(system, str) and isinstance(code, str)) or code.strip() not in loinc.LOINC_OF_SNOMED:
        return _NO_CODES
    return _remembered(loinc.LOINC_OF_SNOMED[code.strip()]) if canonical_system(system) == SNOMED else _NO_CODES


@lru_cache(maxsize=1024)  # a chart names the same few codes thousands of times
def _remembered(code: str) -> frozenset[str]:
    return frozenset({code.strip()})


def is_blood_pressure(resource: Json, codes: frozenset[str]) -> bool:
    """Whether an Observation holds blood pressure, by its own code or by a component's."""
    if not codes.isdisjoint(loinc.BLOOD_PRESSURE):
        return True
    components = resource.get("component")
    return bool(components) and any(
        loinc_codes(part.get("code")) & loinc.BLOOD_PRESSURE for part in elements.objects(components)
    )


def read_blood_pressures(
    resources: Iterable[tuple[Json, frozenset[str]]], sessions: SessionTimes, notes: Notes
) -> tuple[BloodPressure, ...]:
    """All readings, the unusable ones with their problem; entries in error and cancelled ones are left out.

    Each Observation comes with its own LOINC codes.
    """
    singles: list[tuple[BloodPressure, str]] = []
    readings: list[BloodPressure] = []
    for resource, codes in resources:
        found = notes.guarded(Area.BLOOD_PRESSURE, resource, _read, codes, sessions, notes)
        if found is None:
            continue
        reading, single = found
        if single:
            singles.append((reading, elements.text(elements.mapping(resource.get("encounter")).get("reference"))))
        else:
            readings.append(reading)
    return tuple(readings) + tuple(_paired(singles))


def _read(
    resource: Json, codes: frozenset[str], sessions: SessionTimes, notes: Notes
) -> tuple[BloodPressure, bool] | None:
    """The reading, and whether it is one component to be paired with another Observation."""
    status = elements.text(resource.get("status"))
    if status in ("entered-in-error", "cancelled"):
        notes.ignore(resource, "Blood pressure", status.replace("-", " "), "DATA-EIE")
        return None
    dated_later = len(notes.gaps)
    when = notes.when(Area.BLOOD_PRESSURE, resource, "effective")
    if notes.listed_since(dated_later):
        return None
    parts = [(loinc_codes(part.get("code")), part) for part in elements.objects(resource.get("component"))]
    halves = _halves(resource, codes, parts)
    if halves.systolic is None and halves.diastolic is None and not _unexplained_absence(resource):
        return None
    systolic, diastolic, problem = _judged(resource, halves, when, status)
    standing, perhaps_standing = _standing(resource, codes, parts)
    reading = BloodPressure(
        references=(elements.reference_of(resource),),
        when=when,
        systolic=systolic,
        diastolic=diastolic,
        problem=problem,
        note=halves.note,
        standing=standing,
        perhaps_standing=perhaps_standing,
        in_session=sessions.covers(resource, when),
    )
    return reading, not resource.get("component") and not codes.isdisjoint(_SINGLE)


def _halves(resource: Json, codes: frozenset[str], parts: Sequence[_Part]) -> _Halves:
    if parts:
        return _Halves(systolic=_component(parts, loinc.SYSTOLIC), diastolic=_component(parts, loinc.DIASTOLIC))
    value = _measured(resource)
    if codes & loinc.SYSTOLIC:
        return _Halves(systolic=value, diastolic=None)
    if codes & loinc.DIASTOLIC:
        return _Halves(systolic=None, diastolic=value)
    # A panel without components, or a pressure known by its words alone: its value is no pair.
    return _Halves(systolic=value, diastolic=value)


def _component(parts: Sequence[_Part], wanted: frozenset[str]) -> Amount | None:
    matching = [part for codes, part in parts if not codes.isdisjoint(wanted)]
    if len(matching) > 1:
        return Amount(problem="the component is given more than once")
    return _measured(matching[0]) if matching else None


def _measured(part: Json) -> Amount | None:
    """The amount of a component; None where it was plainly not measured."""
    if part.get("modifierExtension"):
        return Amount(problem=_MODIFIED)
    if part.get("valueQuantity") is not None:
        return amount(part["valueQuantity"], MILLIMETRES_OF_MERCURY)
    if elements.code_values(part.get("dataAbsentReason")) & _NOT_MEASURED:
        return None
    if part.get("dataAbsentReason") is not None:
        return Amount(problem="the value is absent without a reason that says it was not measured")
    return Amount(problem="the value is not a quantity")


def _unexplained_absence(resource: Json) -> bool:
    """Whether a reading without any value leaves it open what was measured."""
    parts = [resource, *elements.objects(resource.get("component"))]
    return not any(elements.code_values(part.get("dataAbsentReason")) & _NOT_MEASURED for part in parts)


def _judged(
    resource: Json, halves: _Halves, when: PartialDate | None, status: str
) -> tuple[Decimal | None, Decimal | None, str | None]:
    """Systolic and diastolic as far as they can be used, and why not."""
    systolic, problem_above = _plausible(halves.systolic, _SYSTOLIC_RANGE, "systolic")
    diastolic, problem_below = _plausible(halves.diastolic, _DIASTOLIC_RANGE, "diastolic")
    problems = [problem_above, problem_below]
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        systolic = diastolic = None
        problems.append("diastolic is not below systolic")
    if status not in FINAL:
        systolic = diastolic = None
        problems.append("the status is not final")
    if resource.get("modifierExtension"):
        systolic = diastolic = None
        problems.append(_MODIFIED)
    if when is None:
        problems.append("the time is missing")
    return systolic, diastolic, "; ".join(dict.fromkeys(filter(None, problems))) or None


def _plausible(found: Amount | None, limits: tuple[Decimal, Decimal], name: str) -> tuple[Decimal | None, str | None]:
    if found is None:
        return None, f"{name} is missing"
    if found.value is None:
        return None, f"{name}: {found.problem}"
    if not limits[0] <= found.value <= limits[1]:
        return None, f"{name}: the value is not plausible"
    return found.value, None


def _standing(resource: Json, codes: frozenset[str], parts: Sequence[_Part]) -> tuple[bool, bool]:
    """Whether a reading was surely taken standing, and whether words only suggest it.

    A code decides before words do, and words of any other position win: a failing reading must not be lost.
    """
    every = codes.union(*[part_codes for part_codes, _ in parts])
    if not every.isdisjoint(loinc.STANDING) and every.isdisjoint(_SINGLE):
        return True, False
    positions = [part.get("valueCodeableConcept") for part in _positions(resource, parts)]
    coded = elements.code_values(positions) & loinc.BODY_POSITIONS
    if coded:
        return coded == {loinc.STANDING_POSITION}, False
    said = [text.lower() for concept in positions for text in texts_of(concept)]
    words = " ".join([*said, *[text.lower() for text in texts_of(resource.get("method"))]])
    if not _STANDING.search(words) or _NOT_STANDING.search(words):
        return False, False
    surely = bool(said) and all(map(_ONLY_STANDING.fullmatch, said))
    return surely, not surely


def _positions(resource: Json, parts: Sequence[_Part]) -> list[Json]:
    """Components and extensions that say how the patient was held (LOINC 8361-8, body position)."""
    extensions = elements.objects(resource.get("extension"))
    return [
        *[part for codes, part in parts if "8361-8" in codes],
        *[extension for extension in extensions if "bodyposition" in elements.text(extension.get("url")).lower()],
    ]


def _paired(singles: Sequence[tuple[BloodPressure, str]]) -> list[BloodPressure]:
    """Pair systolic with diastolic: nearest in time within five minutes, else of the same encounter and day."""
    singles = sorted(singles, key=lambda single: single[0].references)  # the order they came in must not matter
    above = [single for single in singles if "diastolic is missing" in (single[0].problem or "")]
    below = [single for single in singles if "systolic is missing" in (single[0].problem or "")]
    candidates = sorted(
        (
            (distance, a, b)
            for a, upper in enumerate(above)
            for b, lower in enumerate(below)
            if (distance := _distance(upper, lower)) is not None
        ),
    )
    used_above: set[int] = set()
    used_below: set[int] = set()
    pairs = []
    for _, a, b in candidates:
        if a not in used_above and b not in used_below:
            used_above.add(a)
            used_below.add(b)
            pairs.append(_joined(above[a][0], below[b][0]))
    rest = [single[0] for n, single in enumerate(above) if n not in used_above]
    return [*pairs, *rest, *(single[0] for n, single in enumerate(below) if n not in used_below)]


def _distance(upper: tuple[BloodPressure, str], lower: tuple[BloodPressure, str]) -> timedelta | None:
    """How far apart two halves are; None where they do not belong together."""
    one, other = upper[0].when, lower[0].when
    if one is None or other is None or _posture(upper[0]) != _posture(lower[0]):
        return None
    if one.instant is not None and other.instant is not None:
        apart = abs(one.instant - other.instant)
        if apart <= _PAIRING_TOLERANCE:
            return apart
    elif one.text == other.text and one.exact:
        return timedelta(0)
    if upper[1] and upper[1] == lower[1] and one.first == other.first and one.last == other.last:
        return timedelta(days=1)
    return None


def _posture(reading: BloodPressure) -> tuple[bool, bool]:
    return reading.standing, reading.perhaps_standing


def _joined(upper: BloodPressure, lower: BloodPressure) -> BloodPressure:
    problems = [
        part
        for reading in (upper, lower)
        for part in (reading.problem or "").split("; ")
        if part and part not in ("diastolic is missing", "systolic is missing")
    ]
    systolic, diastolic = upper.systolic, lower.diastolic
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        systolic = diastolic = None
        problems.append("diastolic is not below systolic")
    return replace(
        upper,
        references=upper.references + lower.references,
        systolic=systolic,
        diastolic=diastolic,
        problem="; ".join(dict.fromkeys(problems)) or None,
        note=upper.note or lower.note,
        in_session=upper.in_session and lower.in_session,
    )
