"""Damaged charts: no element lost, nulled or garbled turns a patient into a candidate (R-22, security 2.6)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from smart_app.clinical.finding import Status
from tests.builders import (
    LOINC,
    Json,
    a_blood_pressure,
    a_chart,
    a_component,
    a_concept,
    a_condition,
    a_liver_value,
    a_medication,
    a_patient,
    a_pregnancy_status,
    a_score,
    a_single_pressure,
    an_allergy,
    an_hcg,
    days_ago,
    mmhg,
    screened,
)

pytestmark = pytest.mark.no_cover

Path = tuple[str | int, ...]
REMOVED = object()
GARBAGE: list[Any] = [
    REMOVED, None, "", "???", 0, -1, 99999, 1.5, True, False, [], {}, [None], [[]], {"x": {}}, "2999-01-01",
    "1066-10-14", "\u0000", "x" * 3000,
]  # fmt: skip


def paths(value: Any, so_far: Path = ()) -> Iterator[Path]:
    """Every element of a JSON value, from the whole resource's own down to the leaves."""
    steps: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    for step, item in steps:
        yield (*so_far, step)
        yield from paths(item, (*so_far, step))


def damaged(resource: Json, path: Path, garbage: Any) -> Json:
    copied = copy.deepcopy(resource)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    if garbage is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = garbage
    return copied


def variants(resource: Json) -> Iterator[tuple[Path, Any, Json]]:
    for path in paths(resource):
        for garbage in GARBAGE:
            yield path, garbage, damaged(resource, path, garbage)


def named(code: str, words: str, **changes: Any) -> Json:
    """A condition as EHRs send it: coded, with a display and a text."""
    condition = a_condition(code, text=words, onset="2015-03-01", **changes)
    condition["code"]["coding"][0]["display"] = words
    return condition | {"meta": {"versionId": "2", "lastUpdated": "2026-01-01T10:00:00Z"}}


# The resource that keeps each patient from being a candidate; everything else of the chart is a candidate's.
AGAINST: dict[str, list[Json]] = {
    "schizophrenia": [named("F20.9", "Schizophrenia, unspecified")],
    "schizophrenia by code alone": [a_condition("F20.9")],
    "interstitial cystitis": [named("N30.10", "Interstitial cystitis (chronic)", status="resolved")],
    "old brain bleeding": [named("I61.9", "Nontraumatic intracerebral hemorrhage", status="inactive")],
    "raised pressure": [named("G93.2", "Benign intracranial hypertension")],
    "unstable angina": [named("I20.0", "Unstable angina")],
    "psychosis": [named("F29", "Unspecified psychosis")],
    "psychotic depression": [named("F33.3", "Recurrent depression, severe with psychotic symptoms")],
    "mania": [named("F31.2", "Bipolar disorder, current episode manic severe with psychotic features")],
    "hypertensive urgency": [named("I16.0", "Hypertensive urgency")],
    "pregnancy": [named("Z33.1", "Pregnant state, incidental") | {"onsetDateTime": days_ago(30)}],
    "pregnant by status": [a_pregnancy_status()],
    "pregnant by test": [an_hcg()],
    "ketamine allergy": [an_allergy()],
    "aneurysm": [named("I71.40", "Abdominal aortic aneurysm, without rupture", status="resolved")],
    "malformation": [named("Q28.2", "Arteriovenous malformation of cerebral vessels")],
    "old stroke": [named("I63.9", "Cerebral infarction, unspecified")],
    "resistant hypertension": [named("I1A.0", "Resistant hypertension")],
    "breast-feeding": [named("Z39.1", "Care of a lactating mother") | {"onsetDateTime": days_ago(30)}],
    "alcohol dependence": [named("F10.20", "Alcohol dependence, uncomplicated")],
    "hepatic failure": [named("K72.10", "Chronic hepatic failure without coma")],
    "thyroid storm": [named("E05.91", "Thyrotoxicosis, unspecified with thyrotoxic crisis or storm")],
    "angle closure": [named("H40.20X0", "Unspecified primary angle-closure glaucoma")],
    "epilepsy": [named("G40.909", "Epilepsy, unspecified, not intractable")],
    "lung disease": [named("J44.9", "Chronic obstructive pulmonary disease, unspecified")],
    "dementia": [named("F03.90", "Unspecified dementia")],
    "urinary symptoms": [named("R30.0", "Dysuria")],
    "a score with an unknown status": [a_score("44261-6", 12, status="unknown")],
    "failing pressure": [a_blood_pressure(150, 95)],
    "failing diastolic in a single": [
        a_single_pressure("8480-6", 120, when=f"{days_ago(0)}T15:00:00Z"),
        a_single_pressure("8462-4", 104, when=f"{days_ago(0)}T15:00:00Z"),
    ],
    "pressure without a unit": [a_blood_pressure(mmhg(120, code=None, unit=None), 80)],
    "condition without a code": [a_condition(None)],
    "allergy that names nothing": [an_allergy(None, text=None)],
    "medicine of somebody else": [a_medication(subject={"reference": "Patient/other"})],
}
OLDER = a_blood_pressure(118, 76, when=days_ago(7))


