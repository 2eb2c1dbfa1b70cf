"""What screening gets of a chart: everything, or a plain word about each part that it did not get."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from fhir_mappings.facts.clinical import Area
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.records import Chart
from tests.smart_app.ehr.scripted import BASE, fhir, outcome, searchset

pytestmark = pytest.mark.anyio
ALL = ("Condition", "Observation", "MedicationStatement", "MedicationRequest", "AllergyIntolerance")


def about(kind: str, identity: str, patient: str = "Patient/1", **more: Any) -> dict[str, Any]:
    subject = "patient" if kind == "AllergyIntolerance" else "subject"
    return {"resourceType": kind, "id": identity, subject: {"reference": patient}, **more}


class Chartbook:
    """An EHR whose lists a test fills; what it does not name is an empty list."""

    def __init__(self, router: respx.MockRouter, offered: tuple[str, ...] | None = ALL) -> None:
        self.router = router
        self.offered = offered
        self.lists: dict[str, httpx.Response | Exception] = {}
        self.reads: dict[str, httpx.Response] = {"Patient/1": fhir({"resourceType": "Patient", "id": "1"})}
        self.asked: list[httpx.URL] = []
        router.route().mock(side_effect=self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        path = request.url.path.removeprefix("/fhir/r4/")
        if path == "metadata":
            return self._metadata()
        if "/" in path:
            return self.reads.get(path) or httpx.Response(404)
        category = request.url.params.get("category")
        answer = self.lists.get(f"{path}/{category}" if category else path) or fhir(searchset())
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    def _metadata(self) -> httpx.Response:
        if self.offered is None:
            return httpx.Response(500)
        resources = [{"type": kind, "interaction": [{"code": "search-type"}]} for kind in self.offered]
        rest = [{"mode": "server", "resource": resources}]
        return fhir({"resourceType": "CapabilityStatement", "rest": rest})


def told(chart: Chart) -> set[tuple[Area, str]]:
    return {(failure.area, failure.reason) for failure in chart.failures}


def ids(chart: Chart) -> set[str]:
    return {f"{resource['resourceType']}/{resource['id']}" for resource in chart.resources}


async def test_a_whole_chart_is_read(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    book.lists = {
        "Condition": fhir(searchset(about("Condition", "c", f"{BASE}/Patient/1"))),
        "Observation/vital-signs": fhir(searchset(about("Observation", "bp", "Patient/1/_history/4"))),
        "Observation/survey": fhir(searchset(about("Observation", "phq"))),
        "Observation/social-history": fhir(searchset(about("Observation", "alcohol"))),
        "Observation/laboratory": fhir(searchset(about("Observation", "hcg"))),
        "MedicationStatement": fhir(searchset(about("MedicationStatement", "s"))),
        "MedicationRequest": fhir(searchset(about("MedicationRequest", "r"))),
        "AllergyIntolerance": fhir(searchset(about("AllergyIntolerance", "a"))),
    }
    chart = await client.chart("1")
    assert chart.failures == ()
    assert chart.not_offered == ()
    assert ids(chart) == {
        "Patient/1", "Condition/c", "Observation/bp", "Observation/phq", "Observation/alcohol", "Observation/hcg",
        "MedicationStatement/s", "MedicationRequest/r", "AllergyIntolerance/a",
    }  # fmt: skip
    searches = [url for url in book.asked if url.params]
    assert len(searches) == 8
    assert {(url.params["patient"], url.params["_count"]) for url in searches} == {("1", "500")}


async def test_searches_run_side_by_side(client: FhirClient, ehr: respx.MockRouter) -> None:
    import anyio

    Chartbook(ehr, offered=None)  # so that the offer is not what is waited for
    at_once = most = 0

    async def page(request: httpx.Request) -> httpx.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await anyio.sleep(0.02)
        at_once -= 1
        return fhir(searchset())

    ehr.routes.clear()
    ehr.get(url__regex=r".*[?].*").mock(side_effect=page)
    ehr.get().respond(404)
    await client.chart("1")
    assert most == 8


REFUSED = fhir(outcome("no"), status=403)


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("Condition", Area.CONDITION),
        ("Observation/vital-signs", Area.BLOOD_PRESSURE),
        ("Observation/survey", Area.SURVEY),
        ("Observation/social-history", Area.SOCIAL_HISTORY),
        ("Observation/laboratory", Area.LABORATORY),
        ("MedicationStatement", Area.MEDICATION),
        ("MedicationRequest", Area.MEDICATION),
        ("AllergyIntolerance", Area.ALLERGY),
    ],
)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (REFUSED, "the EHR refused it (403)"),
        (fhir({}, 500), "the EHR failed (500)"),
        (httpx.ReadTimeout("slow"), "the EHR did not answer in time"),
        (httpx.Response(200, html="Sign in"), "the EHR answered with a page or file instead of FHIR JSON"),
        (fhir(outcome("broken glass")), "the EHR answered with an error message"),
    ],
    ids=["refused", "failed", "timeout", "login page", "outcome"],
)
async def test_a_search_that_fails_is_told_and_the_rest_is_kept(
    client: FhirClient, ehr: respx.MockRouter, name: str, area: Area, answer: httpx.Response | Exception, reason: str
) -> None:
    book = Chartbook(ehr)
    book.lists = {
        "Condition": fhir(searchset(about("Condition", "c"))),
        "AllergyIntolerance": fhir(searchset(about("AllergyIntolerance", "a"))),
        name: answer,
    }
    chart = await client.chart("1")
    assert told(chart) == {(area, reason)}
    kept = {"Patient/1", "Condition/c", "AllergyIntolerance/a"}
    assert ids(chart) == {reference for reference in kept if not reference.startswith(name)}


async def test_a_patient_that_cannot_be_read_is_told(client: FhirClient, ehr: respx.MockRouter) -> None:
    Chartbook(ehr).reads.clear()
    assert told(await client.chart("1")) == {(Area.PATIENT, "the EHR does not have it (404)")}


async def test_another_patient_under_our_address_is_not_used(client: FhirClient, ehr: respx.MockRouter) -> None:
    Chartbook(ehr).reads["Patient/1"] = fhir({"resourceType": "Patient", "id": "2"})
    chart = await client.chart("1")
    assert [failure.area for failure in chart.failures] == [Area.PATIENT]
    assert chart.resources == ()


async def test_a_record_that_was_merged_away_is_told(client: FhirClient, ehr: respx.MockRouter) -> None:
    link = [{"other": {"reference": "Patient/2"}, "type": "replaced-by"}]
    Chartbook(ehr).reads["Patient/1"] = fhir({"resourceType": "Patient", "id": "1", "link": link})
    assert told(await client.chart("1")) == {(Area.PATIENT, "the EHR says that another record has replaced this one")}


async def test_what_was_read_before_a_page_failed_is_kept(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    page = searchset(about("Condition", "c"), following=f"{BASE}/Task?page=2")
    book.lists = {"Condition": fhir(page), "Task": fhir({}, 500)}
    chart = await client.chart("1")
    assert told(chart) == {(Area.CONDITION, "page 2 failed: the EHR failed (500)")}
    assert "Condition/c" in ids(chart)


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/2"},
        {"reference": "https://other.example.org/fhir/r4/Patient/1"},
        {"reference": f"{BASE}/Patient/1/x"},
        {"reference": f"{BASE}/../Patient/1"},
        {"reference": "#p"},
        {"reference": "Group/1"},
        {"reference": "urn:uuid:1"},
        {"identifier": {"value": "MRN-1"}},
        {"display": "Ada"},
        "Patient/1",
        None,
    ],
)
async def test_an_entry_of_another_patient_spoils_its_area(
    client: FhirClient, ehr: respx.MockRouter, subject: Any
) -> None:
    book = Chartbook(ehr)
    foreign = {"resourceType": "MedicationRequest", "id": "x", "subject": subject}
    book.lists = {
        "MedicationStatement": fhir(searchset(about("MedicationStatement", "s"))),
        "MedicationRequest": fhir(searchset(about("MedicationRequest", "r"), foreign)),
        "Condition": fhir(searchset(about("Condition", "c"))),
    }
    chart = await client.chart("1")
    assert told(chart) == {(Area.MEDICATION, "an entry of another patient was in the answer")}
    assert ids(chart) == {"Patient/1", "Condition/c"}


@pytest.mark.parametrize("severity", ["warning", "error", "fatal"])
async def test_a_warning_among_the_entries_is_told(client: FhirClient, ehr: respx.MockRouter, severity: str) -> None:
    page = searchset(about("Condition", "c"))
    page["entry"].append({"resource": outcome("may be incomplete", severity), "search": {"mode": "outcome"}})
    Chartbook(ehr).lists = {"Condition": fhir(page)}
    chart = await client.chart("1")
    assert told(chart) == {(Area.CONDITION, "the EHR warned that data may be missing")}
    assert "Condition/c" in ids(chart)


def epic(code: str, system: str = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369") -> dict[str, Any]:
    issue = outcome("x", "warning")
    issue["issue"][0]["details"] = {"coding": [{"system": system, "code": code}]}
    return issue


@pytest.mark.parametrize(
    ("notice", "harmless"),
    [
        (outcome("just so", "information"), True),
        (epic("4101"), True),
        (epic("4119"), False),
        (epic("4101", "urn:oid:1.2.3"), False),
        ({"resourceType": "OperationOutcome"}, True),
    ],
    ids=["information", "Epic: no results", "Epic: may be missing", "the same number of another", "says nothing"],
)
async def test_an_empty_list_is_no_warning(
    client: FhirClient, ehr: respx.MockRouter, notice: dict[str, Any], harmless: bool
) -> None:
    page = searchset()
    page["entry"].append({"resource": notice, "search": {"mode": "outcome"}})
    Chartbook(ehr).lists = {"AllergyIntolerance": fhir(page)}
    assert (not (await client.chart("1")).failures) is harmless


@pytest.mark.parametrize(
    ("offered", "not_offered", "failed"),
    [
        (ALL, (), False),
        (("MedicationRequest",), ("MedicationStatement",), False),
        (("MedicationStatement",), ("MedicationRequest",), False),
        (("Condition",), ("MedicationStatement", "MedicationRequest"), True),
        (None, (), False),
    ],
    ids=["both", "requests only", "statements only", "neither", "metadata unreadable"],
)
async def test_medications_are_asked_where_they_are_offered(
    client: FhirClient,
    ehr: respx.MockRouter,
    offered: tuple[str, ...] | None,
    not_offered: tuple[str, ...],
    failed: bool,
) -> None:
    book = Chartbook(ehr, offered)
    chart = await client.chart("1")
    assert chart.not_offered == not_offered
    assert told(chart) == ({(Area.MEDICATION, "this EHR offers no list of medications")} if failed else set())
    asked = {url.path.rpartition("/")[2] for url in book.asked}
    assert {"MedicationStatement", "MedicationRequest"} - asked == set(not_offered)


async def test_medications_that_are_pointed_to_are_read_once(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    book.reads["Medication/m"] = fhir({"resourceType": "Medication", "id": "m"})
    pointers = [
        "Medication/m",
        f"{BASE}/Medication/m",
        "#inside",
        "https://x.example/Medication/9",
        "Patient/1",
        None,
        5,
    ]
    uses = [
        about("MedicationRequest", f"r{number}", medicationReference={"reference": pointer})
        for number, pointer in enumerate(pointers)
    ]
    book.lists = {"MedicationRequest": fhir(searchset(*uses, about("MedicationRequest", "coded")))}
    chart = await client.chart("1")
    assert chart.failures == ()
    assert "Medication/m" in ids(chart)
    assert sum("/Medication/" in url.path for url in book.asked) == 1


async def test_a_medication_that_cannot_be_read_is_told(client: FhirClient, ehr: respx.MockRouter) -> None:
    use = about("MedicationRequest", "r", medicationReference={"reference": "Medication/gone"})
    Chartbook(ehr).lists = {"MedicationRequest": fhir(searchset(use))}
    reason = "a Medication could not be read: the EHR does not have it (404)"
    assert told(await client.chart("1")) == {(Area.MEDICATION, reason)}


async def test_medications_are_read_up_to_a_number(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    uses = [
        about("MedicationRequest", f"r{number}", medicationReference={"reference": f"Medication/{number}"})
        for number in range(201)
    ]
    book.reads |= {
        f"Medication/{number}": fhir({"resourceType": "Medication", "id": str(number)}) for number in range(201)
    }
    book.lists = {"MedicationRequest": fhir(searchset(*uses))}
    chart = await client.chart("1")
    assert told(chart) == {(Area.MEDICATION, "more than 200 Medications are named")}
    assert sum("/Medication/" in url.path for url in book.asked) == 200
