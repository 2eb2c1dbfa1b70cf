"""Why a part could not be looked at, from the EHR's answer to what the clinician reads."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from fhir_mappings.facts.clinical import BLOCKING_AREAS, Area
from launch.scopes import Scopes
from smart_app.clinical.finding import Status
from smart_app.clinical.screening import ScreeningResult, as_json
from smart_app.ehr import paging
from smart_app.ehr.fhir_client import FhirClient
from smart_app.pages.screening_words import gap_words
from smart_app.use_cases.screening.screen_patient import screen_chart
from tests.builders import PATIENT, TODAY, Json
from tests.malformed import calm_chart
from tests.smart_app.ehr.scripted import ALL, BASE, Chartbook, fhir, outcome, searchset

pytestmark = pytest.mark.anyio
EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"
SEARCHES = {
    "Condition": Area.CONDITION,
    "Observation/vital-signs": Area.BLOOD_PRESSURE,
    "Observation/survey": Area.SURVEY,
    "Observation/social-history": Area.SOCIAL_HISTORY,
    "Observation/laboratory": Area.LABORATORY,
    "MedicationStatement": Area.MEDICATION,
    "MedicationRequest": Area.MEDICATION,
    "MedicationDispense": Area.MEDICATION,
    "AllergyIntolerance": Area.ALLERGY,
}
EVERYTHING = " ".join(f"patient/{kind}.rs" for kind in ("Patient", *ALL, "Medication"))


def locked(severity: str = "fatal") -> Json:
    notice = outcome("no", severity)
    notice["issue"][0]["details"] = {"coding": [{"system": EPIC, "code": "4131"}]}
    return notice


def a_book(router: respx.MockRouter) -> Chartbook:
    book = Chartbook(router)
    found: dict[str, list[Json]] = {}
    for resource in calm_chart():
        found.setdefault(resource["resourceType"], []).append(resource)
    book.reads[PATIENT] = fhir(found["Patient"][0])
    names = {"Observation": "Observation/vital-signs"}
    book.lists |= {names.get(kind, kind): fhir(searchset(*entries)) for kind, entries in found.items()}
    return book


def list_with(book: Chartbook, name: str, **more: Any) -> Json:
    """The list as it is, with something added to it."""
    answer = book.lists.get(name)
    page: Json = answer.json() if isinstance(answer, httpx.Response) else searchset()
    return page | more


def warned(page: Json, notice: Json) -> httpx.Response:
    return fhir(page | {"entry": [*page["entry"], {"resource": notice, "search": {"mode": "outcome"}}]})


def next_page(page: Json, where: str) -> httpx.Response:
    return fhir(page | {"link": [{"relation": "next", "url": where}]})


async def screened(client: FhirClient) -> ScreeningResult:
    chart = await client.chart(PATIENT.partition("/")[2])
    return screen_chart(chart, patients=[PATIENT], as_of=TODAY)[1]


REASONS = {
    "403": "the EHR refused it (403; it needs patient/{kind}.s)",
    "break the glass": "the chart is protected (break the glass)",
    "break the glass in the list": "the chart is protected (break the glass)",
    "5xx": "the EHR failed (502)",
    "page 2": "page 2 failed: the EHR failed (500)",
    "page limit": "page 4 failed: page limit reached",
    "warning": "the EHR warned that data may be missing",
    "too few": "the EHR counted more entries than it gave",
}


def arrange(book: Chartbook, how: str, name: str) -> None:
    page = list_with(book, name)
    book.lists[name] = {
        "403": lambda: fhir(outcome("no"), 403),
        "break the glass": lambda: fhir(locked(), 403),
        "break the glass in the list": lambda: warned(page, locked("warning")),
        "5xx": lambda: httpx.Response(502, html="Bad gateway"),
        "page 2": lambda: next_page(page, f"{BASE}/Broken"),
        "page limit": lambda: next_page(page, f"{BASE}/Endless1"),
        "warning": lambda: warned(page, outcome("may be missing", "warning")),
        "too few": lambda: fhir(page | {"total": 99}),
    }[how]()
    book.lists["Broken"] = fhir({}, 500)
    for number in range(1, 5):
        book.lists[f"Endless{number}"] = next_page(searchset(), f"{BASE}/Endless{number + 1}")


@pytest.mark.parametrize(("name", "area"), SEARCHES.items(), ids=SEARCHES)
@pytest.mark.parametrize("how", REASONS)
async def test_a_reason_reaches_the_clinician(
    client: FhirClient,
    ehr: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    name: str,
    area: Area,
) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 3)
    book = a_book(ehr)
    assert (await screened(client)).status is Status.CANDIDATE
    arrange(book, how, name)
    reason = REASONS[how].replace("page 4 failed", "page 3 failed").format(kind=name.partition("/")[0])
    told(await screened(client), area, reason)


@pytest.mark.parametrize(("name", "area"), [*SEARCHES.items(), ("Patient", Area.PATIENT)])
async def test_a_scope_that_is_missing_reaches_the_clinician(
    client: FhirClient, ehr: respx.MockRouter, name: str, area: Area
) -> None:
    a_book(ehr)
    kind, _, category = name.partition("/")
    client.granted = Scopes.parse(EVERYTHING)
    assert (await screened(client)).status is Status.CANDIDATE
    others = [word for word in EVERYTHING.split() if f"/{kind}." not in word]
    beside = [
        f"patient/{other.replace('/', '.rs?category=')}" for other in SEARCHES if category and category not in other
    ]
    client.granted = Scopes.parse(" ".join([*others, *(scope for scope in beside if kind in scope)]))
    told(
        await screened(client), area, f"the EHR did not allow this app to read {area.value} (scope patient/{kind}.rs)"
    )


def told(result: ScreeningResult, area: Area, reason: str) -> None:
    blocking = area in BLOCKING_AREAS
    assert result.status is not Status.CANDIDATE
    assert (result.status is Status.INSUFFICIENT_DATA) is blocking
    shown = as_json(result)
    assert {"reference": area.value, "reason": reason} in shown["gaps"]
    blind = [finding for finding in shown["findings"] if finding["state"] == "could-not-look"]
    assert any(reason in finding["reason"] for finding in blind)
    line = gap_words({"reference": area.value, "reason": reason})
    assert reason in line.words
    assert line.advice


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("the EHR refused it (403; it needs patient/MedicationRequest.s)", "administrator"),
        ("the EHR did not allow this app to read medications (scope patient/MedicationRequest.rs)", "administrator"),
        ("the chart is protected (break the glass)", "in the EHR itself"),
        ("the EHR failed (502)", "Refresh"),
    ],
)
def test_the_advice_fits_the_reason(reason: str, advice: str) -> None:
    assert advice in gap_words({"reference": "medications", "reason": reason}).advice
