"""The app at an EHR by strangers: node's oidc-provider with SMART's additions, strict about every proof and reuse.

Ids and docstrings name what a test proves: C rows of the client's checklist, L threats to a launch, D what a strict
server refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from launch.client_assertion import ASSERTION_TYPE, sign_assertion
from launch.key_rotation import retire, rotate
from launch.registry import load_registry
from smart_app.sandbox.clinician import Clinician, Page
from smart_app.store.client_secrets import SealedSecrets
from smart_app.store.key_file import KeyFile
from tests.strangers.conftest import leaving
from tests.strangers.node_server import MISSING, NodeServer
from tests.strangers.served_app import ServedApp

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

SECRET = "s:%/ +1&=geheim-0123456789"
AUTHS = {
    "es384": {"auth": "private_key_jwt", "algorithm": "ES384"},
    "rs384": {"auth": "private_key_jwt", "algorithm": "RS384"},
    "basic": {"auth": "client_secret_basic"},
    "public": {"auth": "public"},
    "long": {"auth": "private_key_jwt", "algorithm": "ES384"},
}
SCOPES = [
    "launch", "launch/patient", "openid", "fhirUser", "offline_access", "patient/Patient.rs", "patient/Condition.rs",
    "patient/Observation.crus", "patient/MedicationStatement.rs", "patient/MedicationRequest.rs",
    "patient/AllergyIntolerance.rs", "patient/Procedure.crus", "patient/MedicationAdministration.crus",
]  # fmt: skip
FILTERED = [f"patient/Observation.rs?category=category-number-{number}" for number in range(60)]  # for a long request
PRESCRIBER = '"https://stranger.example/staff-role|psychiatrist" = "prescriber"'
every_client = pytest.mark.parametrize("client", [pytest.param(name, id=f"C02 C05 {name}") for name in AUTHS])


@dataclass(frozen=True)
class Stand:
    ehr: NodeServer
    app: ServedApp

    def launch_url(self, client: str, patient: str = "ada") -> str:
        value = self.ehr.launch_value(client, patient)
        return f"{self.app.url}/launch?{urlencode({'iss': self.ehr.base(client), 'launch': value})}"

    def registry(self) -> str:
        return "\n".join(self._table(name, auth) for name, auth in AUTHS.items())

    def _table(self, name: str, auth: dict[str, str]) -> str:
        told = {"issuer": self.ehr.base(name), "client_id": f"app-at-{name}", "tenant": name, **auth}
        lines = [f'{key} = "{value}"' for key, value in told.items()]
        scopes = SCOPES[:7] + FILTERED + SCOPES[8:] if name == "long" else SCOPES
        return "\n".join([f"[ehr.{name}]", *lines, f"scopes = {scopes}", f"[ehr.{name}.roles]", PRESCRIBER])


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("strangers")
    with ExitStack() as stack:
        app = stack.enter_context(ServedApp(folder))
        auth = {"basic": {"secret": SECRET}, "public": {"auth": "none"}}
        clients = [{"name": name, **given, **auth.get(name, {})} for name, given in AUTHS.items()]
        order = {"app": app.url, "scopes": SCOPES + FILTERED, "clients": clients}
        ehr = stack.enter_context(NodeServer(order, folder / "node.log"))
        made = Stand(ehr=ehr, app=app)
        SealedSecrets(app.data / "client-secrets", KeyFile(app.data / "sealing.keys")).keep("basic", SECRET)
        (app.data / "site.toml").write_text("[signing]\nsign_in_again = true\n", "utf-8")
        app.serve(made.registry())
        yield made


@pytest.fixture(autouse=True)
def quiet(stand: Stand) -> Iterator[None]:
    """Each test begins with an empty log; none may leave a refresh token used twice, or a secret in our log."""
    stand.ehr.control("DELETE", "log")
    yield
    spent = [one["spent"] for one in stand.ehr.asked("refresh_token")]
    assert len(spent) == len(set(spent)), "a refresh token was sent twice"
    for word in (SECRET, "code=", "state=", "Bearer", "Larsen", "Whitfield"):
        assert word not in stand.app.log.text, f"the log holds {word!r}"


@pytest.fixture
async def client_of_browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def browser(stand: Stand, client_of_browser: httpx.AsyncClient) -> Clinician:
    """Nobody signed in to the EHR yet."""
    return Clinician(stand.ehr.url, client=client_of_browser)


async def opened(browser: Clinician, url: str) -> Page:
    """From a launch address to where the redirects end, pressing on where the app asks by a form."""
    page = await browser.open(url)
    return await browser.submit(page, page.forms[-1].action) if _asks_by_form(page) else page


def _asks_by_form(page: Page) -> bool:
    return page.status == 200 and bool(page.forms) and page.forms[-1].action.endswith("/auth")


@every_client
async def test_a_launch_from_the_chart_opens_its_patient(stand: Stand, browser: Clinician, client: str) -> None:
    page = await opened(browser, stand.launch_url(client))
    assert page.status == 200, page.text[:400]
    assert page.url.startswith(f"{stand.app.url}/l/")
    assert "?" not in page.url  # C31, L-11: code and state have left the address
    assert "LARSEN" in page.text
    assert "Dr Vera Strand" in page.text  # C50: the id_token of another library, ES384 and RS256
    (authorized,) = stand.ehr.asked("authorize")
    assert authorized["method"] == ("POST" if client == "long" else "GET")  # C26
    (asked,) = stand.ehr.asked("authorization_code")
    assert (asked["client"], asked["status"]) == (f"app-at-{client}", 200)
    assert asked.get("algorithm") == AUTHS[client].get("algorithm")
    assert asked["named"] is (client == "public")  # C33: a confidential client leaves client_id out


@every_client
async def test_a_start_from_our_own_page_opens_the_patient_the_ehr_picks(
    stand: Stand, browser: Clinician, client: str
) -> None:
    page = await opened(browser, f"{stand.app.url}/launch?ehr={client}")
    assert page.status == 200, page.text[:400]
    assert "LARSEN" in page.text


@every_client
async def test_an_old_token_is_refreshed_before_it_is_used(stand: Stand, browser: Clinician, client: str) -> None:
    stand.ehr.control("POST", "next", life="20")
    page = await opened(browser, stand.launch_url(client))
    assert page.status == 200
    (asked,) = stand.ehr.asked("refresh_token")
    assert (asked["client"], asked["status"]) == (f"app-at-{client}", 200)  # C36, C63: the same proof as for the code


@pytest.mark.parametrize("client", [pytest.param("es384", id="L-13 C63 C64 twenty at once")])
async def test_twenty_requests_with_a_dead_token_refresh_it_once(
    stand: Stand, browser: Clinician, client: str
) -> None:
    page = await opened(browser, stand.launch_url(client))
    form = next(one for one in page.forms if one.action.endswith("/screening"))
    stand.ehr.control("POST", "end-access-tokens")
    answers = await asyncio.gather(*(browser.submit(page, form.action) for _ in range(20)))
    assert {one.status for one in answers} == {200}
    assert all("LARSEN" in one.text for one in answers)
    (asked,) = stand.ehr.asked("refresh_token")
    assert asked["status"] == 200


@pytest.mark.parametrize("times", [pytest.param(4, id="C63 four in a row")])
async def test_each_refresh_sends_the_newest_token(stand: Stand, browser: Clinician, times: int) -> None:
    """This server ends the whole grant when an older one comes."""
    page = await opened(browser, stand.launch_url("rs384"))
    form = next(one for one in page.forms if one.action.endswith("/screening"))
    for _ in range(times):
        stand.ehr.control("POST", "end-access-tokens")
        assert (await browser.submit(page, form.action)).status == 200
    assert [one["status"] for one in stand.ehr.asked("refresh_token")] == [200] * times


@every_client
async def test_logging_out_revokes_at_the_ehr(stand: Stand, browser: Clinician, client: str) -> None:
    """C36, C67: and the revocation carries the client's proof."""
    page = await opened(browser, stand.launch_url(client))
    leave = await browser.open(page.link("Close the app"), on=page)
    left = await browser.submit(leave, leaving(leave))
    assert left.status == 200
    (asked,) = stand.ehr.asked("revoke")
    assert (asked["client"], asked["status"]) == (f"app-at-{client}", 200)
    assert (await browser.open(page.url)).status == 401


