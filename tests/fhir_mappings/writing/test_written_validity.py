"""Everything we write is valid R4, by judges who did not write it; and what they overlook is asserted here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import fhirkit
import pytest

from fhir_mappings import wire
from fhir_mappings.facts.programme import CourseStatus, TreatmentCourse
from fhir_mappings.facts.treatment import KetamineSession, Place, Route, SessionStatus
from fhir_mappings.writing import transaction as transactions
from fhir_mappings.writing.care_plan import care_plan, travelling
from fhir_mappings.writing.session_bundle import session_resources, transaction
from tests.fhir_mappings.writing.a_session import (
    EHR,
    GOALS,
    INSTANCE,
    NOT_JUDGED,
    a_course,
    a_dose,
    a_dose_from_vials,
    a_full_session,
    a_missed_session,
    a_session,
    an_eventful_session,
    an_id,
)

SESSIONS = [
    *(pytest.param(a_session(route=route), id=f"{route}, as little as there can be") for route in Route),
    *(pytest.param(a_full_session(route=route), id=f"{route}, all that can be recorded") for route in Route),
    pytest.param(a_session(place=Place.HOME), id="at home"),
    pytest.param(a_session(dose=a_dose(ended=None)), id="a dose of a single moment"),
    pytest.param(a_full_session(dose=a_dose_from_vials()), id="out of two vials, waste witnessed"),
    pytest.param(an_eventful_session(), id="rescue medicines"),
    pytest.param(a_session(of=None), id="an open-ended course"),
    pytest.param(a_session(readings=()), id="nothing measured"),
    pytest.param(a_session(status=SessionStatus.STOPPED, dose=None, reason="refused"), id="stopped before the dose"),
    pytest.param(a_missed_session(), id="not done"),
    pytest.param(a_full_session(status=SessionStatus.ENTERED_IN_ERROR), id="entered in error"),
]
COURSES = [
    *(pytest.param(a_course(route=route), id=f"{route}") for route in Route),
    *(pytest.param(a_course(status=status), id=f"{status}") for status in CourseStatus),
    *(pytest.param(a_course(status=status, goals=GOALS), id=f"{status}, goals") for status in CourseStatus),
    pytest.param(a_course(goals=NOT_JUDGED), id="goals that cannot be judged"),
    pytest.param(
        a_course(planned=(), notes=(), conditions=(), screening=None, counted=0), id="as little as there can be"
    ),
]
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def _bodies(session: KetamineSession) -> list[bytes]:
    return [one.body for one in session_resources(session, a_course(), INSTANCE)]


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session_passes_the_structural_validator(session: KetamineSession) -> None:
    for body in _bodies(session):
        assert fhirkit.validate(body) == []


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session_meets_us_core_and_our_profiles(
    session: KetamineSession, profile_errors: Callable[[bytes], list[str]]
) -> None:
    for body in _bodies(session):
        assert profile_errors(body) == []


@pytest.mark.parametrize("course", COURSES)
def test_a_course_is_valid_as_kept_and_as_sent(
    course: TreatmentCourse, profile_errors: Callable[[bytes], list[str]]
) -> None:
    written = care_plan(course, INSTANCE, procedures={an_id(11): "Procedure/5"})
    for body in (written.body, travelling(written, EHR)):
        assert fhirkit.validate(body) == []
        assert profile_errors(body) == []


def test_a_transaction_is_valid(profile_errors: Callable[[bytes], list[str]]) -> None:
    resources = session_resources(a_full_session(), a_course(), INSTANCE)
    bundle = transaction(resources, fhir_base=EHR, known={an_id(9): "CarePlan/12"})
    assert fhirkit.validate(bundle) == []
    assert profile_errors(bundle) == []


def test_a_session_whose_plan_the_ehr_does_not_take_is_valid(profile_errors: Callable[[bytes], list[str]]) -> None:
    resources = session_resources(a_full_session(), a_course(), INSTANCE)
    links = {one.value: f"{one.resource_type}/{number}" for number, one in enumerate(resources)}
    for one in resources:
        body = wire.encode(transactions.travelling(one, fhir_base=EHR, known={**links, an_id(9): None}))
        assert b"CarePlan" not in body
        assert fhirkit.validate(body) == []
        assert profile_errors(body) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["identifier"], None),
        (["dosage", "route"], None),
        (["extension", 0, "url"], "https://ketamine-pathway.example/fhir/StructureDefinition/unknown"),
    ],
)
def test_our_own_profiles_are_enforced(
    path: list[str | int], value: str | None, profile_errors: Callable[[bytes], list[str]]
) -> None:
    dose = json.loads(_bodies(a_full_session())[1])
    holder: Any = dose
    for step in path[:-1]:
        holder = holder[step]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    assert profile_errors(json.dumps(dose).encode()) != []


def _observations(session: KetamineSession) -> list[dict[str, Any]]:
    bodies = [wire.decode(body) for body in _bodies(session)]
    return [body for body in bodies if body["resourceType"] == "Observation"]


def test_vital_signs_say_their_category_profile_code_and_unit() -> None:
    expected = {
        "blood-pressure": ({"85354-9"}, "mm[Hg]"),
        "heart-rate": ({"8867-4"}, "/min"),
        "pulse-oximetry": ({"59408-5", "2708-6"}, "%"),
        "respiratory-rate": ({"9279-1"}, "/min"),
    }
    seen = set()
    for observation in _observations(a_full_session()):
        (profile,) = observation["meta"]["profile"]
        codes, unit = expected[profile.removeprefix(US_CORE)]
        category = observation["category"][0]["coding"][0]
        assert category["system"] == "http://terminology.hl7.org/CodeSystem/observation-category"
        assert category["code"] == "vital-signs"
        assert {one["code"] for one in observation["code"]["coding"]} == codes
        assert {one["system"] for one in observation["code"]["coding"]} == {"http://loinc.org"}
        for holder in (observation, *observation.get("component", [])):
            if "valueQuantity" in holder:
                assert holder["valueQuantity"]["code"] == unit
                assert holder["valueQuantity"]["system"] == "http://unitsofmeasure.org"
        seen.add(profile.removeprefix(US_CORE))
    assert seen == set(expected)


def test_blood_pressure_has_both_components_even_when_one_was_not_measured() -> None:
    half = next(one for one in _observations(a_full_session()) if one["identifier"][0]["value"] == f"{an_id(6)}-bp")
    upper, lower = half["component"]
    assert upper["code"]["coding"][0]["code"] == "8480-6"
    assert upper["valueQuantity"]["value"] == 118
    assert lower["code"]["coding"][0]["code"] == "8462-4"
    assert lower["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "valueQuantity" not in lower


@pytest.mark.parametrize("session", SESSIONS)
def test_every_agent_who_needs_one_acts_for_an_organisation(session: KetamineSession) -> None:
    provenance = wire.decode(_bodies(session)[-1])
    assert provenance["meta"]["profile"] == [f"{US_CORE}provenance"]
    for agent in provenance["agent"]:
        assert agent["onBehalfOf"] == {"reference": f"{EHR}/Organization/riverside"}


def test_a_procedure_and_a_course_claim_us_core() -> None:
    procedure = wire.decode(_bodies(a_session())[0])
    assert f"{US_CORE}procedure" in procedure["meta"]["profile"]
    plan = wire.decode(care_plan(a_course(), INSTANCE, procedures={}).body)
    assert f"{US_CORE}careplan" in plan["meta"]["profile"]
    assert plan["category"] == [
        {"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "code": "assess-plan"}]}
    ]
    assert plan["text"]["status"] == "generated"
