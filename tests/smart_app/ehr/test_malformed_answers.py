"""Malformed answers of an EHR: a gap with its reason, never a traceback, never a candidate by damage."""

from __future__ import annotations

import pytest
import respx

from smart_app.clinical.finding import Status
from smart_app.clinical.screening import ScreeningResult
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.screening.screen_patient import screen_chart
from tests.builders import PATIENT, TODAY, Json
from tests.malformed import CASES, FHIR_JSON, Malformed, calm_chart, carried, cut_off
from tests.smart_app.ehr.served import SEARCHSET, serve_damaged, served

pytestmark = pytest.mark.anyio
SERVED = [case for case in CASES if case.where != "file"]


async def screening(client: FhirClient) -> ScreeningResult:
    chart = await client.chart(PATIENT.partition("/")[2])
    return screen_chart(chart, patients=[PATIENT], as_of=TODAY)[1]


async def screened_with(
    case: Malformed, resource: Json, client: FhirClient, ehr: respx.MockRouter
) -> ScreeningResult:
    serve_damaged(ehr, case, resource)
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
