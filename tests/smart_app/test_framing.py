"""Every answer says who may frame it: the EHR it is about, and nobody else (security B-2; ui specification 1.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.in_process import APP, EHR, Clinic, running_clinic

pytestmark = pytest.mark.anyio

OTHER = """
[ehr.other]
issuer = "http://127.0.0.1:8401/fhir"
client_id = "ketamine-pathway"
auth = "public"
frame_ancestors = ["http://127.0.0.1:8401"]
scopes = ["launch", "patient/Patient.rs"]
"""
NOBODY = "'none'"
OURS, THEIRS = f"'self' {EHR}", "'self' http://127.0.0.1:8401"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Clinic]:
    folder = tmp_path_factory.mktemp("clinic")
    async with running_clinic(folder, more_registrations=[OTHER]) as made:
        yield made


def framed_by(answer: httpx.Response) -> str:
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    said = [part.strip() for part in policies[0].split(";") if part.strip().startswith("frame-ancestors")]
    assert len(said) == 1
    assert "x-frame-options" not in answer.headers
    return said[0].partition(" ")[2]


async def test_every_answer_on_the_way_in_may_be_framed_by_the_ehr_of_the_launch_alone(clinic: Clinic) -> None:
    before = len(clinic.shown)
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("two-failed-trials"))
    assert page.status_code == 200
    seen = clinic.shown[before:]
    assert [str(answer.url).removeprefix(APP).split("/")[1][:8] for answer in seen[:2]] == ["launch?i", "callback"]
    assert {framed_by(answer) for answer in seen} == {OURS}


@pytest.mark.parametrize(
    ("method", "place", "status"),
    [
        ("GET", "about", 200),
        ("GET", "session", 200),
        ("GET", "no/such/page", 404),
        ("POST", "about", 403),
        ("POST", "screening", 409),
        ("PUT", "about", 405),
        ("DELETE", "session/some", 405),
        ("HEAD", "about", 200),
    ],
)
async def test_every_answer_within_a_launch_may_be_framed_by_its_ehr_alone(
    clinic: Clinic, method: str, place: str, status: int
) -> None:
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("two-failed-trials"))
        address = str(page.url).replace("screening", place)
        sent = {"fields": {"_launch": "another"}, "came_from": str(page.url)} if place == "screening" else {}
        answer = await browser.ask(method, address, **sent)
    assert answer.status_code == status
    assert framed_by(answer) == OURS


async def test_the_page_of_a_fault_stays_in_the_frame_it_happened_in(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("two-failed-trials"))
        monkeypatch.setattr("smart_app.pages.door.Marks.of", lambda *_: 1 / 0)
        answer = await browser.ask("GET", str(page.url))
    assert answer.status_code == 500
    assert framed_by(answer) == OURS


@pytest.mark.parametrize(
    ("method", "place", "status", "who"),
    [
        pytest.param("GET", "launch?ehr=sandbox", 303, OURS, id="a launch in its own window"),
        pytest.param("GET", "launch?ehr=other", 502, THEIRS, id="an EHR that does not answer"),
        pytest.param("GET", f"launch?iss={EHR}/fhir&launch=x", 303, OURS, id="a launch"),
        pytest.param("GET", "launch?iss=http://127.0.0.1:8401/fhir&launch=x", 502, THEIRS, id="the other EHR"),
        pytest.param("GET", f"launch?iss={EHR}/fhir", 400, OURS, id="no launch value"),
        pytest.param("GET", f"launch?iss={EHR}/fhir&ehr=other", 400, NOBODY, id="two EHRs at once"),
        pytest.param("GET", "callback/sandbox?code=x&state=y", 400, OURS, id="a callback not begun"),
        pytest.param("GET", "callback/other?code=x&state=y", 400, THEIRS, id="a callback of the other EHR"),
        pytest.param("GET", "callback/sandbox?error=access_denied", 400, OURS, id="refused"),
        pytest.param("POST", "callback/sandbox", 405, OURS, id="a callback by form"),
        pytest.param("GET", "callback/nobody?code=x&state=y", 400, NOBODY, id="a callback of nobody"),
        pytest.param("POST", "callback/nobody", 405, NOBODY, id="a callback of nobody by form"),
        pytest.param("GET", "callback/sandbox/x", 404, NOBODY, id="below a callback"),
        pytest.param("GET", "l/no-such-launch/screening", 401, NOBODY, id="a launch that never was"),
        pytest.param("PUT", "l/%00/screening", 405, NOBODY, id="no handle at all"),
        pytest.param("GET", "healthz", 200, NOBODY, id="health"),
        pytest.param("GET", "rules.json", 200, NOBODY, id="rules"),
        pytest.param("GET", ".well-known/jwks.json", 200, NOBODY, id="keys"),
        pytest.param("GET", "static/0/app.js", 404, NOBODY, id="a file of another version"),
        pytest.param("DELETE", "healthz", 405, NOBODY, id="a method nobody takes"),
        pytest.param("GET", "nothing", 404, NOBODY, id="no such page"),
    ],
)
async def test_every_other_answer_names_the_ehr_it_is_about_or_nobody(
    clinic: Clinic, method: str, place: str, status: int, who: str
) -> None:
    async with clinic.browser() as browser:
        answer = await browser.ask(method, f"{APP}/{place}")
    assert answer.status_code == status
    assert framed_by(answer) == who


async def test_static_files_may_be_framed_by_nobody(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("two-failed-trials"))
        path = page.text.partition('href="/static/')[2].partition('"')[0]
        answer = await browser.ask("GET", f"{APP}/static/{path}")
    assert answer.status_code == 200
    assert framed_by(answer) == NOBODY
