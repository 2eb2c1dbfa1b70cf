"""Malformed answers of an EHR: a gap with its reason, never a traceback, never a candidate by damage."""

from __future__ import annotations

import httpx
import pytest
import respx

from smart_app.clinical.finding import Status
from smart_app.clinical.screening import ScreeningResult
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.screen_patient import screen_chart
from tests.builders import PATIENT, TODAY, Json
from tests.malformed import CASES, FHIR_JSON, Malformed, calm_chart, carried, cut_off, damaged
from tests.smart_app.ehr.scripted import Chartbook, fhir, searchset

pytestmark = pytest.mark.anyio
SERVED = [case for case in CASES if case.where != "file"]
LIST_OF = {"Observation": "Observation/vital-signs"}
SEARCHSET: Json = {"resourceType": "Bundle", "type": "searchset"}


def served(router: respx.MockRouter, name: str, body: bytes, headers: dict[str, str]) -> None:
    """A candidate's chart in an EHR that answers one search, or the read of the Patient, with these bytes."""
    book = Chartbook(router)
    lists: dict[str, list[Json]] = {}
    for resource in calm_chart():
        if resource["resourceType"] == "Patient":
            book.reads[PATIENT] = fhir(resource)
        else:
            lists.setdefault(resource["resourceType"], []).append(resource)
    book.lists |= {LIST_OF.get(kind, kind): fhir(searchset(*found)) for kind, found in lists.items()}
    # Headers as given, the body as given: httpx must not unpack it a second time.
    raw = httpx.Response(200, stream=httpx.ByteStream(body), headers=headers)
    book.raw = (PATIENT if name == "Patient" else LIST_OF.get(name, name), raw)


async def screening(client: FhirClient) -> ScreeningResult:
    chart = await client.chart(PATIENT.partition("/")[2])
    return screen_chart(chart, patients=[PATIENT], as_of=TODAY)[1]


def headers_of(case: Malformed) -> dict[str, str]:
    return ({"content-type": case.content_type} if case.content_type else {}) | dict(case.headers)


async def screened_with(
    case: Malformed, resource: Json, client: FhirClient, ehr: respx.MockRouter
) -> ScreeningResult:
    kind = resource["resourceType"]
    if kind == "Patient":
        body = damaged(case, resource)
    else:
        body = carried(case, resource, [one for one in calm_chart() if one["resourceType"] == kind], SEARCHSET)
    served(ehr, kind, body, headers_of(case))
    return await screening(client)


@pytest.mark.parametrize("case", SERVED, ids=lambda case: case.name)
async def test_damage_never_hides_what_speaks_against_the_patient(
    case: Malformed, client: FhirClient, ehr: respx.MockRouter
) -> None:
    result = await screened_with(case, case.grave, client, ehr)
    assert (result.status is Status.CANDIDATE) is case.grave_frees


@pytest.mark.parametrize("case", SERVED, ids=lambda case: case.name)
async def test_damage_is_told_unless_it_is_harmless(
    case: Malformed, client: FhirClient, ehr: respx.MockRouter
) -> None:
    result = await screened_with(case, case.calm, client, ehr)
    if case.calm_stays is not None:
        assert (result.status is Status.CANDIDATE) is case.calm_stays
    if result.status is not Status.CANDIDATE:
        assert all(gap.reason for gap in result.gaps)
        assert result.gaps or any(finding.rule == "MISS-BP" for finding in result.shown)


async def test_an_undamaged_chart_is_a_candidate(client: FhirClient, ehr: respx.MockRouter) -> None:
    case = Malformed(name="none")
    for calm in {id(case.calm): case.calm for case in SERVED}.values():
        ehr.routes.clear()
        assert (await screened_with(case, calm, client, ehr)).status is Status.CANDIDATE


async def test_an_answer_cut_anywhere_leaves_a_gap(client: FhirClient, ehr: respx.MockRouter) -> None:
    case = next(case for case in SERVED if case.name.startswith("M1 "))
    chart = [one for one in calm_chart() if one["resourceType"] == "Condition"]
    whole = carried(Malformed(name="whole"), case.calm, chart, SEARCHSET)
    for body in cut_off(whole):
        ehr.routes.clear()
        served(ehr, "Condition", body, {"content-type": FHIR_JSON})
        assert (await screening(client)).status is Status.INSUFFICIENT_DATA