def chart_with(*entries: Json) -> list[Json]:
    """A candidate's chart with a passing pressure of last week, and what speaks against the patient."""
    return a_chart(OLDER, *entries, without=["Observation"])


def freed(entries: list[Json]) -> Iterator[tuple[Path, Any]]:
    for n, entry in enumerate(entries):
        for path, garbage, variant in variants(entry):
            others = entries[:n] + entries[n + 1 :]
            ahead = garbage == "2999-01-01" and path == ("effectiveDateTime",)  # 1b: a date ahead is listed, not used
            if screened(chart_with(*others, variant)).status is Status.CANDIDATE and not ahead:
                yield (entry["resourceType"], *path), garbage


@pytest.mark.parametrize("entries", AGAINST.values(), ids=AGAINST.keys())
def test_damage_never_frees_a_patient(entries: list[Json]) -> None:
    assert screened(chart_with(*entries)).status is not Status.CANDIDATE
    assert list(freed(entries)) == []


CANDIDATE = [
    a_patient(
        meta={"versionId": "3"}, active=True, deceasedBoolean=False, telecom=[{"value": "555-0100"}],
        identifier=[{"type": {"coding": [{"code": "MR"}]}, "value": "TP-1"}],
        name=[{"use": "official", "family": "Larsen", "given": ["Ada"]}],
    ),
    named("F33.2", "Major depressive disorder, recurrent severe") | {"recordedDate": "2015-03-02"},
    a_blood_pressure(118, 76, when=f"{days_ago(3)}T09:30:00-06:00", performer=[{"display": "A nurse"}]),
    a_medication(dosageInstruction=[{"text": "one a day"}]),
    an_allergy("7980", text="penicillin", reaction=[{"manifestation": [{"text": "rash"}], "severity": "mild"}]),
    named("J45.909", "Unspecified asthma, uncomplicated", status="resolved", abatement="2019"),
]  # fmt: skip


# Elements no rule of this version reads: whatever stands there, the patient stays a candidate.
NOT_READ: dict[str, set[str]] = {
    "Patient": {"name", "meta", "telecom", "identifier"},
    "Condition": {"id", "meta", "category", "clinicalStatus.coding.0.system", "verificationStatus.coding.0.system"},
    "Observation": {"id", "category", "code", "performer", "component.0.valueQuantity.unit",
                    "component.1.valueQuantity.unit"},
    "MedicationRequest": {"id", "status", "intent", "dosageInstruction"},
    "AllergyIntolerance": {"id", "clinicalStatus", "verificationStatus", "type", "reaction"},
}  # fmt: skip
# Elements whose absence the clinical content provides for: no status is active, no verification is confirmed, a unit
# may be printed instead of coded, and dates that no rule asks of these entries.
MAY_BE_ABSENT: dict[str, set[str]] = {
    "Patient": {"active", "deceasedBoolean"},
    "Condition": {"clinicalStatus", "verificationStatus", "onsetDateTime", "abatementDateTime", "recordedDate"},
    "Observation": {f"component.{n}.valueQuantity.{name}" for n in (0, 1) for name in ("system", "code")},
    "MedicationRequest": {"authoredOn"},
    "AllergyIntolerance": {"recordedDate"},
}
# A name given twice over, in a code and in words: one of the two may be lost.
SAID_TWICE = {"Condition", "MedicationRequest", "AllergyIntolerance"}


