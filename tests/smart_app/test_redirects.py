"""No answer leads a browser away: only to a page of ours, or to the EHR's pinned address (security L-9, L-10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import httpx
import pytest

from tests.in_process import APP, EHR, Browser, Clinic, running_clinic

pytestmark = pytest.mark.anyio

AUTHORIZE = f"{EHR}/oauth/authorize"
EVIL = (
    "https://evil.test",
    "https://evil.test/launch",
    "http:evil.test",
    "http:/evil.test",
    "https:///evil.test",
    "//evil.test",
    "///evil.test",
    "////evil.test/%2e%2e",
    "/\\evil.test",
    "\\\\evil.test",
    "\\/evil.test",
    "/%2f%2fevil.test",
    "%2f%2fevil.test",
    "/%5cevil.test",
    "/%09/evil.test",
    "/\t/evil.test",
    "https://evil.test\\@127.0.0.1:8400",
    f"{EHR}@evil.test",
    f"{EHR}.evil.test",
    f"{EHR}%252eevil.test",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "x\r\nLocation: https://evil.test",
    "x%0d%0aLocation:%20https://evil.test",
    "x\u560d\u560aLocation:https://evil.test",
    "/..//evil.test",
    "../../../..//evil.test",
    "..\\..\\..\\..\\\\evil.test",
    ".evil.test",
    "?next=https://evil.test",
    "#https://evil.test",
    "https://e\u202evil.test",
)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Clinic]:
    async with running_clinic(tmp_path_factory.mktemp("clinic")) as made:
        yield made


def leads_to(answer: httpx.Response) -> str | None:
    """Where a browser would go, as it reads addresses: backslashes are slashes, tabs and line breaks are nothing."""
    places = answer.headers.get_list("location")
    assert len(places) <= 1
    assert "refresh" not in answer.headers
    if not places:
        return None
    as_read = places[0].replace("\\", "/").translate({9: None, 10: None, 13: None})
    return urljoin(str(answer.request.url), as_read)


def assert_ours(answer: httpx.Response, given: object) -> None:
    where = leads_to(answer)
    if where is None:
        return
    parts = urlsplit(where)
    if f"{parts.scheme}://{parts.netloc}{parts.path}" == AUTHORIZE:
        return
    assert f"{parts.scheme}://{parts.netloc}" == APP, given
    assert answer.headers["location"].startswith("/"), given
    assert not answer.headers["location"].startswith(("//", "/\\")), given


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
async def test_no_parameter_of_a_launch_leads_away(clinic: Clinic, evil: str) -> None:
    fine = {"iss": f"{EHR}/fhir", "launch": "x", "ehr": "sandbox", "standalone": "1"}
    more = ("next", "redirect_uri", "url", "return_to", "aud", "client_id")
    async with clinic.browser() as browser:
        for name in (*fine, *more):
            given = {name: evil} if name == "ehr" else {"iss": fine["iss"], "launch": "x", name: evil}
            answer = await browser.ask("GET", f"{APP}/launch?{httpx.QueryParams(given)}")
            assert_ours(answer, given)
            if answer.status_code == httpx.codes.SEE_OTHER:
                asked = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
                assert asked["redirect_uri"] == f"{APP}/callback/sandbox"
                assert asked["aud"] == fine["iss"]


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
async def test_no_answer_of_an_ehr_leads_away(clinic: Clinic, evil: str) -> None:
    async with clinic.browser() as browser:
        for name in ("code", "iss", "error", "error_uri", "error_description", "next", "state"):
            question = await browser.ask("GET", f"{APP}/launch?ehr=sandbox")
            state = dict(parse_qsl(urlsplit(question.headers["location"]).query))["state"]
            given = {"state": state, "code": "x", name: evil}
            answer = await browser.ask("GET", f"{APP}/callback/sandbox?{httpx.QueryParams(given)}")
            assert answer.status_code in (400, 502), given
            assert leads_to(answer) is None, given


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
async def test_no_address_leads_away(clinic: Clinic, evil: str) -> None:
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("two-failed-trials"))
        root = str(page.url).removesuffix("/screening")
        for start, value in product((APP, f"{APP}/callback", f"{APP}/handover", f"{APP}/static", root), (evil,)):
            for text in (quote(value, safe=""), quote(value, safe="/:%?#")):
                answer = await browser.ask("GET", f"{start}/{text}")
                assert_ours(answer, (start, value))
        for place in (f"session/{quote(evil, safe='')}", f"session/x/{quote(evil, safe='')}"):
            assert_ours(await browser.ask("GET", f"{root}/{place}"), place)


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
async def test_no_field_of_a_form_leads_away(clinic: Clinic, evil: str) -> None:
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("two-failed-trials"))
        root, marks = str(page.url).removesuffix("/screening"), marks_of(page)
        for place, name in (
            ("delivery/retry", "back"),
            ("delivery/retry", "session"),
            ("delivery/release", "back"),
            ("screening", "next"),
            ("session", "held"),
            ("enrolment", "do"),
        ):
            answer = await browser.ask(
                "POST", f"{root}/{place}", fields=marks | {name: evil}, came_from=str(page.url)
            )
            assert_ours(answer, (place, name))


def marks_of(page: httpx.Response) -> dict[str, str]:
    """The hidden fields by which a form of this launch is known."""
    found = {}
    for name in ("_launch", "_patient", "_token"):
        found[name] = page.text.partition(f'name="{name}" value="')[2].partition('"')[0]
    assert all(found.values())
    return found


async def test_the_steps_of_a_session_lead_to_this_session_only(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        page = await browser.launch(clinic.patient("bp-just-below"))
        root, marks = str(page.url).removesuffix("/screening"), marks_of(page)
        await enrolled(browser, root, marks)
        begun = await browser.post(f"{root}/session", marks | {"held": ""}, came_from=str(page.url))
        session = str(begun.url).rpartition("/")[0]
        for evil in EVIL:
            for do in ("stay", "end", ""):
                fields = marks | {"step": evil, "do": do}
                answer = await browser.ask("POST", f"{session}/fields", fields=fields, came_from=str(page.url))
                assert_ours(answer, (evil, do))
                assert (leads_to(answer) or session).startswith(session), evil
            note = marks | {"step": evil, "entry": "n-1", "note.text": "x", "note.time": ""}
            answer = await browser.ask("POST", f"{session}/entries/note", fields=note, came_from=str(page.url))
            assert_ours(answer, evil)


async def enrolled(browser: Browser, root: str, marks: dict[str, str]) -> None:
    today = browser.clinic.ehr.charts.today.isoformat()
    fields: dict[str, Any] = {
        "route": "SL",
        "start": today,
        "place": "home",
        "address_confirmed": "yes",
        "weight_kg": "74.5",
        "weight_date": today,
        "dose_mg": "100",
        "consent_signed_on": today,
        "consent": "paper",
        "escort": "June Whitfield",
        "emergency_name": "June Whitfield",
        "emergency_phone": "555 0102",
        "emergency_relation": "Brother",
        "off_label": "yes",
        "confirm": "yes",
    }
    answer = await browser.post(f"{root}/enrolment", marks | fields | {"do": "enrol"}, came_from=root)
    assert "Enrolled" in answer.text


@pytest.mark.parametrize("host", ["evil.test", "localhost:8500@evil.test", "localhost:8500.evil.test", "[::1]"])
@pytest.mark.parametrize(
    "place", ["launch?ehr=sandbox", "launch/?ehr=sandbox", "callback/sandbox/?code=x", "rules.json/"]
)
async def test_the_host_header_leads_nowhere(clinic: Clinic, host: str, place: str) -> None:
    transport = httpx.ASGITransport(clinic.app)
    async with httpx.AsyncClient(transport=transport, base_url=APP, trust_env=False) as client:
        answer = await client.get(f"/{place}", headers={"host": host, "x-forwarded-host": host})
    assert_ours(answer, host)
    where = answer.headers.get("location", "")
    assert "evil.test" not in where
    assert answer.status_code in (303, 404)


async def test_a_cookie_planted_before_the_launch_is_not_what_opens_it(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        for name in ("__Host-kp-", "__Host-kp-start-", "session", "__Host-kp-planted"):
            browser.jar.keep(APP, [f"{name}=planted; Path=/; Secure"])
        one = await browser.launch(clinic.patient("two-failed-trials"))
        other = await browser.launch(clinic.patient("two-failed-trials"))
        launches = [str(page.url).split("/")[4] for page in (one, other)]
        held = browser.jar.header(APP)["cookie"]
    secrets = [held.partition(f"__Host-kp-{launch}=")[2].partition(";")[0] for launch in launches]
    assert len(set(secrets)) == 2
    assert all(len(secret) >= 43 for secret in secrets)
    async with clinic.browser() as stranger:
        for launch in launches:
            stranger.jar.keep(APP, [f"__Host-kp-{launch}=planted; Path=/; Secure"])
            stranger.jar.keep(APP, [f"__Host-kp-start-{launch}={secrets[0]}; Path=/; Secure"])
            assert (await stranger.ask("GET", f"{APP}/l/{launch}/screening")).status_code == 401
        stranger.jar.keep(APP, [f"__Host-kp-{launches[0]}={secrets[1]}; Path=/; Secure"])
        assert (await stranger.ask("GET", f"{APP}/l/{launches[0]}/screening")).status_code == 401
