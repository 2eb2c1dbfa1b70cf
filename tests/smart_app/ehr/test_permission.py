"""Scopes: what was not granted is told in words, and not asked."""

from __future__ import annotations

import pytest
import respx

from fhir_mappings.facts.clinical import Area
from launch.scopes import Scopes
from smart_app.ehr.fhir_client import FhirClient
from smart_app.ehr.permission import barrier
from tests.smart_app.ehr.scripted import ALL, Chartbook, about, fhir, searchset, told

pytestmark = pytest.mark.anyio
EVERYTHING = " ".join(f"patient/{kind}.rs" for kind in ("Patient", *ALL, "Medication"))
SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-category"


def without(kind: str) -> Scopes:
    return Scopes.parse(" ".join(word for word in EVERYTHING.split() if f"/{kind}." not in word))


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        ("patient/Observation.rs", True),
        ("patient/Observation.s", True),
        ("patient/Observation.read", True),
        ("user/Observation.rs", True),
        ("patient/*.rs", True),
        ("user/*.*", True),
        ("patient/Observation.rs?category=vital-signs", True),
        (f"patient/Observation.rs?category={SYSTEM}|vital-signs", True),
        ("patient/Observation.r", False),
        ("patient/Observation.cud", False),
        ("patient/Observation.write", False),
        ("system/Observation.rs", False),
        ("patient/Condition.rs", False),
        ("patient/Observation.rs?category=laboratory", False),
        (f"patient/Observation.rs?category={SYSTEM}|survey&date=ge2020", False),
        ("", True),
        ("launch openid fhirUser", True),
        ("patient/Observation.reed", True),
        ("patient/Condition.rs patient/Observation.reed", True),
    ],
)
def test_which_scopes_let_vital_signs_be_searched(granted: str, allowed: bool) -> None:
    found = barrier(Scopes.parse(granted), Area.BLOOD_PRESSURE, "Observation", category="vital-signs")
    if allowed:
        assert found is None
    else:
        assert found is not None
        assert found.total
        words = "the EHR did not allow this app to read blood pressure (scope patient/Observation.rs)"
        assert found.reason == words


@pytest.mark.parametrize(
    ("granted", "category"),
    [
        ("patient/Observation.rs?category=laboratory,vital-signs", "vital-signs"),
        ("patient/Observation.rs?date=ge2020", "vital-signs"),
        ("patient/Condition.rs?category=problem-list-item", None),
        ("patient/Observation.rs?category=vital-signs&date=ge2020", "vital-signs"),
    ],
)
def test_a_scope_for_a_part_is_used_and_told(granted: str, category: str | None) -> None:
    kind = "Observation" if category else "Condition"
    found = barrier(Scopes.parse(granted), Area.CONDITION, kind, category=category)
    assert found is not None
    assert not found.total
    assert "more than a part" in found.reason


@pytest.mark.parametrize(
    ("kind", "areas"),
    [
        ("Condition", {Area.CONDITION}),
        ("Observation", {Area.BLOOD_PRESSURE, Area.SURVEY, Area.SOCIAL_HISTORY, Area.LABORATORY}),
        ("MedicationStatement", {Area.MEDICATION}),
        ("MedicationRequest", {Area.MEDICATION}),
        ("MedicationDispense", {Area.MEDICATION}),
        ("AllergyIntolerance", {Area.ALLERGY}),
        ("Patient", {Area.PATIENT}),
    ],
)
async def test_what_is_not_granted_is_told_and_not_asked(
    client: FhirClient, ehr: respx.MockRouter, kind: str, areas: set[Area]
) -> None:
    book = Chartbook(ehr)
    client.granted = without(kind)
    chart = await client.chart("1")
    scope = f"(scope patient/{kind}.rs)"
    assert told(chart) == {(area, f"the EHR did not allow this app to read {area.value} {scope}") for area in areas}
    assert not any(kind in url.path.removeprefix("/fhir/r4/").split("/") for url in book.asked)


async def test_a_medicine_that_is_pointed_to_needs_its_scope(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    client.granted = without("Medication")
    assert (await client.chart("1")).failures == ()
    pointing = about("MedicationRequest", "r", medicationReference={"reference": "Medication/m"})
    book.lists = {"MedicationRequest": fhir(searchset(pointing))}
    reason = "the EHR did not allow this app to read medications (scope patient/Medication.rs)"
    assert told(await client.chart("1")) == {(Area.MEDICATION, reason)}
    assert not any("/Medication/" in url.path for url in book.asked)


async def test_a_part_that_may_be_seen_is_read(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    book.lists = {"Condition": fhir(searchset(about("Condition", "c")))}
    client.granted = Scopes.parse(EVERYTHING.replace("Condition.rs", "Condition.rs?category=problem-list-item"))
    chart = await client.chart("1")
    reason = "the EHR did not allow this app to read more than a part of the conditions (scope patient/Condition.rs)"
    assert told(chart) == {(Area.CONDITION, reason)}
    assert any(resource["id"] == "c" for resource in chart.resources)
