"""The composed application: which frame its error pages may stand in, what a fault shows, and what it logs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from smart_app.app import create_app
from smart_app.cli.demo import demo_registry
from smart_app.settings import settings_from

pytestmark = pytest.mark.anyio
EHR = "http://127.0.0.1:9"  # nobody listens at the discard port
APP = "http://localhost:8599"
NOBODY, THE_EHR = "frame-ancestors 'none'", f"frame-ancestors 'self' {EHR}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def app(tmp_path: Path, anyio_backend: str) -> AsyncIterator[FastAPI]:
    registry = tmp_path / "ehr.toml"
    registry.write_text(demo_registry(EHR), "utf-8")
    environment = {"KP_BASE_URL": APP, "KP_REGISTRY": str(registry), "KP_DATA": str(tmp_path / "data")}
    made = create_app(settings_from(environment, demo=True), with_worker=False)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)  # what the app lets escape, a server would log with its message
    async with httpx.AsyncClient(transport=transport, base_url=APP) as client:
        yield client


@pytest.mark.parametrize(
    ("address", "framed_by"),
    [
        pytest.param(f"/launch?iss={EHR}/fhir", THE_EHR, id="no launch parameter"),
        pytest.param(f"/launch?iss={EHR}/fhir&launch=x", THE_EHR, id="the EHR cannot be reached"),
        pytest.param("/callback/sandbox?state=never-begun&code=x", THE_EHR, id="a state that is not ours"),
        pytest.param("/launch?iss=https://evil.test/fhir&launch=x", NOBODY, id="an EHR nobody knows"),
        pytest.param("/callback/nobody?state=x&code=x", NOBODY, id="the callback of an EHR nobody knows"),
        pytest.param("/nothing-here", NOBODY, id="no such page"),
        pytest.param("/docs", NOBODY, id="no page about the addresses"),
        pytest.param("/openapi.json", NOBODY, id="no list of the addresses"),
    ],
)
async def test_a_refused_launch_shows_in_the_frame_it_began_in_and_nowhere_else(
    browser: httpx.AsyncClient, address: str, framed_by: str
) -> None:
    answer = await browser.get(address)
    assert 400 <= answer.status_code < 600
    assert framed_by in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_refused_launch_is_found_by_its_number(
    browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await browser.get("/callback/sandbox?state=never-begun&code=CODE-secret")
    told = [record.getMessage() for record in caplog.records if record.name == "ketamine_pathway"]
    assert [line.split()[0] for line in told] == ["refused"]
    assert told[0].split()[1].rstrip(":") in answer.text
    assert not [word for word in ("never-begun", "CODE-secret") if word in told[0] + answer.text]


async def test_a_fault_shows_and_logs_a_number_and_nothing_of_the_request(
    app: FastAPI, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/broken/{launch}")
    async def broken(launch: str) -> None:
        raise RuntimeError(f"Ada Example in {launch}")

    with caplog.at_level(logging.DEBUG):
        answer = await browser.get("/broken/secret-handle?name=Ada")
    assert answer.status_code == 500
    assert NOBODY in answer.headers["content-security-policy"]
    told = [record.getMessage() for record in caplog.records if record.name == "ketamine_pathway"]
    assert len(told) == 1
    reference = told[0].split()[1].rstrip(":")
    assert reference in answer.text
    assert "RuntimeError in broken:" in told[0]
    assert not any(word in answer.text + told[0] for word in ("Ada", "secret-handle"))


async def test_the_rules_are_served_with_what_this_site_has_set(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[rules.HOLD-BP]\nsbp = 130\n", "utf-8")
    registry = tmp_path / "ehr.toml"
    registry.write_text(demo_registry(EHR), "utf-8")
    environment = {"KP_BASE_URL": APP, "KP_REGISTRY": str(registry), "KP_DATA": str(tmp_path), "KP_SITE": str(site)}
    made = create_app(settings_from(environment, demo=True), with_worker=False)
    async with (
        made.router.lifespan_context(made),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=made), base_url=APP) as client,
    ):
        answer = await client.get("/rules.json")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert [(each["rule"], each["value"]) for each in answer.json()["differences"]] == [("HOLD-BP", 130)]


async def test_c03_the_key_sets_are_public_kept_for_an_hour_and_hold_no_private_member(
    browser: httpx.AsyncClient,
) -> None:
    for address in ("/jwks/sandbox.json", "/.well-known/jwks.json"):
        answer = await browser.get(address)
        assert answer.headers["cache-control"] == "public, max-age=3600"
        ((key),) = answer.json()["keys"]
        assert key.keys() == {"kty", "kid", "alg", "use", "crv", "x", "y"}
    assert (await browser.get("/jwks/nobody.json")).status_code == 404
    assert (await browser.get("/jwks/..%2Fsandbox.json")).status_code == 404


async def test_the_facts_of_a_registration_are_open_and_list_no_ehr(browser: httpx.AsyncClient) -> None:
    for_all = await browser.get("/app-registration.json")
    assert for_all.json()["launchUrl"] == f"{APP}/launch"
    assert "sandbox" not in for_all.text
    assert (await browser.get("/app-registration.json?ehr=sandbox")).json()[
        "redirectUrl"
    ] == f"{APP}/callback/sandbox"
    assert (await browser.get("/app-registration.json?ehr=nobody")).status_code == 404


async def test_the_keys_that_seal_records_are_open_to_everybody_and_hold_no_secret(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/.well-known/record-keys.json")
    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert key["alg"] == "ES384"
    assert "d" not in key