async def test_two_charts_in_one_browser_stay_two(stand: Stand, browser: Clinician) -> None:
    """C66: the server keeps one login, the app two launches."""
    ada = await opened(browser, stand.launch_url("es384", "ada"))
    ben = await opened(browser, stand.launch_url("es384", "ben"))
    again = await browser.open(ada.url)
    assert "LARSEN" in again.text
    assert "WHITFIELD" not in again.text
    assert "WHITFIELD" in ben.text


async def test_a_user_who_says_no_is_told_how_to_go_on(stand: Stand, browser: Clinician) -> None:
    """C30: the EHR's own refusal, with RFC 9207's iss beside it."""
    stand.ehr.control("POST", "next", refused="1")
    before = stand.app.open_launches()
    page = await opened(browser, stand.launch_url("es384"))
    assert page.status == 400
    assert "refused to give the app access. Start the app again from the chart." in " ".join(page.text.split())
    assert stand.app.refusals()[-1] == "consent-refused"
    assert stand.app.open_launches() == before


async def callback_of(stand: Stand, browser: Clinician, url: str, **changes: str) -> str:
    """The address the EHR sends the browser back to, caught before the app sees it."""
    seen: list[str] = []

    async def catch(request: httpx.Request) -> None:
        if "/callback/" in str(request.url):
            seen.append(str(request.url))
            request.url = request.url.copy_with(raw_path=b"/healthz")

    client = browser._client
    client.event_hooks = {"request": [catch]}
    await opened(browser, url)
    client.event_hooks = {"request": []}
    (caught,) = seen
    given = {name: values[0] for name, values in parse_qs(urlsplit(caught).query).items()}
    return f"{caught.partition('?')[0]}?{urlencode({**given, **changes})}"


