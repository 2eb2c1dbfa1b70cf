"""What is read through the gate: the launch patient, the granted types, one's own person, and no more."""

from __future__ import annotations

import pytest

from smart_app.sandbox.gate.offer import OFFERED, PAGE_SIZE
from tests.smart_app.sandbox.a_chart import (
    ALL,
    MRN,
    a_procedure,
    a_provenance,
    assert_refused,
    stored,
)
from tests.smart_app.sandbox.an_app import FHIR, AnApp, entries, query

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "path",
    [
        "/Patient/ben-1",
        "/Patient/ben-1/_history",
        "/Patient/ben-1/_history/1",
        "/Condition/ben-1-condition-1",
        "/Condition/ben-1-condition-1/_history",
        "/AllergyIntolerance/ben-1-allergyintolerance-1",
        "/Encounter/ben-1-encounter-1",
    ],
)
async def test_another_patients_resource_is_not_read(app: AnApp, path: str) -> None:
    reply = await app.fhir("GET", path, patient="ada-1", scope=ALL)
    assert_refused(reply, 403)
    assert (await app.fhir("GET", path, patient="ben-1", scope=ALL)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/Condition?patient=ben-1",
        "/Condition?subject=Patient/ben-1",
        "/Patient?_id=ben-1",
        f"/Patient?{query(identifier=f'{MRN}|RK-101-1')}",
        "/Observation?patient=ben-1&code=85354-9",
        "/Observation?_id=ben-1-observation-1",
        "/AllergyIntolerance?patient=Patient/ben-1",
    ],
)
async def test_a_search_for_another_patient_finds_nothing_and_counts_nothing(app: AnApp, path: str) -> None:
    reply = await app.fhir("GET", path, patient="ada-1", scope=ALL)
    assert entries(reply) == []
    assert reply.json()["total"] == 0
    assert entries(await app.fhir("GET", path, patient="ben-1", scope=ALL))


async def test_an_open_search_returns_only_the_launch_patients(app: AnApp) -> None:
    for path in ("/Patient", "/Condition", "/Observation", "/MedicationRequest"):
        found = entries(await app.fhir("GET", path, patient="ada-1", scope=ALL))
        assert found
        assert all(one["id"].startswith("ada-1") for one in found)


async def test_include_brings_only_types_that_are_in_the_scope(app: AnApp) -> None:
    path = "/MedicationRequest?_include=MedicationRequest:requester&_include=MedicationRequest:subject"
    narrow = entries(await app.fhir("GET", path, patient="ada-1", scope="patient/MedicationRequest.rs"))
    assert {one["resourceType"] for one in narrow} == {"MedicationRequest"}
    wide = "patient/MedicationRequest.rs patient/Practitioner.r patient/Patient.rs"
    found = entries(await app.fhir("GET", path, patient="ada-1", scope=wide))
    assert {one["resourceType"] for one in found} == {"MedicationRequest", "Practitioner", "Patient"}


async def test_include_and_revinclude_do_not_reach_other_patients(app: AnApp) -> None:
    paths = (
        "/Practitioner?_id=mira-holm&_revinclude=MedicationRequest:requester",
        "/Organization?_id=riverside&_revinclude=Patient:organization",
        "/Patient?_revinclude=Condition:subject&_include=Patient:organization&_revinclude:iterate=Patient:organization",
    )
    for path in paths:
        found = entries(await app.fhir("GET", path, patient="ada-1", scope=ALL))
        inside = [one for one in found if OFFERED[one["resourceType"]].patient]
        assert inside
        assert all(one["id"].startswith("ada-1") for one in inside)


@pytest.mark.parametrize(
    "path", ["/Condition?patient.name=Whitfield", "/Organization?_has:Patient:organization:family=W"]
)
async def test_chains_and_reverse_chains_are_not_followed(app: AnApp, path: str) -> None:
    assert_refused(await app.fhir("GET", path, patient="ada-1", scope=ALL), 400)


async def test_an_id_hidden_by_elements_does_not_open_a_way_out(app: AnApp) -> None:
    found = entries(await app.fhir("GET", "/Condition?_elements=code&_summary=text", patient="ada-1", scope=ALL))
    assert found
    assert all(one["subject"] == {"reference": "Patient/ada-1"} for one in found)


async def test_user_scopes_are_not_bound_to_the_patient(app: AnApp) -> None:
    found = entries(await app.fhir("GET", "/Condition?patient=ben-1", patient="ada-1", scope="user/Condition.rs"))
    assert found
    assert (await app.fhir("GET", "/Patient/ben-1", patient="ada-1", scope="user/Patient.r")).status_code == 200


