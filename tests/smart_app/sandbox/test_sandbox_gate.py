"""The gate asks for a token and for the scope of each interaction, and offers nothing it does not name."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from smart_app.sandbox.gate.offer import OFFERED
from tests.smart_app.sandbox.a_chart import (
    ALL,
    a_procedure,
    assert_refused,
)
from tests.smart_app.sandbox.an_app import AnApp, entries

pytestmark = pytest.mark.anyio


async def test_without_a_token_only_metadata_and_discovery_answer(app: AnApp) -> None:
    async with app.client() as stranger:
        assert (await stranger.get("/fhir/metadata")).status_code == 200
        assert (await stranger.get("/fhir/.well-known/smart-configuration")).status_code == 200
        for path in ("/fhir/Patient/ada-1", "/fhir/Patient", "/fhir", "/fhir/_history", "/fhir/metadata/x"):
            reply = await stranger.get(path)
            assert_refused(reply, 401)
            assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic dTpw", "Bearer", "nonsense"])
async def test_a_bad_token_is_refused(app: AnApp, header: str) -> None:
    async with app.client(authorization=header) as stranger:
        assert_refused(await stranger.get("/fhir/Patient/ada-1"), 401)


async def test_a_good_token_under_another_scheme_is_refused(app: AnApp) -> None:
    token = (await app.tokens("ada-1"))["access_token"]
    async with app.client(authorization=f"Basic {token}") as stranger:
        assert_refused(await stranger.get("/fhir/Patient/ada-1"), 401)


async def test_a_token_in_the_query_is_not_one(app: AnApp) -> None:
    token = (await app.tokens("ada-1"))["access_token"]
    async with app.client() as stranger:
        assert_refused(await stranger.get("/fhir/Patient/ada-1", params={"access_token": token}), 401)


@pytest.fixture(scope="module")
def written(app: AnApp) -> str:
    """A Procedure of Ada's, stored by the EHR itself."""
    app.sandbox.charts.store.put([{**a_procedure("ada-1"), "id": "ada-1-procedure-1"}])
    return "ada-1-procedure-1"


INTERACTIONS = [
    pytest.param("r", "GET", "/Procedure/{id}", None, {}, id="read"),
    pytest.param("r", "GET", "/Procedure/{id}/_history", None, {}, id="history of an instance"),
    pytest.param("r", "GET", "/Procedure/{id}/_history/1", None, {}, id="vread"),
    pytest.param("s", "GET", "/Procedure?patient=ada-1", None, {}, id="search"),
    pytest.param("c", "POST", "/Procedure", a_procedure("ada-1"), {}, id="create"),
    pytest.param(
        "c", "POST", "/Procedure", a_procedure("ada-1"), {"if-none-exist": "identifier=a|1"}, id="conditional create"
    ),
    pytest.param("u", "PUT", "/Procedure/{id}", a_procedure("ada-1", id="{id}"), {}, id="update"),
    pytest.param(
        "u", "PATCH", "/Procedure/{id}", [{"op": "replace", "path": "/status", "value": "stopped"}], {}, id="patch"
    ),
    pytest.param("d", "DELETE", "/Procedure/{id}", None, {}, id="delete"),
]


@pytest.mark.parametrize(("letter", "method", "path", "body", "headers"), INTERACTIONS)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_each_interaction_needs_its_own_letter(
    app: AnApp, written: str, letter: str, method: str, path: str, body: Any, headers: dict[str, str], version: str
) -> None:
    async def ask(scope: str) -> httpx.Response:
        sent = json.loads(json.dumps(body).replace("{id}", written))
        return await app.fhir(
            method, path.format(id=written), patient="ada-1", scope=scope, json=sent, headers=headers
        )

    app.sandbox.charts.store.put([{**a_procedure("ada-1"), "id": written}])
    if version == "v1":
        right = "patient/Procedure.read" if letter in "rs" else "patient/Procedure.write"
        wrong = "patient/Procedure.write" if letter in "rs" else "patient/Procedure.read"
    else:
        right = f"patient/Procedure.{letter}"
        wrong = "patient/Procedure." + "cruds".replace(letter, "")
    refused = await ask(wrong)
    assert_refused(refused, 403)
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert_refused(await ask("patient/Observation.cruds"), 403)
    assert (await ask(right)).status_code in (200, 201, 204)


