"""What is written through the gate: the launch patient's alone, entry by entry, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.smart_app.sandbox.a_chart import (
    ALL,
    SESSION,
    a_bundle,
    a_procedure,
    a_provenance,
    an_entry,
    assert_refused,
    stored,
)
from tests.smart_app.sandbox.an_app import FHIR, AnApp, entries, query

pytestmark = pytest.mark.anyio


OTHERS_WRITES = [
    pytest.param("POST", "/Procedure", a_procedure("ben-1"), id="create for another patient"),
    pytest.param("POST", "/Procedure", a_procedure("ben-1", subject={}), id="create for nobody"),
    pytest.param(
        "POST",
        "/Procedure",
        a_procedure("x", subject={"reference": f"{FHIR}/Patient/ben-1"}),
        id="absolute reference",
    ),
    pytest.param(
        "POST",
        "/Procedure",
        a_procedure("x", subject={"reference": "http://evil.example/fhir/Patient/ada-1"}),
        id="own id on another server",
    ),
    pytest.param("PUT", "/Procedure/ben-p", a_procedure("ada-1", id="ben-p"), id="taking another patient's over"),
    pytest.param("PUT", "/Procedure/ada-p", a_procedure("ben-1", id="ada-p"), id="giving one's own away"),
    pytest.param(
        "PATCH",
        "/Procedure/ada-p",
        [{"op": "replace", "path": "/subject/reference", "value": "Patient/ben-1"}],
        id="patching the subject",
    ),
    pytest.param(
        "PATCH", "/Procedure/ada-p", [{"op": "replace", "path": "", "value": a_procedure("ben-1")}], id="patching all"
    ),
    pytest.param(
        "PATCH", "/Procedure/ada-p", [{"op": "copy", "from": "/subject", "path": "/x"}], id="copying the subject"
    ),
    pytest.param(
        "PATCH", "/Procedure/ben-p", [{"op": "add", "path": "/status", "value": "x"}], id="patching another's"
    ),
    pytest.param("DELETE", "/Procedure/ben-p", None, id="deleting another's"),
    pytest.param("POST", "/Provenance", a_provenance("Procedure/ben-p"), id="Provenance of another's"),
    pytest.param("POST", "/Provenance", a_provenance("Procedure/ada-p", "Patient/ben-1"), id="Provenance of both"),
    pytest.param("POST", "/Provenance", a_provenance("Procedure/nowhere"), id="Provenance of nothing"),
]


@pytest.mark.parametrize(("method", "path", "body"), OTHERS_WRITES)
async def test_nothing_is_written_for_another_patient(app: AnApp, method: str, path: str, body: Any) -> None:
    mine, theirs = {**a_procedure("ada-1"), "id": "ada-p"}, {**a_procedure("ben-1"), "id": "ben-p"}
    app.sandbox.charts.store.put([mine, theirs])
    before = [len(await stored(app, kind, "ben-1")) for kind in ("Procedure", "Provenance")]
    assert_refused(await app.fhir(method, path, patient="ada-1", scope=ALL, json=body), 403)
    assert [len(await stored(app, kind, "ben-1")) for kind in ("Procedure", "Provenance")] == before
    after = app.sandbox.charts.store.read("Procedure", "ada-p")
    assert after is not None
    assert after["subject"] == {"reference": "Patient/ada-1"}


async def test_a_conditional_create_does_not_find_another_patients_resource(app: AnApp) -> None:
    identifier = [{"system": SESSION, "value": "shared"}]
    theirs = {**a_procedure("ben-1", identifier=identifier), "id": "ben-shared"}
    app.sandbox.charts.store.put([theirs])
    reply = await app.fhir(
        "POST",
        "/Procedure",
        patient="ada-1",
        scope="patient/Procedure.c",
        json=a_procedure("ada-1", identifier=identifier),
        headers={"if-none-exist": query(identifier=f"{SESSION}|shared")},
    )
    assert reply.status_code == 201
    assert reply.json()["id"] != "ben-shared"


async def test_a_conditional_create_finds_ones_own(app: AnApp) -> None:
    identifier = [{"system": SESSION, "value": "mine"}]
    ids = set()
    for status in (201, 200):
        reply = await app.fhir(
            "POST",
            "/Procedure",
            patient="ada-1",
            scope="patient/Procedure.c",
            json=a_procedure("ada-1", identifier=identifier),
            headers={"if-none-exist": query(identifier=f"{SESSION}|mine")},
        )
        assert reply.status_code == status
        ids.add(reply.json()["id"])
    assert len(ids) == 1


async def test_a_session_is_written_whole_as_a_transaction_and_replayed_without_doubles(app: AnApp) -> None:
    procedure = a_procedure("tessa-1", identifier=[{"system": SESSION, "value": "t1"}])
    provenance = a_provenance("urn:uuid:p") | {"meta": {"tag": [{"system": SESSION, "code": "t1"}]}}
    bundle = a_bundle(
        "transaction",
        an_entry(procedure, "urn:uuid:p", ifNoneExist=query(identifier=f"{SESSION}|t1")),
        an_entry(provenance, "urn:uuid:v", ifNoneExist=query(_tag=f"{SESSION}|t1")),
    )
    token = (await app.tokens("tessa-1", f"launch {ALL}"))["access_token"]
    first = await app.with_token(token, "POST", "", json=bundle)
    again = await app.with_token(token, "POST", "/", json=bundle)
    assert [one["response"]["status"][:3] for one in first.json()["entry"]] == ["201", "201"]
    assert [one["response"]["status"][:3] for one in again.json()["entry"]] == ["200", "200"]
    (made,) = await stored(app, "Procedure", "tessa-1")
    (proof,) = await stored(app, "Provenance", "tessa-1")
    assert proof["target"] == [{"reference": f"Procedure/{made['id']}"}]
    found = entries(await app.with_token(token, "GET", f"/Provenance?target=Procedure/{made['id']}"))
    assert [one["id"] for one in found] == [proof["id"]]


async def test_one_forbidden_entry_refuses_the_whole_transaction(app: AnApp) -> None:
    before = await stored(app, "Procedure", "rosa-1")
    bundle = a_bundle("transaction", an_entry(a_procedure("rosa-1")), an_entry(a_procedure("ben-1")))
    assert_refused(await app.fhir("POST", "", patient="rosa-1", scope=ALL, json=bundle), 403)
    read_only = a_bundle("transaction", an_entry(a_procedure("rosa-1")))
    assert_refused(await app.fhir("POST", "", patient="rosa-1", scope="patient/*.rs", json=read_only), 403)
    assert await stored(app, "Procedure", "rosa-1") == before


async def test_a_batch_answers_entry_by_entry(app: AnApp) -> None:
    def get(url: str) -> dict[str, Any]:
        return {"request": {"method": "GET", "url": url}}

    bundle = a_bundle(
        "batch",
        get("Patient/ada-1"),
        get("Patient/ben-1"),
        get("Condition?patient=ben-1"),
        get("Condition?patient=ada-1"),
        get("Patient/ada-1/$everything"),
        get("Subscription"),
        an_entry(a_procedure("ben-1")),
        get("http://evil.example/Patient/ada-1"),
    )
    reply = await app.fhir("POST", "", patient="ada-1", scope=ALL, json=bundle)
    answers = reply.json()["entry"]
    assert [one["response"]["status"][:3] for one in answers] == [
        "200",
        "403",
        "200",
        "200",
        "404",
        "404",
        "403",
        "400",
    ]
    assert answers[0]["resource"]["id"] == "ada-1"
    assert "entry" not in answers[2]["resource"]
    assert answers[3]["resource"]["entry"]
    assert answers[1]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert "resource" not in answers[1]


async def test_a_conditional_reference_in_a_transaction_is_refused(app: AnApp) -> None:
    procedure = a_procedure("ada-1", partOf=[{"reference": "Procedure?patient=ben-1"}])
    bundle = a_bundle("transaction", an_entry(procedure))
    assert_refused(await app.fhir("POST", "", patient="ada-1", scope=ALL, json=bundle), 400)


async def test_a_stale_if_match_is_refused_and_a_body_that_is_no_json_too(app: AnApp) -> None:
    app.sandbox.charts.store.put([{**a_procedure("ada-1"), "id": "ada-v"}])
    body = a_procedure("ada-1", id="ada-v")
    token = (await app.tokens("ada-1", f"launch {ALL}"))["access_token"]
    reply = await app.with_token(token, "PUT", "/Procedure/ada-v", json=body, headers={"if-match": 'W/"99"'})
    assert_refused(reply, 412)
    good = await app.with_token(token, "PUT", "/Procedure/ada-v", json=body, headers={"if-match": 'W/"1"'})
    assert good.headers["etag"] == 'W/"2"'
    async with app.client(authorization=f"Bearer {token}") as back_end:
        for content in (b"{", b"[" * 200_000, b"\xff\xfe", b"null", b"[]", b'"x"'):
            sent = await back_end.post(
                "/fhir/Procedure", content=content, headers={"content-type": "application/fhir+json"}
            )
            assert_refused(sent, 400)
        xml = await back_end.post(
            "/fhir/Procedure", content=b"<a/>", headers={"content-type": "application/fhir+xml"}
        )
        assert_refused(xml, 415)
        assert_refused(await back_end.get("/fhir/Procedure", headers={"accept": "application/fhir+xml"}), 406)
