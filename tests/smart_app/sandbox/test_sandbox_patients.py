"""The synthetic patients are valid R4, dated relative to today, and complete but for their point."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from smart_app.sandbox.patients.table import PATIENTS, STATUSES, SyntheticPatient, resources_of
from smart_app.sandbox.people import STAFF, staff_resources

TODAYS = (date(2026, 3, 17), date(2028, 2, 29), date(2027, 1, 1))
EACH = pytest.mark.parametrize("patient", PATIENTS, ids=[one.slug for one in PATIENTS])
CANDIDATES = pytest.mark.parametrize(
    "patient",
    [one for one in PATIENTS if one.expected == "candidate"],
    ids=[one.slug for one in PATIENTS if one.expected == "candidate"],
)


def chart(patient: SyntheticPatient, today: date = TODAYS[0]) -> list[dict[str, Any]]:
    return resources_of(patient, generation=1, today=today)


def of_code(resources: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [one for one in resources if code in json.dumps(one.get("code", {}))]


def test_the_table_names_every_status_and_nobody_twice() -> None:
    assert {one.expected for one in PATIENTS} == set(STATUSES)
    assert len({one.slug for one in PATIENTS}) == len({one.id(1) for one in PATIENTS}) == len(PATIENTS) == 24
    assert all(one.shows.endswith(".") for one in PATIENTS)


@EACH
def test_every_resource_is_valid_and_points_into_its_own_chart(patient: SyntheticPatient) -> None:
    for today in TODAYS:
        resources = chart(patient, today)
        assert len({(one["resourceType"], one["id"]) for one in resources}) == len(resources)
        for one in resources:
            get_fhir_model_class(one["resourceType"]).model_validate(one)
            if one["resourceType"] != "Patient":
                subject = one.get("subject") or one.get("patient")
                assert subject == {"reference": f"Patient/{patient.id(1)}"}


@EACH
def test_nothing_is_dated_later_than_today(patient: SyntheticPatient) -> None:
    for one in chart(patient):
        if one["resourceType"] == "Encounter":
            continue
        for name in ("onsetDateTime", "abatementDateTime", "recordedDate", "effectiveDateTime", "authoredOn"):
            assert one.get(name, "")[:10] <= TODAYS[0].isoformat()


@EACH
def test_the_age_is_right_on_any_today(patient: SyntheticPatient) -> None:
    for today in TODAYS:
        born = date.fromisoformat(chart(patient, today)[0]["birthDate"])
        birthday_passed = (today.month, today.day) >= (born.month, born.day)
        assert today.year - born.year - (not birthday_passed) == patient.age


@CANDIDATES
def test_a_candidate_has_everything_that_stricter_rules_may_ask_for(patient: SyntheticPatient) -> None:
    resources = chart(patient)

    def fresh(code: str, days: int) -> bool:
        limit = (TODAYS[0] - timedelta(days=days)).isoformat()
        return any(one["effectiveDateTime"][:10] >= limit for one in of_code(resources, code))

    assert fresh("85354-9", 10)
    assert fresh("29463-7", 20)
    assert fresh("44261-6", 10)
    assert of_code(resources, "8302-2")
    if patient.gender == "female" and 12 <= patient.age <= 50:
        assert fresh("2106-3", 10)
    kinds = {one["resourceType"] for one in resources}
    assert {"Condition", "MedicationRequest", "AllergyIntolerance"} <= kinds
    newest = max(of_code(resources, "44261-6"), key=lambda one: str(one["effectiveDateTime"]))
    assert 17 <= newest["valueQuantity"]["value"] <= 22


def test_an_entry_in_error_has_no_clinical_status() -> None:
    """Invariant con-5, which the model does not check."""
    patient = next(one for one in PATIENTS if one.slug == "schizophrenia-entered-in-error")
    (wrong,) = of_code(chart(patient), "F20.9")
    assert wrong["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in wrong


def test_blood_pressures_at_the_limits_are_to_the_point() -> None:
    def newest(slug: str) -> list[float]:
        resources = chart(next(one for one in PATIENTS if one.slug == slug))
        panel = max(of_code(resources, "85354-9"), key=lambda one: str(one["effectiveDateTime"]))
        return [part["valueQuantity"]["value"] for part in panel["component"]]

    assert newest("bp-just-below") == [139, 99]
    assert newest("bp-systolic-at-limit") == [140, 80]
    assert newest("bp-diastolic-at-limit") == [120, 100]


def test_staff_are_valid_and_have_one_role_each() -> None:
    resources = staff_resources()
    for one in resources:
        get_fhir_model_class(one["resourceType"]).model_validate(one)
    roles = {one["code"][0]["coding"][0]["code"] for one in resources if one["resourceType"] == "PractitionerRole"}
    assert roles == {one.slug for one in STAFF} == {"psychiatrist", "nurse", "anaesthetist", "auditor"}
