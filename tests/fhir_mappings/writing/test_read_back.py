"""Reading back: what an EHR may do to a resource, and what it may not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings import wire
from fhir_mappings.writing.read_back import differences, holds, same_subject_and_identifier
from fhir_mappings.writing.screening_bundle import screening_resources
from fhir_mappings.writing.session_bundle import session_resources, transaction
from tests.fhir_mappings.writing.a_screening import a_finding, a_screening
from tests.fhir_mappings.writing.a_session import EHR, INSTANCE, a_course, a_full_session, an_id

Json = dict[str, Any]


@pytest.fixture
def sent() -> list[Json]:
    """Procedure, MedicationAdministration, blood pressure and Provenance as they travelled."""
    resources = session_resources(a_full_session(), a_course(), INSTANCE)
    bundle = wire.decode(transaction(resources, fhir_base=EHR, known={an_id(9): "CarePlan/12"}))
    bodies = [entry["resource"] for entry in bundle["entry"]]
    return [*bodies[:3], bodies[-1]]


def _drop_zeros(body: Json) -> None:
    body["dosage"]["dose"]["value"] = Decimal("41.1")


def _other_zone(body: Json) -> None:
    body["effectivePeriod"]["start"] = "2026-11-20T19:00:00.000Z"


def _absolute(body: Json) -> None:
    body["subject"]["reference"] = f"{EHR}/Patient/p1/_history/4"


def _served(body: Json) -> None:
    body |= {"id": "7", "meta": {"versionId": "1"}, "text": {"status": "generated", "div": "<div/>"}}
    body["medicationCodeableConcept"]["coding"].insert(0, {"system": "urn:local", "code": "KET"})
    body["performer"].reverse()
    body["effectivePeriod"]["_start"] = {"extension": [{"url": "urn:x", "valueCode": "y"}]}


def _resolved(body: Json) -> None:
    body["partOf"][0]["reference"] = "Procedure/5"


@pytest.mark.parametrize("change", [_drop_zeros, _other_zone, _absolute, _served, _resolved])
def test_what_says_the_same_is_no_difference(sent: list[Json], change: Callable[[Json], None]) -> None:
    received = copy.deepcopy(sent[1])
    change(received)
    assert differences(sent[1], received) == ()


def _less(body: Json) -> None:
    body["dosage"]["dose"]["value"] = Decimal("41.11")


def _text_instead(body: Json) -> None:
    body["dosage"]["dose"]["value"] = "41.10"


def _later(body: Json) -> None:
    body["effectivePeriod"]["start"] = "2026-11-20T14:00:00-06:00"


def _other_patient(body: Json) -> None:
    body["subject"]["reference"] = "Patient/p2"


def _status(body: Json) -> None:
    body["status"] = "completed"


def _part_of_another_type(body: Json) -> None:
    body["partOf"][0]["reference"] = "MedicationAdministration/5"


def _no_waste(body: Json) -> None:
    del body["extension"][2]


def _no_route(body: Json) -> None:
    del body["dosage"]["route"]


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        (_less, ("MedicationAdministration.dosage.dose.value",)),
        (_text_instead, ("MedicationAdministration.dosage.dose.value",)),
        (_later, ("MedicationAdministration.effectivePeriod.start",)),
        (_other_patient, ("MedicationAdministration.subject.reference",)),
        (_status, ("MedicationAdministration.status",)),
        (_part_of_another_type, ("MedicationAdministration.partOf[0].reference",)),
        (_no_waste, ("MedicationAdministration.extension[2]",)),
        (_no_route, ("MedicationAdministration.dosage.route",)),
    ],
)
def test_what_says_something_else_is_named(
    sent: list[Json], change: Callable[[Json], None], paths: tuple[str, ...]
) -> None:
    received = copy.deepcopy(sent[1])
    change(received)
    assert differences(sent[1], received) == paths


def test_an_item_may_not_stand_for_two(sent: list[Json]) -> None:
    received = copy.deepcopy(sent[2])
    sent[2]["component"] = [sent[2]["component"][0]] * 2
    received["component"] = [received["component"][0]]
    assert differences(sent[2], received) == ("Observation.component[1]",)


def test_true_is_not_one() -> None:
    assert differences({"resourceType": "X", "flag": True}, {"resourceType": "X", "flag": 1}) == ("X.flag",)


def test_what_only_looks_like_a_time_is_compared_as_text() -> None:
    sent, received = ({"resourceType": "X", "at": f"2026-13-01T10:00:00{zone}"} for zone in ("Z", "+00:00"))
    assert differences(sent, received) == ("X.at",)
    assert differences(sent, dict(sent)) == ()


def test_a_reference_on_another_server_is_another(sent: list[Json]) -> None:
    absolute, elsewhere = copy.deepcopy(sent[1]), copy.deepcopy(sent[1])
    absolute["subject"]["reference"] = f"{EHR}/Patient/p1"
    elsewhere["subject"]["reference"] = "https://other.example/fhir/Patient/p1"
    assert differences(absolute, elsewhere) == ("MedicationAdministration.subject.reference",)


def test_the_resource_that_was_sent_is_recognised(sent: list[Json]) -> None:
    for body in sent:
        received = copy.deepcopy(body) | {"id": "1"}
        if "subject" in received:
            received["subject"]["reference"] = f"{EHR}/Patient/p1"
        assert same_subject_and_identifier(body, received)


def _renamed(body: Json) -> None:
    body["identifier"][0]["value"] = an_id(77)


def _other_type(body: Json) -> None:
    body["resourceType"] = "MedicationStatement"


def _nameless(body: Json) -> None:
    del body["identifier"]


@pytest.mark.parametrize("change", [_renamed, _other_type, _other_patient, _nameless])
def test_another_resource_is_never_taken_for_it(sent: list[Json], change: Callable[[Json], None]) -> None:
    received = copy.deepcopy(sent[1])
    change(received)
    assert not same_subject_and_identifier(sent[1], received)


def test_a_provenance_is_recognised_by_its_tag_alone(sent: list[Json]) -> None:
    received = copy.deepcopy(sent[3])
    received["meta"]["tag"].append({"system": "urn:ehr", "code": "x"})
    assert same_subject_and_identifier(sent[3], received)
    received["meta"]["tag"] = received["meta"]["tag"][1:]
    assert not same_subject_and_identifier(sent[3], received)


def test_an_issue_of_another_patient_is_not_taken_for_it() -> None:
    """DetectedIssue names its patient by an element of its own."""
    issue, _ = screening_resources(a_screening(findings=(a_finding(),)), INSTANCE)
    sent = wire.decode(issue.body)
    assert same_subject_and_identifier(sent, copy.deepcopy(sent))
    assert not same_subject_and_identifier(sent, sent | {"patient": {"reference": f"{EHR}/Patient/p2"}})


def test_a_long_list_is_compared_item_by_item_however_it_was_moved() -> None:
    items = [{"reference": f"Observation/{number}"} for number in range(200)]
    sent = {"resourceType": "ClinicalImpression", "supportingInfo": items}
    for received in (items, items[::-1], [*items[1:], items[0]], [{"display": "one more"}, *items]):
        assert differences(sent, sent | {"supportingInfo": received}) == ()
    assert differences(sent, sent | {"supportingInfo": items[:-1]}) == ("ClinicalImpression.supportingInfo[199]",)
    assert differences(sent, sent | {"supportingInfo": items[1:]}) != ()


def test_a_resource_without_a_name_is_never_recognised() -> None:
    assert not same_subject_and_identifier({"resourceType": "Procedure"}, {"resourceType": "Procedure"})


@pytest.mark.parametrize(
    ("element", "part", "says_it"),
    [
        ("completed", "stopped", False),
        ("completed", "completed", True),
        ({"text": "a"}, ["a"], False),
        ([{"text": "a"}, {"text": "b"}], [{"text": "b"}], True),
        (True, False, False),
    ],
)
def test_whole_values_are_compared_too(element: object, part: object, says_it: bool) -> None:
    assert holds(element, part) is says_it