async def test_a_search_by_form_counts_as_a_search(app: AnApp, written: str) -> None:
    async def ask(scope: str) -> httpx.Response:
        token = (await app.tokens("ada-1", f"launch {scope}"))["access_token"]
        async with app.client(authorization=f"Bearer {token}") as back_end:
            return await back_end.post("/fhir/Procedure/_search", data={"_id": written})

    app.sandbox.charts.store.put([{**a_procedure("ada-1"), "id": written}])
    assert_refused(await ask("patient/Procedure.crud"), 403)
    assert [one["id"] for one in entries(await ask("patient/Procedure.s"))] == [written]


async def test_types_that_are_only_read_here_cannot_be_written(app: AnApp) -> None:
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/ada-1"}, "code": {"text": "x"}}
    assert_refused(
        await app.fhir("POST", "/Condition", patient="ada-1", scope="patient/*.cruds", json=condition), 403
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Subscription"),
        ("POST", "/Subscription"),
        ("GET", "/Patient/ada-1/$everything"),
        ("GET", "/$export"),
        ("POST", "/$process-message"),
        ("POST", "/Procedure/$validate"),
        ("POST", "/Procedure/%24validate"),
        ("GET", "/Basic"),
        ("GET", "/AuditEvent"),
        ("GET", "/Nonsense"),
    ],
)
async def test_subscriptions_operations_and_other_types_are_not_offered(app: AnApp, method: str, path: str) -> None:
    scope = "patient/*.cruds user/*.cruds"
    body = {"resourceType": "Subscription"} if method == "POST" else None
    assert_refused(await app.fhir(method, path, patient="ada-1", scope=scope, json=body), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/Procedure?identifier=a"),
        ("DELETE", "/Procedure?identifier=a"),
        ("GET", "/Patient/ada-1/Observation"),
        ("DELETE", "/Procedure/ada-p/_history"),
        ("GET", "/Procedure/_history"),
    ],
)
async def test_conditional_updates_and_compartment_searches_are_not_offered(
    app: AnApp, method: str, path: str
) -> None:
    reply = await app.fhir(method, path, patient="ada-1", scope=ALL, json=a_procedure("ada-1"))
    assert_refused(reply, 405)


@pytest.mark.parametrize(
    "path", ["/ui", "/hooks/x", "/auth/token", "/api/docs", "/openapi.json", "/fhir/../ui", "/fhir/%2e%2e/ui"]
)
async def test_what_else_the_store_mounts_is_out_of_reach(app: AnApp, path: str) -> None:
    token = (await app.tokens("ada-1"))["access_token"]
    async with app.client(authorization=f"Bearer {token}") as browser:
        assert (await browser.get(path)).status_code in (400, 404)


async def test_metadata_is_small_true_and_names_smart(app: AnApp) -> None:
    async with app.client() as stranger:
        reply = await stranger.get("/fhir/metadata")
    statement = reply.json()
    assert len(reply.content) < 30_000
    assert statement["fhirVersion"] == "4.0.1"
    (rest,) = statement["rest"]
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert {one["type"] for one in rest["resource"]} == set(OFFERED)
    token = (await app.tokens("ada-1", "launch user/*.cruds"))["access_token"]
    for resource in rest["resource"]:
        reply = await app.with_token(token, "GET", f"/{resource['type']}?_count=1")
        assert reply.status_code == 200
        if resource["type"] not in ("Patient", "Provenance", "AdverseEvent") and OFFERED[resource["type"]].patient:
            assert "patient" in {one["name"] for one in resource["searchParam"]}