async def test_types_outside_any_chart_are_readable_with_a_fitting_scope(app: AnApp) -> None:
    path = "/Organization/riverside"
    assert (await app.fhir("GET", path, patient="ada-1", scope="patient/Organization.r")).status_code == 200
    assert_refused(await app.fhir("GET", path, patient="ada-1", scope="patient/Patient.r"), 403)
    everyone = entries(await app.fhir("GET", "/Practitioner", patient="ada-1", scope="user/Practitioner.s"))
    assert len(everyone) == 4


async def test_openid_and_fhir_user_let_users_read_themselves_only(app: AnApp) -> None:
    scope = "openid fhirUser patient/Patient.r"
    assert (await app.fhir("GET", "/Practitioner/mira-holm", patient="ada-1", scope=scope)).status_code == 200
    roles = "/PractitionerRole?practitioner=mira-holm"
    (role,) = entries(await app.fhir("GET", roles, patient="ada-1", scope=scope))
    assert role["code"][0]["coding"][0]["code"] == "psychiatrist"
    for path in ("/Practitioner/tom-reyes", "/Practitioner", "/PractitionerRole?practitioner=tom-reyes"):
        assert_refused(await app.fhir("GET", path, patient="ada-1", scope=scope), 403)
    both = "/PractitionerRole?practitioner=tom-reyes,mira-holm"
    found = await app.fhir("GET", both, patient="ada-1", scope=scope)
    assert [one["id"] for one in entries(found)] == ["mira-holm-role"]
    for scope in ("openid patient/Patient.r", "fhirUser patient/Patient.r"):
        assert_refused(await app.fhir("GET", "/Practitioner/mira-holm", patient="ada-1", scope=scope), 403)


async def test_a_filtered_scope_shows_and_takes_only_what_it_names(app: AnApp) -> None:
    scope = "patient/Observation.crs?category=vital-signs"
    found = entries(await app.fhir("GET", "/Observation", patient="ada-1", scope=scope))
    assert {one["category"][0]["coding"][0]["code"] for one in found} == {"vital-signs"}
    survey = next(
        one for one in await stored(app, "Observation", "ada-1") if one["code"]["coding"][0]["code"] == "44261-6"
    )
    assert_refused(await app.fhir("GET", f"/Observation/{survey['id']}", patient="ada-1", scope=scope), 403)
    assert_refused(await app.fhir("POST", "/Observation", patient="ada-1", scope=scope, json=survey), 403)
    exact = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|survey"
    assert (await app.fhir("GET", f"/Observation/{survey['id']}", patient="ada-1", scope=exact)).status_code == 200


async def test_a_count_is_not_told_where_it_would_count_others(app: AnApp) -> None:
    theirs = {**a_procedure("ben-1"), "id": "ben-counted"}
    app.sandbox.charts.store.put([theirs, {**a_provenance("Procedure/ben-counted"), "id": "ben-proof"}])
    for path in ("/Provenance", "/Provenance?_summary=count", "/Provenance?target=Procedure/ben-counted"):
        reply = await app.fhir("GET", path, patient="rosa-1", scope=ALL)
        assert entries(reply) == []
        assert "total" not in reply.json()
    filtered = await app.fhir(
        "GET", "/Observation", patient="ada-1", scope="patient/Observation.rs?category=vital-signs"
    )
    assert "total" not in filtered.json()
    assert (await app.fhir("GET", "/Observation", patient="ada-1", scope=ALL)).json()["total"] > 0


async def test_pages_are_short_and_their_links_lead_on(app: AnApp) -> None:
    reply = await app.fhir("GET", "/Observation?_count=3", patient="ada-1", scope="patient/Observation.rs")
    following = next(one["url"] for one in reply.json()["link"] if one["relation"] == "next")
    assert following.startswith(f"{FHIR}/Observation?")
    second = await app.fhir("GET", following.removeprefix(FHIR), patient="ada-1", scope="patient/Observation.rs")
    assert not {one["id"] for one in entries(reply)} & {one["id"] for one in entries(second)}


async def test_the_chart_whose_second_condition_page_fails(app: AnApp) -> None:
    scope = "patient/Condition.rs user/Condition.rs"
    first = await app.fhir("GET", "/Condition?patient=tessa-1&_count=1000", patient="tessa-1", scope=scope)
    assert len(entries(first)) == PAGE_SIZE
    following = next(one["url"] for one in first.json()["link"] if one["relation"] == "next")
    assert_refused(await app.fhir("GET", following.removeprefix(FHIR), patient="tessa-1", scope=scope), 500)


async def test_the_chart_whose_medications_are_refused(app: AnApp) -> None:
    for kind in ("MedicationRequest", "MedicationStatement"):
        refused = await app.fhir("GET", f"/{kind}?patient=maya-1", patient="maya-1", scope="patient/*.rs")
        assert_refused(refused, 403)
        other = await app.fhir("GET", f"/{kind}?patient=ada-1", patient="ada-1", scope="patient/*.rs")
        assert other.status_code == 200
    assert entries(await app.fhir("GET", "/Condition", patient="maya-1", scope="patient/*.rs"))
