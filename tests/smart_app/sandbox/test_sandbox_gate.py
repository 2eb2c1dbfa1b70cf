"""The gate lets through what the scope and the launch patient allow, and nothing else, in both directions."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from smart_app.sandbox.gate.offer import OFFERED, PAGE_SIZE
from tests.smart_app.sandbox.an_app import FHIR, AnApp, entries, query

pytestmark = pytest.mark.anyio

MRN = "https://riverside-clinic.example/fhir/NamingSystem/mrn"
SESSION = "https://ketamine-pathway.example/session"


def a_procedure(patient: str, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"text": "Ketamine infusion"},
        "subject": {"reference": f"Patient/{patient}"},
        "performedDateTime": "2026-03-17T09:00:00Z",
        **changes,
    }


def a_provenance(*targets: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "target": [{"reference": one} for one in targets],
        "recorded": "2026-03-17T09:30:00Z",
        "agent": [{"who": {"reference": "Practitioner/mira-holm"}}],
    }


def an_entry(resource: dict[str, Any], full_url: str | None = None, **request: str) -> dict[str, Any]:
    asked = {"method": "POST", "url": resource["resourceType"], **request}
    return {"resource": resource, "request": asked, **({"fullUrl": full_url} if full_url else {})}


def a_bundle(kind: str, *found: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(found)}


def assert_refused(reply: httpx.Response, status: int) -> None:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"].startswith("application/fhir+json")
    assert reply.json()["resourceType"] == "OperationOutcome"


async def stored(app: AnApp, resource_type: str, patient: str) -> list[dict[str, Any]]:
    async with app.client() as test:
        return list(
            (await test.get("/_control/resources", params={"type": resource_type, "patient": patient})).json()
        )


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


ALL = "patient/*.cruds"


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
        if resource["type"] not in ("Patient", "Provenance") and OFFERED[resource["type"]].patient:
            assert "patient" in {one["name"] for one in resource["searchParam"]}


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
