"""The faults that tests order: before the store has acted, after it, late, for one patient, so many times."""

from __future__ import annotations

import time
from typing import Any

import pytest

from smart_app.sandbox.server import create_sandbox
from tests.smart_app.sandbox.a_chart import a_procedure
from tests.smart_app.sandbox.an_app import APP, EHR, AnApp
from tests.smart_app.sandbox.conftest import TODAY

pytestmark = pytest.mark.anyio

SCOPE = "launch patient/*.cruds"


async def order(app: AnApp, action: str, *, times: int = 1, **match: str) -> None:
    async with app.client() as test:
        await test.delete("/_control/faults")
        reply = await test.post("/_control/faults", json={"match": match, "action": action, "times": times})
        assert reply.status_code == 204


async def procedures(app: AnApp, patient: str) -> int:
    async with app.client() as test:
        return len((await test.get("/_control/resources", params={"type": "Procedure", "patient": patient})).json())


async def write(app: AnApp, patient: str, token: str) -> int:
    reply = await app.with_token(token, "POST", "/Procedure", json=a_procedure(patient))
    return reply.status_code


@pytest.mark.parametrize(
    ("action", "status", "stored"),
    [("status:500", 500, 0), ("status:403", 403, 0), ("status:429", 429, 0), ("status-after:500", 500, 1)],
)
async def test_a_fault_strikes_before_or_after_the_store(app: AnApp, action: str, status: int, stored: int) -> None:
    before = await procedures(app, "ada-1")
    token = (await app.tokens("ada-1", SCOPE))["access_token"]
    await order(app, action, method="POST", path_regex="^/fhir/Procedure$")
    assert await write(app, "ada-1", token) == status
    assert await procedures(app, "ada-1") == before + stored
    assert await write(app, "ada-1", token) == 201


@pytest.mark.parametrize(("action", "stored"), [("drop", 0), ("drop-after", 1)])
async def test_a_cut_connection_leaves_the_client_without_an_answer(app: AnApp, action: str, stored: int) -> None:
    before = await procedures(app, "ada-1")
    token = (await app.tokens("ada-1", SCOPE))["access_token"]
    await order(app, action, method="POST", path_regex="^/fhir")
    with pytest.raises(ConnectionResetError):
        await write(app, "ada-1", token)
    assert await procedures(app, "ada-1") == before + stored


async def test_a_fault_strikes_one_patient_and_so_many_times(app: AnApp) -> None:
    ada = (await app.tokens("ada-1", SCOPE))["access_token"]
    ben = (await app.tokens("ben-1", SCOPE))["access_token"]
    await order(app, "status:500", times=2, path_regex="/Procedure", patient="ben-1")
    assert await write(app, "ada-1", ada) == 201
    assert [await write(app, "ben-1", ben) for _ in range(3)] == [500, 500, 201]


async def test_a_delay_answers_late_but_rightly(app: AnApp) -> None:
    token = (await app.tokens("ada-1", SCOPE))["access_token"]
    await order(app, "delay:0.2", path_regex=r"/Condition\?.*code")
    started = time.perf_counter()
    assert (await app.with_token(token, "GET", "/Condition?code=x")).status_code == 200
    assert time.perf_counter() - started >= 0.2


async def test_the_token_endpoint_can_fail_too(app: AnApp) -> None:
    code = await app.code("ada-1")
    await order(app, "status:500", path_regex="^/oauth/token")
    assert (await app.redeem(code)).status_code == 500
    assert (await app.redeem(code)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [{}, [], {"match": {}, "action": "explode"}, {"match": {"path_regex": "("}, "action": "drop"}],
)
async def test_an_order_that_is_not_understood_is_refused(app: AnApp, wrong: Any) -> None:
    async with app.client() as test:
        assert (await test.post("/_control/faults", json=wrong)).status_code == 400


async def test_the_log_shows_requests_but_no_secrets(app: AnApp) -> None:
    async with app.client() as test:
        await test.delete("/_control/log")
        code = await app.code("ada-1")
        token = (await app.redeem(code)).json()["access_token"]
        await app.with_token(token, "GET", "/Condition?patient=ada-1")
        reply = await test.get("/_control/log")
    assert [(one["method"], one["path"], one["status"]) for one in reply.json()] == [
        ("GET", "/oauth/authorize", 303),
        ("POST", "/oauth/token", 200),
        ("GET", "/fhir/Condition?patient=ada-1", 200),
    ]
    assert code not in reply.text
    assert token not in reply.text


async def test_the_patients_are_told_by_slug(app: AnApp) -> None:
    async with app.client() as test:
        known = (await test.get("/_control/patients")).json()
    assert known["five-sessions"] == {"id": "ben-1", "expected": "candidate"}
    assert len(known) == 24


async def test_without_control_there_is_no_control(app: AnApp) -> None:
    plain = create_sandbox(public_url=EHR, app_url=APP, today=TODAY, clock=app.clock)
    stranger = AnApp(plain, app.clock, app.published, app.key)
    async with stranger.client() as test:
        for path in ("patients", "log", "faults", "resources"):
            assert (await test.get(f"/_control/{path}")).status_code == 404


async def test_a_type_that_is_not_taken_is_neither_offered_nor_created(app: AnApp) -> None:
    before = await procedures(app, "ada-1")
    token = (await app.tokens("ada-1", SCOPE))["access_token"]
    async with app.client() as test:
        assert (await test.put("/_control/untaken", json=["Procedure"])).status_code == 204
        (rest,) = (await test.get("/fhir/metadata")).json()["rest"]
    (procedure,) = [one for one in rest["resource"] if one["type"] == "Procedure"]
    codes = {one["code"] for one in procedure["interaction"]}
    assert "create" not in codes
    assert {"read", "update", "search-type"} <= codes
    assert await write(app, "ada-1", token) == 422
    assert await procedures(app, "ada-1") == before
    async with app.client() as test:
        assert (await test.put("/_control/untaken", json=["Nonsense"])).status_code == 400
        assert (await test.put("/_control/untaken", json=[])).status_code == 204
    assert await write(app, "ada-1", token) == 201
