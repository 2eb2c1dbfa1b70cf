"""A kept screening handed out as FHIR: whole, the same each time, audited, and never another patient's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.wire import decode
from smart_app.use_cases.access import OtherPatient
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, Json
from smart_app.use_cases.screening.screening_as_fhir import screening_as_fhir
from smart_app.use_cases.site import Site
from tests.builders import a_condition
from tests.smart_app.use_cases.a_screened_patient import AL, HOLM, Screened

SITE = Site(base_url="https://clinic.example", version="0.1.0")


def exported(room: Screened, caller: Caller = HOLM) -> bytes:
    return screening_as_fhir(room.work, room.clock, caller, room.latest.id, SITE)


def of_type(bundle: bytes, kind: str) -> list[Json]:
    resources: list[Any] = [entry["resource"] for entry in decode(bundle)["entry"]]
    return [resource for resource in resources if resource["resourceType"] == kind]


@pytest.fixture
def room() -> Screened:
    made = Screened()
    made.screen(a_condition("F20.9", id="scz"))
    made.later(minutes=5)
    made.answer(ABS_ICH="yes")
    made.override("ABS-SCZ")
    return made


def test_each_finding_against_treatment_is_a_detected_issue_with_its_override(room: Screened) -> None:
    issues = of_type(exported(room), "DetectedIssue")
    by_rule = {coding["code"]: issue for issue in issues for coding in issue["code"]["coding"]}
    assert {"ABS-SCZ", "ABS-ICH"} <= by_rule.keys()
    assert by_rule["ABS-SCZ"]["severity"] == "high"
    (mitigation,) = by_rule["ABS-SCZ"]["mitigation"]
    assert mitigation["action"]["text"] == "seen by two psychiatrists"
    assert mitigation["author"]["reference"] == HOLM.clinician.reference
    assert "mitigation" not in by_rule["ABS-ICH"]


def test_the_impression_holds_every_rule_and_what_was_read(room: Screened) -> None:
    (impression,) = of_type(exported(room), "ClinicalImpression")
    asked = len(room.latest.result["findings"]) + len(room.latest.result["looked_at"])
    assert len(impression["finding"]) == asked == 66
    assert "contraindicated" in impression["summary"]
    assert impression["subject"]["reference"] == HOLM.patient


def test_it_is_the_same_each_time_and_each_time_audited(room: Screened) -> None:
    first = exported(room)
    room.later(days=2)
    assert exported(room, AL) == first
    assert [record.actor for record in room.audit[:1]] == [AL.clinician.reference]
    assert room.audit[0].action == "clinician:screening:export"


def test_another_patient_s_screening_is_refused_and_audited(room: Screened) -> None:
    with pytest.raises(OtherPatient):
        exported(room, replace(HOLM, patient_id="ben"))
    with room.work() as uow:
        (record,) = uow.audit.of_patient(replace(HOLM, patient_id="ben").patient)
    assert record.outcome is AuditOutcome.REFUSED


def test_one_that_is_not_there_is_refused(room: Screened) -> None:
    with pytest.raises(Refused, match="no such screening"):
        screening_as_fhir(room.work, room.clock, HOLM, "none", SITE)