def parameter(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


async def test_the_callback_names_the_ehr_that_answers(stand: Stand, browser: Clinician) -> None:
    """C32 RFC 9207: announced here, so that an answer without iss, or with another, is refused before any token."""
    for changed in ({"iss": "https://ehr.evil.test"}, {"iss": stand.ehr.base("es384")}):
        url = await callback_of(stand, browser, stand.launch_url("es384"), **changed)
        page = await browser.open(url)
        assert page.status == 502
        assert "another EHR" in page.text
    url = await callback_of(stand, browser, stand.launch_url("es384"))
    page = await browser.open(url.replace("&iss=", "&other="))
    assert "does not say which EHR it comes from" in page.text
    assert stand.ehr.asked("authorization_code") == []
    assert stand.app.refusals()[-3:] == ["callback-invalid"] * 3


async def test_a_code_works_once_here_and_at_the_server(stand: Stand, browser: Clinician) -> None:
    """L-6, C34, D code replay: this server ends the grant of a replayed code, and the open session says so."""
    url = await callback_of(stand, browser, stand.launch_url("public"))
    page = await browser.open(url)
    assert page.status == 200
    assert (await browser.open(url)).status == 400
    assert len(stand.ehr.asked("authorization_code")) == 1  # our own state was spent, so nothing was sent
    assert stand.ehr.control("POST", "replay") == {"status": 400}
    assert stand.ehr.asked("authorization_code")[-1]["why"] == "authorization code already consumed"
    form = next(one for one in page.forms if one.action.endswith("/screening"))
    told = await browser.submit(page, form.action)
    assert told.status == 401
    assert "Nothing you entered is lost.\nOpen the app again from the chart to go on." in told.text  # C64


async def test_a_code_of_another_start_is_refused_by_its_verifier(stand: Stand, browser: Clinician) -> None:
    """L-6, D PKCE: two starts, the code of one in the callback of the other."""
    first = await callback_of(stand, browser, stand.launch_url("public"))
    second = await callback_of(stand, browser, stand.launch_url("public", "ben"), code=parameter(first, "code"))
    page = await browser.open(second)
    assert page.status == 502
    assert stand.app.refusals()[-1] == "token-refused"
    (asked,) = stand.ehr.asked("authorization_code")
    assert (asked["error"], asked["why"]) == ("invalid_grant", "code_verifier does not match code_challenge")


async def test_a_code_is_redeemed_at_the_ehr_of_its_state_only(stand: Stand, browser: Clinician) -> None:
    """L-6 redirect paths swapped: the callback of one EHR under the path of another sends no token request."""
    url = await callback_of(stand, browser, stand.launch_url("es384"))
    page = await browser.open(url.replace("/callback/es384", "/callback/basic"))
    assert page.status == 400
    assert stand.ehr.asked("authorization_code") == []


def proof(stand: Stand, *, audience: str | None = None, client: str = "app-at-es384") -> dict[str, str]:
    key = stand.app.keys.active("es384", "ES384", datetime.now(UTC))
    token_url = audience or f"{stand.ehr.url}/token"
    assertion = sign_assertion(key, client_id=client, token_endpoint=token_url, now=datetime.now(UTC))
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def redeemed(stand: Stand, **form: str) -> tuple[int, str]:
    given = {"grant_type": "authorization_code", "code": "none", "redirect_uri": "none", "code_verifier": "v" * 43}
    reply = httpx.post(f"{stand.ehr.url}/token", data=given | form, trust_env=False, timeout=20)
    return reply.status_code, str(reply.json()["error"])


async def test_the_server_takes_no_assertion_for_another_audience_or_twice(stand: Stand) -> None:
    """D aud, D jti, L-7: what the app signs for one endpoint is worth nothing elsewhere or again."""
    good = proof(stand)
    assert redeemed(stand, **good) == (400, "invalid_grant")  # the proof itself was good
    assert redeemed(stand, **good) == (401, "invalid_client")
    assert redeemed(stand, **proof(stand, audience="https://ehr.example.org/token")) == (401, "invalid_client")
    assert redeemed(stand, **proof(stand, client="app-at-rs384")) == (401, "invalid_client")


def published(stand: Stand) -> set[str]:
    found = httpx.get(f"{stand.app.url}/jwks/es384.json", trust_env=False, timeout=20).json()
    return {key["kid"] for key in found["keys"]}


async def test_keys_are_rotated_without_a_failed_launch(stand: Stand, browser: Clinician) -> None:
    """C06: the successor is published first and signs later; this server keeps our key set for an hour."""
    keys, now = stand.app.keys, datetime.now(UTC)
    registered = load_registry(stand.app.folder / "ehr.toml", allow_loopback_http=True).by_name
    old = keys.active("es384", "ES384", now).kid
    new = rotate(keys, registered["es384"], now, after=timedelta(seconds=3)).kid
    assert published(stand) == {old, new}
    stand.ehr.control("POST", "forget-app-keys")  # as after an hour
    signed_by = [old]
    while signed_by[-1] != new:
        assert (await opened(browser, stand.launch_url("es384"))).status == 200
        signed_by = [one["kid"] for one in stand.ehr.asked("authorization_code")]
    assert set(signed_by) <= {old, new}
    retire(keys, "es384", old, registered.values(), datetime.now(UTC) + timedelta(minutes=10))
    assert published(stand) == {new}
    stand.ehr.control("POST", "forget-app-keys")
    assert (await opened(browser, stand.launch_url("es384"))).status == 200


async def test_no_key_signs_for_two_ehrs(stand: Stand, browser: Clinician) -> None:
    """L-7: each registration has keys of its own, so that what one EHR was shown is worth nothing at another."""
    for client in ("es384", "rs384"):
        assert (await opened(browser, stand.launch_url(client))).status == 200
    one, two = (asked["kid"] for asked in stand.ehr.asked("authorization_code"))
    assert one != two
    assert two not in published(stand)


async def signed_in_again(browser: Clinician, page: Page) -> Page:
    return await browser.open(f"{page.url.rpartition('/')[0]}/sign-in-again/session/missed")


@pytest.mark.parametrize("client", ["es384", "rs384", "basic", "public"])
async def test_this_server_asks_its_user_again_and_says_when(stand: Stand, browser: Clinician, client: str) -> None:
    """C27: it announces auth_time and no prompts, so max_age alone is sent."""
    page = await opened(browser, stand.launch_url(client))
    (first,) = stand.ehr.asked("sign-in")
    back = await signed_in_again(browser, page)
    assert back.url.endswith("/session/missed"), back.text[:400]
    assert stand.ehr.asked("sign-in") == [first, first]
    record = stand.app.audit()[-2]
    assert record["action"] == "clinician:launch:sign-in-again", record["action"]
    again = stand.ehr.control("POST", "end-access-tokens")  # the launch's own can still be refreshed
    assert again == {}
    form = next(one for one in page.forms if one.action.endswith("/screening"))
    assert (await browser.submit(page, form.action)).status == 200


async def test_somebody_else_at_this_server_signs_nothing(stand: Stand, browser: Clinician) -> None:
    page = await opened(browser, stand.launch_url("es384"))
    stand.ehr.control("POST", "next", user="otto")
    asked = await signed_in_again(browser, page)
    told = await browser.submit(asked, asked.forms[-1].action)  # it signs the one before out, by a form of its own
    assert told.status == 400, told.text
    assert "Somebody else signed in at the EHR" in told.text
    refusal = next(one for one in reversed(stand.app.audit()) if one["action"] == "app:sign-in-again:refuse")
    assert refusal["detail"].startswith("sign-in-other-user")
    assert (await browser.open(page.url)).status == 200
