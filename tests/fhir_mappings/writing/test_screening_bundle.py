"""What a screening says as FHIR: elements, links, what counts as an issue, refusals, valid by other judges."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import fhirkit
import pytest

from fhir_mappings import wire
from fhir_mappings.facts.screening import ScreeningFinding, ScreeningRecord
from fhir_mappings.writing.canonical import SCREENING_RULE_SYSTEM
from fhir_mappings.writing.screening_bundle import Unwritable, screening_bundle, screening_resources
from fhir_mappings.writing.terminology import ISSUE_CATEGORY
from fhir_mappings.writing.transaction import transaction
from tests.fhir_mappings.writing.a_screening import (
    a_finding,
    a_full_screening,
    a_screening,
    an_answer,
    an_override,
)
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, INSTANCE, NURSE, an_id, at

Json = dict[str, Any]
HL7 = "http://terminology.hl7.org/CodeSystem"


def _entries(record: ScreeningRecord) -> list[Json]:
    entries: list[Json] = wire.decode(screening_bundle(record, INSTANCE))["entry"]
    return entries


def _impression(record: ScreeningRecord) -> Json:
    resource: Json = _entries(record)[0]["resource"]
    assert resource["resourceType"] == "ClinicalImpression"
    return resource


def _issues(record: ScreeningRecord) -> dict[str, Json]:
    """By rule."""
    found = [entry["resource"] for entry in _entries(record) if entry["resource"]["resourceType"] == "DetectedIssue"]
    return {
        next(one["code"] for one in issue["code"]["coding"] if one["system"] == SCREENING_RULE_SYSTEM): issue
        for issue in found
    }


def _issue(finding: ScreeningFinding, **changes: Any) -> Json:
    (issue,) = _issues(a_screening(findings=(finding,), **changes)).values()
    return issue


# --- the whole ---


def test_a_screening_is_one_impression_an_issue_for_each_finding_against_treatment_and_the_app() -> None:
    entries = _entries(a_full_screening())
    kinds = [entry["resource"]["resourceType"] for entry in entries]
    assert kinds == ["ClinicalImpression", *["DetectedIssue"] * 5, "Device"]
    assert list(_issues(a_full_screening())) == ["ABS-ICH", "HOLD-PSY", "HOLD-PREG", "DATA-TEXT", "AGE-65"]


def test_each_entry_is_named_by_its_identifier() -> None:
    entries = _entries(a_full_screening())
    names = [entry["resource"]["identifier"][0] for entry in entries]
    uuids = [uuid5(NAMESPACE_URL, "{system}|{value}".format(**name)) for name in names]
    assert [entry["fullUrl"] for entry in entries] == [f"urn:uuid:{uuid}" for uuid in uuids]
    assert len({entry["fullUrl"] for entry in entries}) == len(entries)
    assert names[0] == {"system": "https://app.example/sid/screening", "value": an_id(10)}
    assert {name["system"] for name in names[1:-1]} == {"https://app.example/sid/finding"}
    assert names[-1] == {"system": "https://app.example/sid/device", "value": "ketamine-pathway/0.1.0"}


def test_the_same_screening_gives_the_same_bytes() -> None:
    assert screening_bundle(a_full_screening(), INSTANCE) == screening_bundle(a_full_screening(), INSTANCE)


def test_a_finding_keeps_its_identifier_whatever_else_was_found_and_another_screening_has_another() -> None:
    alone, beside_others = _issue(a_finding()), _issues(a_full_screening())["HOLD-PSY"]
    assert alone["identifier"] == beside_others["identifier"]
    assert _issue(a_finding(), id=an_id(11))["identifier"] != alone["identifier"]


def test_what_is_sent_is_what_is_in_the_bundle_the_issues_before_the_impression_that_names_them() -> None:
    resources = screening_resources(a_full_screening(), INSTANCE)
    impression, *others = [entry["resource"] for entry in _entries(a_full_screening())]
    assert [wire.decode(one.body) for one in resources] == [*others[:-1], impression]
    assert [(one.system, one.value) for one in resources] == [
        (name["system"], name["value"]) for name in (r["identifier"][0] for r in (*others[:-1], impression))
    ]


def test_labels_say_nothing_of_the_patient() -> None:
    labels = [one.label for one in screening_resources(a_full_screening(), INSTANCE)]
    assert labels == [*(f"Finding against treatment {number}" for number in range(1, 6)), "Screening"]


def test_a_large_chart_is_listed_in_full() -> None:
    read = tuple(f"Observation/{number}" for number in range(5000)) + tuple(f"Condition/{n}" for n in range(5000))
    impression = _impression(a_screening(read=read))
    assert len(impression["investigation"][0]["item"]) == len(impression["supportingInfo"]) == 5000


# --- the ClinicalImpression ---


def test_the_impression_says_of_whom_for_which_day_by_whom_and_by_which_rules() -> None:
    impression = _impression(a_full_screening())
    assert impression["status"] == "completed"
    assert impression["subject"] == {"reference": f"{EHR}/Patient/p1"}
    assert impression["encounter"] == {"reference": f"{EHR}/Encounter/e1"}
    assert impression["effectiveDateTime"] == "2026-11-20"
    assert impression["date"] == "2026-11-20T10:00:00-05:00"
    assert impression["assessor"] == {"reference": DOCTOR.reference, "display": "Dr Ada Okafor"}
    assert impression["protocol"] == ["https://ketamine-pathway.example/fhir/PlanDefinition/ketamine-screening|1.0"]
    assert impression["problem"] == [{"reference": f"{EHR}/Condition/1"}]


def test_all_that_was_read_is_named_once_by_its_version_as_investigation_where_r4_allows_it() -> None:
    impression = _impression(a_full_screening())
    (investigation,) = impression["investigation"]
    assert investigation["code"]["text"] == "Read for screening"
    assert [item["reference"] for item in investigation["item"]] == [
        f"{EHR}/Observation/2/_history/1",
        f"{EHR}/Observation/3",
        f"{EHR}/QuestionnaireResponse/6/_history/1",
    ]
    others = [one for one in impression["supportingInfo"] if one.get("type") != "DetectedIssue"]
    assert others == [
        {"reference": f"{EHR}/AllergyIntolerance/5/_history/1"},
        {"reference": f"{EHR}/Condition/1/_history/3"},
        {"reference": f"{EHR}/Condition/7/_history/2"},
        {"display": "An entry of the chart without an id that can be followed"},
        {"reference": f"{EHR}/MedicationRequest/4"},
        {"reference": f"{EHR}/Patient/p1/_history/9"},
    ]


def test_what_was_read_twice_is_named_once() -> None:
    twice = ("Condition/1/_history/3", "Observation/2")
    impression = _impression(a_screening(read=twice * 2, conditions=("Condition/1",) * 2))
    assert [len(impression[name]) for name in ("problem", "supportingInfo")] == [1, 1]
    assert len(impression["investigation"][0]["item"]) == 1


def test_the_impression_leads_to_each_of_its_issues() -> None:
    record = a_full_screening()
    led_to = [one for one in _impression(record)["supportingInfo"] if one.get("type") == "DetectedIssue"]
    full_urls = {entry["fullUrl"] for entry in _entries(record) if "severity" in entry["resource"]}
    assert {one["reference"] for one in led_to} == full_urls
    assert [one["identifier"] for one in led_to] == [one["identifier"][0] for one in _issues(record).values()]


def test_every_rule_stands_there_with_its_answer_whatever_it_was() -> None:
    findings = {
        one["itemCodeableConcept"]["coding"][0]["code"]: one for one in _impression(a_full_screening())["finding"]
    }
    assert list(findings) == [finding.rule for finding in a_full_screening().findings]
    states = {rule: one["extension"][0]["valueCoding"]["code"] for rule, one in findings.items()}
    assert states == {finding.rule: finding.state for finding in a_full_screening().findings}
    words = {rule: one["itemCodeableConcept"]["text"] for rule, one in findings.items()}
    assert words["HOLD-PSY"] == "Is psychosis current or recent? Met."
    assert words["ABS-SCZ"].endswith(" Not met.")
    assert words["REV-SUD"].endswith(" Not enough data.")
    assert words["CAU-BZD"].endswith(" Could not look.")
    assert findings["HOLD-PSY"]["basis"] == "Psychosis was recorded in the last 180 days. (Condition/7/_history/2)"
    assert "basis" not in findings["MISS-BP"]


def test_the_summary_tells_the_status_and_the_counts() -> None:
    assert _impression(a_full_screening())["summary"] == (
        "Contraindicated. With overrides: needs review. "
        "Rules: met 8, not met 1, not enough data 1, could not look 1. "
        "Against treatment: 5. Entries or searches that could not be used: 2."
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("contraindicated", "Contraindicated"),
        ("hold", "Not now"),
        ("no-indication", "No indication found"),
        ("insufficient-data", "Not enough data"),
        ("needs-review", "Needs review"),
        ("candidate", "No exclusion found"),
    ],
)
def test_each_status_has_its_words(status: str, words: str) -> None:
    assert _impression(a_screening(status=status))["summary"] == (
        f"{words}. Rules: met 0, not met 0, not enough data 0, could not look 0. "
        "Against treatment: 0. Entries or searches that could not be used: 0."
    )


def test_alerts_gaps_answers_and_overrides_are_notes_by_those_who_made_them() -> None:
    alert, gaps, answer, *overrides = _impression(a_full_screening())["note"]
    assert alert == gaps | {"text": "Alert: Suicidal ideation on record: assess now."}
    assert gaps == {
        "authorString": "ketamine-pathway 0.1.0",
        "time": "2026-11-20T10:00:00-05:00",
        "text": "Could not be used: medications: the EHR refused it (403); Observation/8: the unit is not known.",
    }
    assert answer == {
        "authorReference": {"reference": NURSE.reference, "display": "Ben Iyer"},
        "time": "2026-11-20T09:50:00-05:00",
        "text": "Is the patient pregnant? The patient says yes; asked on 2026-11-20, holds until 2026-11-27.",
    }
    assert [note["text"] for note in overrides] == [
        "ABS-ICH overridden: Seen by neurology: a delirium, long over.",
        "DATA-TEXT overridden: Seen by neurology: a delirium, long over.",
    ]
    assert {note["authorReference"]["reference"] for note in overrides} == {DOCTOR.reference}


def test_an_answer_of_unknown_is_told_as_such() -> None:
    (note,) = _impression(a_screening(answers=(an_answer(said="unknown"),)))["note"]
    assert "The patient could not say;" in note["text"]


@pytest.mark.parametrize(
    ("reference", "name", "known_as"),
    [
        ("", "Dr Ada Okafor", "Dr Ada Okafor"),
        (f"{EHR}/RelatedPerson/1", "Dr Ada Okafor", "Dr Ada Okafor"),
        ("", " ", "A user whom the EHR did not name"),
    ],
)
def test_who_is_no_practitioner_of_the_ehr_looked_by_name_alone(reference: str, name: str, known_as: str) -> None:
    record = a_screening(assessor=replace(DOCTOR, reference=reference, name=name))
    assert _impression(record)["assessor"] == {"display": known_as}


def test_an_empty_screening_says_no_more_than_it_has() -> None:
    impression = _impression(a_screening())
    for element in ("problem", "investigation", "finding", "supportingInfo", "note", "encounter"):
        assert element not in impression


# --- the DetectedIssues ---


@pytest.mark.parametrize(
    ("kind", "effect", "severity"),
    [
        ("contraindication", "contraindicated", "high"),
        ("review", "contraindicated", "high"),  # a child below 13
        ("hold", "hold", "moderate"),
        ("review", "hold", "moderate"),
        ("review", "needs-review", "moderate"),
        ("contraindication", "needs-review", "moderate"),
        ("caution", None, "low"),
        ("missing", "contraindicated", "high"),  # what is grave is never left out for its kind
        ("indication", "hold", "moderate"),
        ("indication", None, None),
        ("indication", "no-indication", None),
        ("indication", "needs-review", None),
        ("missing", "insufficient-data", None),
        ("missing", "needs-review", None),
        ("information", None, None),
        ("review", None, None),
    ],
)
def test_what_stands_against_treatment_is_an_issue_as_grave_as_its_effect(
    kind: str, effect: str | None, severity: str | None
) -> None:
    issues = _issues(a_screening(findings=(a_finding(kind=kind, effect=effect),)))
    assert [issue["severity"] for issue in issues.values()] == ([severity] if severity else [])


@pytest.mark.parametrize("state", ["not-met", "not-enough-data", "could-not-look"])
@pytest.mark.parametrize(("kind", "effect"), [("hold", "hold"), ("caution", None), ("review", "needs-review")])
def test_only_what_was_found_is_an_issue(state: str, kind: str, effect: str | None) -> None:
    assert _issues(a_screening(findings=(a_finding(state=state, kind=kind, effect=effect),))) == {}


def test_an_issue_says_what_was_found_on_what_and_by_which_app() -> None:
    issue = _issue(a_finding(), read=("Condition/7/_history/2",))
    assert issue["status"] == "final"
    assert issue["patient"] == {"reference": f"{EHR}/Patient/p1"}
    assert issue["identifiedDateTime"] == "2026-11-20T10:00:00-05:00"
    assert issue["code"] == {
        "coding": [
            {"system": f"{HL7}/v3-ActCode", "code": "COND", "display": "Condition Alert"},
            {"system": SCREENING_RULE_SYSTEM, "code": "HOLD-PSY"},
        ],
        "text": "Is psychosis current or recent?",
    }
    assert issue["detail"] == "Psychosis was recorded in the last 180 days."
    assert issue["implicated"] == [{"reference": f"{EHR}/Condition/7"}]
    assert issue["evidence"] == [{"detail": [{"reference": f"{EHR}/Condition/7/_history/2"}]}]
    device = _entries(a_screening())[-1]["resource"]
    assert issue["author"]["identifier"] == device["identifier"][0]
    assert device["version"] == [{"value": "0.1.0"}]
    assert "mitigation" not in issue


def test_a_rule_without_a_fitting_alert_has_its_own_code_alone() -> None:
    (coding,) = _issue(a_finding("DATA-TEXT"))["code"]["coding"]
    assert coding == {"system": SCREENING_RULE_SYSTEM, "code": "DATA-TEXT"}


def test_what_the_patient_said_is_evidence_in_words() -> None:
    issue = _issues(a_full_screening())["HOLD-PREG"]
    words = "Is the patient pregnant? The patient says yes; asked on 2026-11-20, holds until 2026-11-27."
    assert issue["evidence"] == [{"code": [{"text": words}]}]
    assert "implicated" not in issue


def test_evidence_that_names_no_entry_is_no_reference() -> None:
    issue = _issue(a_finding(evidence=("blood pressure", "Observation", "answer/nobody", "")))
    assert "evidence" not in issue
    assert "implicated" not in issue


@pytest.mark.parametrize(("assessed", "code"), [(False, "1"), (True, "2")])
def test_an_override_is_a_mitigation_by_its_prescriber(assessed: bool, code: str) -> None:
    (mitigation,) = _issue(a_finding(override=an_override(assessed=assessed)))["mitigation"]
    assert mitigation["action"]["coding"][0]["system"] == f"{HL7}/v3-ActCode"
    assert mitigation["action"]["coding"][0]["code"] == code
    assert mitigation["action"]["text"] == "Seen by neurology: a delirium, long over."
    assert mitigation["date"] == "2026-11-20T10:30:00-05:00"
    assert mitigation["author"] == {"reference": DOCTOR.reference, "display": "Dr Ada Okafor"}


def test_an_override_changes_nothing_else_of_the_issue() -> None:
    overridden = _issue(a_finding(override=an_override()))
    del overridden["mitigation"]
    assert overridden == _issue(a_finding())


# --- refusals ---


@pytest.mark.parametrize(
    ("record", "fact"),
    [
        (a_screening(at=at(10).replace(tzinfo=None)), "record.at"),
        (a_screening(patient="Patient/p1"), "record.patient"),
        (a_screening(patient="https://other.example/fhir/Patient/p1"), "record.patient"),
        (a_screening(patient=f"{EHR}/Patient/"), "record.patient"),
        (a_screening(fhir_base="fhir"), "record.fhir_base"),
        (a_screening(id="no id!"), "screening.id"),
        (a_screening(encounter="Encounter/e1"), "record.encounter"),
        (a_screening(conditions=("Observation/1",)), "record.conditions"),
        (a_screening(assessor=replace(DOCTOR, reference="Practitioner/doctor")), "record.assessor"),
        (a_screening(status="fine"), "record.status"),
        (a_screening(after_overrides="fine"), "record.after_overrides"),
        (a_screening(rules_version="1|2"), "record.rules_version"),
        (a_screening(findings=(a_finding(), a_finding())), "record.findings"),
        (a_screening(findings=(a_finding(rule=""),)), "record.findings[0].rule"),
        (a_screening(findings=(a_finding(state="perhaps"),)), "record.findings[0].state"),
        (a_screening(findings=(a_finding(kind="mood"),)), "record.findings[0].kind"),
        (a_screening(findings=(a_finding(effect="grave"),)), "record.findings[0].effect"),
        (a_screening(findings=(a_finding(question=" "),)), "record.findings[0].question"),
        (
            a_screening(findings=(a_finding(override=an_override(reason="\x00 ")),)),
            "record.findings[0].override.reason",
        ),
        (
            a_screening(findings=(a_finding(state="not-met", override=an_override()),)),
            "record.findings[0].override",
        ),
        (
            a_screening(findings=(a_finding(override=an_override(at=at(10).replace(tzinfo=None))),)),
            "record.findings[0].override.at",
        ),
    ],
)
def test_facts_without_an_honest_form_are_refused_by_name(record: ScreeningRecord, fact: str) -> None:
    with pytest.raises(Unwritable) as refused:
        screening_bundle(record, INSTANCE)
    assert refused.value.fact == fact


# --- judged by others ---

SCREENINGS = [
    pytest.param(a_screening(), id="as little as there can be"),
    pytest.param(a_full_screening(), id="all that can be on record"),
    pytest.param(a_full_screening(read=(), conditions=(), gaps=(), answers=()), id="nothing read"),
    pytest.param(a_screening(read=("Observation/1",)), id="a single observation"),
    pytest.param(a_screening(read=("Patient/p1", "Condition")), id="nothing to investigate"),
    *(pytest.param(a_screening(findings=(a_finding(rule),)), id=rule) for rule in sorted(ISSUE_CATEGORY)),
]


@pytest.mark.parametrize("record", SCREENINGS)
def test_a_screening_passes_the_structural_validator(record: ScreeningRecord) -> None:
    for body in (*(one.body for one in screening_resources(record, INSTANCE)), screening_bundle(record, INSTANCE)):
        assert fhirkit.validate(body) == []


@pytest.mark.parametrize("record", SCREENINGS[:5])
def test_a_screening_meets_r4_and_our_profiles(
    record: ScreeningRecord, profile_errors: Callable[[bytes], list[str]]
) -> None:
    sent = transaction(screening_resources(record, INSTANCE), fhir_base=EHR, known={})
    bundle = screening_bundle(record, INSTANCE)
    for body in (*(json.dumps(entry["resource"]).encode() for entry in wire.decode(bundle)["entry"]), bundle, sent):
        assert profile_errors(body) == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("ClinicalImpression", ["summary"]),
        ("ClinicalImpression", ["protocol"]),
        ("ClinicalImpression", ["assessor"]),
        ("ClinicalImpression", ["finding", 0, "extension"]),
        ("DetectedIssue", ["author"]),
        ("DetectedIssue", ["severity"]),
        ("DetectedIssue", ["identifiedDateTime"]),
    ],
)
def test_our_own_profiles_are_enforced(
    kind: str, path: list[str | int], profile_errors: Callable[[bytes], list[str]]
) -> None:
    resource = next(e["resource"] for e in _entries(a_full_screening()) if e["resource"]["resourceType"] == kind)
    holder: Any = resource
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    assert profile_errors(json.dumps(resource).encode()) != []


def test_references_in_an_investigation_are_of_the_types_r4_allows() -> None:
    kinds = (
        "Condition",
        "MedicationStatement",
        "Observation",
        "QuestionnaireResponse",
        "Procedure",
        "DiagnosticReport",
    )
    impression = _impression(a_screening(read=tuple(f"{kind}/1" for kind in kinds)))
    items = [one["reference"].split("/")[-2] for one in impression["investigation"][0]["item"]]
    assert items == ["Observation", "QuestionnaireResponse", "DiagnosticReport"]
    assert len(impression["supportingInfo"]) == 3