def harmless(kind: str, path: Path, garbage: Any) -> bool:
    dotted = ".".join(map(str, path))
    if any(dotted == name or dotted.startswith(f"{name}.") for name in NOT_READ[kind]):
        return True
    if dotted in MAY_BE_ABSENT[kind]:
        ahead = garbage == "2999-01-01" and dotted.endswith(("Date", "DateTime", "On"))  # 1b: listed, not used
        return garbage in (REMOVED, None, "") or ahead or garbage is (dotted == "active")
    return kind in SAID_TWICE and "ode" in dotted.split(".")[0]


@pytest.mark.parametrize("n", range(len(CANDIDATE)), ids=[entry["resourceType"] for entry in CANDIDATE])
def test_damage_leaves_a_candidate_only_where_no_rule_reads(n: int) -> None:
    assert screened(CANDIDATE).status is Status.CANDIDATE
    kind = CANDIDATE[n]["resourceType"]
    for path, garbage, variant in variants(CANDIDATE[n]):
        status = screened([*CANDIDATE[:n], variant, *CANDIDATE[n + 1 :]]).status
        assert status is not Status.CANDIDATE or harmless(kind, path, garbage), (kind, path, str(garbage)[:20])


# Numbers that garbage may well be: a liver value of zero is normal, and a limit of 99999 is one.
PLAUSIBLE = (0, 1.5, 99999)


def test_damage_to_a_liver_value_never_frees_a_patient() -> None:
    value = a_liver_value(900)
    assert screened(chart_with(value)).status is Status.HOLD
    for path, garbage, variant in variants(value):
        ahead = garbage == "2999-01-01" and path == ("effectiveDateTime",)
        number = path[-1] == "value" and garbage in PLAUSIBLE and garbage is not False
        assert screened(chart_with(variant)).status is not Status.CANDIDATE or ahead or number, (
            path,
            str(garbage)[:20],
        )


def test_damage_to_a_woman_or_her_old_test_never_tells_that_she_is_not_pregnant() -> None:
    woman = a_patient(gender="female", active=True, deceasedBoolean=False)
    test = an_hcg("260415000", when=days_ago(31), performer=[{"display": "A laboratory"}])
    rest = [a_condition(), OLDER]
    assert screened([woman, test, *rest]).status is Status.NEEDS_REVIEW
    for path, garbage, variant in variants(woman):
        assert screened([variant, test, *rest]).status is not Status.CANDIDATE, (path, str(garbage)[:20])
    for path, garbage, variant in variants(test):
        assert screened([woman, variant, *rest]).status is not Status.CANDIDATE, (path, str(garbage)[:20])


def test_damage_to_the_only_name_of_an_entry_is_noticed() -> None:
    for garbage in ("???", "2999-01-01", "\u0000", "", 5, None):
        for entry in (
            an_allergy(None, text=None) | {"code": {"text": garbage}},
            a_condition(None) | {"code": {"text": garbage}},
            a_medication(None, text=None) | {"medicationCodeableConcept": {"text": garbage}},
        ):
            assert screened([*CANDIDATE, entry]).status is Status.INSUFFICIENT_DATA


def test_there_are_far_more_than_five_hundred_variants() -> None:
    counts = [sum(1 for _ in variants(entry)) for entries in (*AGAINST.values(), CANDIDATE) for entry in entries]
    assert sum(counts) > 5000


def test_a_pressure_under_a_damaged_code_is_known_by_its_components() -> None:
    parts = [a_component("8480-6", mmhg(150)), a_component("8462-4", mmhg(80))]
    for code in ("???", {}, {"coding": [{"system": LOINC, "code": "???"}]}, a_concept("0-0", LOINC)):
        failing = a_blood_pressure(component=parts, code=code)
        assert screened(chart_with(failing)).status is Status.HOLD
