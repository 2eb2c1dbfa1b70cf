"""What screening gets of a chart: everything, or a plain word about each part that it did not get."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from fhir_mappings.facts.clinical import Area
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.errors import Unauthorized
from tests.smart_app.ehr.scripted import (
    ALL,
    BASE,
    MEDICATIONS,
    Chartbook,
    about,
    fhir,
    ids,
    outcome,
    searchset,
    told,
)

pytestmark = pytest.mark.anyio


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
        "MedicationDispense": fhir(searchset(about("MedicationDispense", "d"))),
        "AllergyIntolerance": fhir(searchset(about("AllergyIntolerance", "a"))),
    }
    chart = await client.chart("1")
    assert chart.failures == ()
    assert chart.not_offered == ()
    assert ids(chart) == {
        "Patient/1", "Condition/c", "Observation/bp", "Observation/phq", "Observation/alcohol", "Observation/hcg",
        "MedicationStatement/s", "MedicationRequest/r", "MedicationDispense/d", "AllergyIntolerance/a",
    }  # fmt: skip
    searches = [url for url in book.asked if url.params]
    assert len(searches) == 9
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
    assert most == 9


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
        ("MedicationDispense", Area.MEDICATION),
        ("AllergyIntolerance", Area.ALLERGY),
    ],
)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (REFUSED, "the EHR refused it (403; it needs patient/{kind}.s)"),
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
    assert told(chart) == {(area, reason.format(kind=name.partition("/")[0]))}
    kept = {"Patient/1", "Condition/c", "AllergyIntolerance/a"}
    assert ids(chart) == {reference for reference in kept if not reference.startswith(name)}


async def test_a_patient_that_cannot_be_read_is_told(client: FhirClient, ehr: respx.MockRouter) -> None:
    Chartbook(ehr).reads.clear()
    assert told(await client.chart("1")) == {(Area.PATIENT, "the EHR does not have it (404)")}


async def test_a_sign_in_that_has_ended_is_no_empty_chart(client: FhirClient, ehr: respx.MockRouter) -> None:
    """Every part would fail, and refreshing could never help: the page must send its user back to the chart."""
    Chartbook(ehr).reads["Patient/1"] = fhir(outcome("no"), status=401)
    with pytest.raises(Unauthorized):
        await client.chart("1")


async def test_one_list_that_is_not_allowed_ends_no_session(client: FhirClient, ehr: respx.MockRouter) -> None:
    """Some EHRs answer 401 where another would say 403."""
    Chartbook(ehr).lists = {"Condition": fhir(outcome("no"), status=401)}
    assert told(await client.chart("1")) == {(Area.CONDITION, "the sign-in to the EHR has ended (401)")}


async def test_c65_another_patient_under_our_address_is_not_used(client: FhirClient, ehr: respx.MockRouter) -> None:
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
async def test_c65_an_entry_of_another_patient_spoils_its_area(
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
    assert chart.foreign == (Area.MEDICATION,)
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
        (("MedicationRequest",), ("MedicationStatement", "MedicationDispense"), False),
        (("MedicationStatement",), ("MedicationRequest", "MedicationDispense"), False),
        (("MedicationDispense",), ("MedicationStatement", "MedicationRequest"), True),
        (("Condition",), MEDICATIONS, True),
        (None, (), False),
    ],
    ids=["all", "requests only", "statements only", "dispenses only", "none", "metadata unreadable"],
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
    assert set(MEDICATIONS) - asked == set(not_offered)


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


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("MedicationRequest", {"status", "intent"}),
        ("Observation/vital-signs", {"category"}),
        ("Observation/laboratory", {"category"}),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
async def test_an_ehr_that_does_not_know_a_parameter_is_asked_without_it(
    client: FhirClient, ehr: respx.MockRouter, name: str, dropped: set[str], status: int
) -> None:
    book = Chartbook(ehr)
    kind = name.partition("/")[0]
    plain = about(kind, "plain")
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        if not dropped.isdisjoint(request.url.params):
            return fhir(outcome("which parameter?", code="not-supported"), status)
        return fhir(searchset(plain))

    only = {"category": name.partition("/")[2]} if "/" in name else {}
    ehr.routes.clear()
    if only:
        ehr.get(f"{BASE}/{kind}", params__contains=only).mock(side_effect=answer)
        ehr.get(f"{BASE}/{kind}", params__eq={"patient": "1", "_count": "500"}).mock(side_effect=answer)
    else:
        ehr.get(f"{BASE}/{kind}").mock(side_effect=answer)
    ehr.route().mock(side_effect=book.answer)
    chart = await client.chart("1")
    assert chart.failures == ()
    assert f"{kind}/plain" in ids(chart)
    assert [dropped <= set(url.params) for url in asked] == [True, False]


async def test_requests_of_every_status_and_intent_are_asked_for(client: FhirClient, ehr: respx.MockRouter) -> None:
    book = Chartbook(ehr)
    await client.chart("1")
    asked = next(url.params for url in book.asked if url.path.endswith("/MedicationRequest"))
    assert {"active", "stopped", "completed", "on-hold", "unknown", "draft", "cancelled", "entered-in-error"} == set(
        asked["status"].split(",")
    )
    assert len(asked["intent"].split(",")) == 8


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_only_what_was_not_understood_is_asked_again(
    client: FhirClient, ehr: respx.MockRouter, status: int
) -> None:
    book = Chartbook(ehr)
    book.lists = {"MedicationRequest": fhir(outcome("no"), status)}
    chart = await client.chart("1")
    assert [failure.area for failure in chart.failures] == [Area.MEDICATION]
    assert sum(url.path.endswith("/MedicationRequest") for url in book.asked) == 1


def locked(code: str, severity: str = "fatal") -> dict[str, Any]:
    notice = epic(code)
    notice["issue"][0]["severity"] = severity
    return notice


@pytest.mark.parametrize("code", ["4130", "4131", "4134"])
@pytest.mark.parametrize("how", ["403", "400", "200 without a list", "in the list"])
async def test_a_protected_chart_is_told_and_never_asked_again(
    client: FhirClient, ehr: respx.MockRouter, code: str, how: str
) -> None:
    book = Chartbook(ehr)
    page = searchset(about("MedicationRequest", "r"))
    page["entry"].append({"resource": locked(code, "warning"), "search": {"mode": "outcome"}})
    book.lists["MedicationRequest"] = {
        "403": fhir(locked(code), 403),
        "400": fhir(locked(code), 400),
        "200 without a list": fhir(locked(code)),
        "in the list": fhir(page),
    }[how]
    chart = await client.chart("1")
    assert told(chart) == {(Area.MEDICATION, "the chart is protected (break the glass)")}
    assert sum(url.path.endswith("/MedicationRequest") for url in book.asked) == 1


async def test_the_same_number_of_another_ehr_protects_nothing(client: FhirClient, ehr: respx.MockRouter) -> None:
    Chartbook(ehr).lists = {"Condition": fhir(epic("4130", "urn:oid:1.2.3"), 403)}
    assert told(await client.chart("1")) == {
        (Area.CONDITION, "the EHR refused it (403; it needs patient/Condition.s)")
    }


@pytest.mark.parametrize("code", ["suppressed", "incomplete"])
async def test_what_was_left_out_is_told_however_mildly_it_is_said(
    client: FhirClient, ehr: respx.MockRouter, code: str
) -> None:
    page = searchset()
    page["entry"].append({"resource": outcome("x", "information", code), "search": {"mode": "outcome"}})
    Chartbook(ehr).lists = {"AllergyIntolerance": fhir(page)}
    assert told(await client.chart("1")) == {(Area.ALLERGY, "the EHR warned that data may be missing")}


@pytest.mark.parametrize("severity", [None, "", "strange", 5, [], {}])
async def test_an_unreadable_notice_counts_as_a_warning(
    client: FhirClient, ehr: respx.MockRouter, severity: Any
) -> None:
    page = searchset()
    page["entry"].append({"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": severity}]}})
    Chartbook(ehr).lists = {"Condition": fhir(page)}
    assert told(await client.chart("1")) == {(Area.CONDITION, "the EHR warned that data may be missing")}
