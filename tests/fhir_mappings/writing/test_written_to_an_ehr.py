"""What we write, sent to an R4 server that others wrote: once each however often it is sent, and taken back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_mappings import wire
from fhir_mappings.facts.screening import ScreeningRecord
from fhir_mappings.writing.care_plan import care_plan, travelling, update
from fhir_mappings.writing.medication_statement import statement_resources
from fhir_mappings.writing.read_back import differences, same_subject_and_identifier
from fhir_mappings.writing.retraction import is_retracted, retraction
from fhir_mappings.writing.screening_bundle import screening_resources
from fhir_mappings.writing.session_bundle import WrittenResource, session_resources, transaction
from fhir_mappings.writing.transaction import if_none_exist
from fhir_mappings.writing.transaction import travelling as travelling_resource
from tests.fhir_mappings.writing.a_screening import a_finding, a_full_screening, a_screening, an_override
from tests.fhir_mappings.writing.a_session import DOCTOR, GOALS, INSTANCE, a_course, a_full_session, an_id, at
from tests.fhir_mappings.writing.test_medication_statement import LOG

pytest.importorskip("sekmet", reason="the sandbox extra is not installed")

BASE = "http://127.0.0.1:8400/fhir"
Json = dict[str, Any]


@pytest.fixture
def quiet_root() -> Iterator[None]:
    """The server sets up the root logger when it is made; the other tests get it back as it was."""
    root = logging.getLogger()
    handlers, level, silenced = root.handlers[:], root.level, logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(silenced)
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
async def ehr(quiet_root: None, tmp_path: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    from sekmet.config import Settings
    from sekmet.main import create_app

    app = create_app(
        Settings(
            base_url=BASE, data_dir=str(tmp_path), db_path=":memory:", simulator={"enabled": False}, log_inbound=False
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"{BASE}/") as client:
        await client.put("Patient/p1", json={"resourceType": "Patient", "id": "p1"})
        yield client


async def _send(ehr: httpx.AsyncClient, body: bytes) -> Json:
    answer = await ehr.post("", content=body, headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == 200, answer.text
    return wire.decode(answer.content)


async def _found(ehr: httpx.AsyncClient, resource: WrittenResource) -> list[Json]:
    answer = await ehr.get(f"{resource.resource_type}?{if_none_exist(resource)}")
    return [entry["resource"] for entry in wire.decode(answer.content).get("entry", [])]


async def _enrolled(ehr: httpx.AsyncClient) -> tuple[WrittenResource, Json]:
    plan = care_plan(a_course(goals=GOALS), INSTANCE, procedures={})
    headers = {"Content-Type": "application/fhir+json", "If-None-Exist": if_none_exist(plan)}
    for status in (201, 200):
        answer = await ehr.post("CarePlan", content=travelling(plan, BASE), headers=headers)
        assert answer.status_code == status, answer.text
    (current,) = await _found(ehr, plan)
    return plan, current


@pytest.mark.anyio
async def test_a_session_sent_twice_is_there_once_and_as_it_was_sent(ehr: httpx.AsyncClient) -> None:
    plan, current = await _enrolled(ehr)
    resources = session_resources(a_full_session(), a_course(), INSTANCE)
    sent = transaction(resources, fhir_base=BASE, known={plan.value: f"CarePlan/{current['id']}"})
    first, second = await _send(ehr, sent), await _send(ehr, sent)
    assert {entry["response"]["status"] for entry in first["entry"]} == {"201 Created"}
    assert {entry["response"]["status"] for entry in second["entry"]} == {"200 OK"}
    for resource, entry in zip(resources, wire.decode(sent)["entry"], strict=True):
        (held,) = await _found(ehr, resource)
        assert same_subject_and_identifier(entry["resource"], held)
        assert differences(entry["resource"], held) == ()
        assert differences(wire.decode(resource.body), held) == ()


@pytest.mark.anyio
async def test_what_a_patient_says_is_there_once_and_can_be_taken_back(ehr: httpx.AsyncClient) -> None:
    plan, current = await _enrolled(ehr)
    resources = statement_resources(replace(LOG, patient=a_course().patient, course=a_course().id), INSTANCE)
    sent = transaction(resources, fhir_base=BASE, known={plan.value: f"CarePlan/{current['id']}"})
    await _send(ehr, sent)
    second = await _send(ehr, sent)
    assert {entry["response"]["status"] for entry in second["entry"]} == {"200 OK"}
    (held,) = await _found(ehr, resources[0])
    assert differences(wire.decode(resources[0].body), held) == ()
    await _send(ehr, retraction([held], "wrong patient", at(17), DOCTOR))
    (held,) = await _found(ehr, resources[0])
    assert is_retracted(held)


@pytest.mark.anyio
async def test_a_session_is_counted_and_taken_back(ehr: httpx.AsyncClient) -> None:
    plan, current = await _enrolled(ehr)
    resources = session_resources(a_full_session(), a_course(), INSTANCE)
    known = {plan.value: f"CarePlan/{current['id']}"}
    await _send(ehr, transaction(resources, fhir_base=BASE, known=known))
    (procedure,) = await _found(ehr, resources[0])

    procedures = {an_id(11): f"Procedure/{procedure['id']}"}
    merged = update(current, a_course(goals=GOALS, counted=2), INSTANCE, fhir_base=BASE, procedures=procedures)
    headers = {"Content-Type": "application/fhir+json", "If-Match": f'W/"{current["meta"]["versionId"]}"'}
    place = f"CarePlan/{current['id']}"
    assert (await ehr.put(place, content=merged, headers=headers)).status_code == 200
    assert (await ehr.put(place, content=merged, headers=headers)).status_code == 412
    held = wire.decode((await ehr.get(place)).content)
    assert differences(wire.decode(merged), held) == ()
    assert held["activity"][0]["outcomeReference"][0]["reference"].endswith(f"Procedure/{procedure['id']}")

    written = [held for resource in resources[:-1] for held in await _found(ehr, resource)]
    sent = retraction(written, "wrong patient", at(17), DOCTOR)
    await _send(ehr, sent)
    for resource, entry in zip(resources[:-1], wire.decode(sent)["entry"], strict=True):
        (held,) = await _found(ehr, resource)
        assert is_retracted(held)
        assert differences(entry["resource"], held) == ()
    stale = await ehr.post("", content=sent, headers={"Content-Type": "application/fhir+json"})
    assert stale.status_code == 412


async def _sent_screening(ehr: httpx.AsyncClient, resources: Sequence[WrittenResource]) -> list[tuple[Json, Json]]:
    """Each resource as it was sent and as the EHR gives it back.

    This server knows no search parameter of the two types, not even R4's `identifier`: it cannot be asked to create
    them conditionally, or to find them.
    """
    bundle = wire.decode(transaction(resources, fhir_base=BASE, known={}))
    for entry in bundle["entry"]:
        del entry["request"]["ifNoneExist"]
    answered = await _send(ehr, wire.encode(bundle))
    places = [entry["response"]["location"].partition("/_history/")[0] for entry in answered["entry"]]
    held = [wire.decode((await ehr.get("/".join(place.split("/")[-2:]))).content) for place in places]
    return [(entry["resource"], one) for entry, one in zip(bundle["entry"], held, strict=True)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "screening",
    [
        pytest.param(a_screening(), id="as little as there can be"),
        pytest.param(a_full_screening(), id="all that can be on record"),
    ],
)
async def test_a_screening_is_given_back_as_it_was_sent(ehr: httpx.AsyncClient, screening: ScreeningRecord) -> None:
    resources = screening_resources(screening, INSTANCE)
    both = await _sent_screening(ehr, resources)
    for resource, (sent, held) in zip(resources, both, strict=True):
        assert same_subject_and_identifier(sent, held)
        assert differences(sent, held) == ()
        assert differences(wire.decode(resource.body), held) == ()
    *issues, (_, impression) = both
    led_to = [one["reference"] for one in impression.get("supportingInfo", []) if one.get("type") == "DetectedIssue"]
    assert [reference.rpartition("/")[2] for reference in led_to] == [held["id"] for _, held in issues]


@pytest.mark.anyio
async def test_an_override_is_added_to_the_issue_that_the_ehr_holds(ehr: httpx.AsyncClient) -> None:
    """The same finding keeps its identifier, so what came later is an update of the same resource."""
    (_, held), _ = await _sent_screening(ehr, screening_resources(a_screening(findings=(a_finding(),)), INSTANCE))
    overridden = a_screening(findings=(a_finding(override=an_override()),), after_overrides="needs-review")
    issue, _ = screening_resources(overridden, INSTANCE)
    sent = travelling_resource(issue, fhir_base=BASE, known={})
    answer = await ehr.put(f"DetectedIssue/{held['id']}", json=sent | {"id": held["id"]})
    assert answer.status_code == 200, answer.text
    now = wire.decode((await ehr.get(f"DetectedIssue/{held['id']}")).content)
    assert same_subject_and_identifier(held, now)
    assert differences(sent, now) == ()
    assert now["mitigation"][0]["action"]["text"] == an_override().reason


@pytest.mark.anyio
async def test_an_ehr_that_takes_no_issues_is_sent_the_screening_without_links_to_them(
    ehr: httpx.AsyncClient,
) -> None:
    *issues, impression = screening_resources(a_full_screening(), INSTANCE)
    sent = travelling_resource(impression, fhir_base=BASE, known={issue.value: None for issue in issues})
    answer = await ehr.post("ClinicalImpression", json=sent)
    assert answer.status_code == 201, answer.text
    held = wire.decode(answer.content)
    assert "DetectedIssue" not in str(held)
    assert differences(sent, held) == ()
    assert len(held["finding"]) == len(a_full_screening().findings)
