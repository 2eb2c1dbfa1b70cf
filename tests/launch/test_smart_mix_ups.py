"""Two EHRs at one app, of which either may be hostile: nothing of the one reaches the other (L-6, L-7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc import jws

from launch.exchange import EhrClients
from launch.keys import KeyRing, SigningKey
from tests.launch.an_app import OTHER, App, an_app, question, returned
from tests.launch.an_ehr import ISSUER, START, TOKEN_URL, Clock, Ehr, a_document, a_token_reply, an_id_token

pytestmark = pytest.mark.anyio
KEYS = {ehr: SigningKey.generate("ES384", active_from=START) for ehr in ("demo", "other")}
OTHER_ORIGIN = OTHER.removesuffix("/fhir")
OTHER_TOKEN_URL = f"{OTHER_ORIGIN}/oauth/token"


class Other:
    """The second EHR on the wire."""

    def __init__(self, ehr: Ehr) -> None:
        self.document = {
            **a_document(revocation_endpoint=None),
            "issuer": f"{OTHER_ORIGIN}/oauth",
            "jwks_uri": f"{OTHER_ORIGIN}/oauth/jwks",
            "authorization_endpoint": f"{OTHER_ORIGIN}/oauth/authorize",
            "token_endpoint": OTHER_TOKEN_URL,
        }
        ehr.router.get(f"{OTHER}/.well-known/smart-configuration").mock(
            side_effect=lambda _: httpx.Response(200, json=self.document)
        )
        self.token = ehr.router.post(OTHER_TOKEN_URL).mock(return_value=httpx.Response(200, json=a_token_reply()))


@pytest.fixture
def other(ehr: Ehr) -> Other:
    return Other(ehr)


@pytest.fixture
def app(clients: EhrClients, ehr: Ehr, clock: Clock) -> App:
    return an_app(clients, ehr, clock, keys=KeyRing.of(own={name: [key] for name, key in KEYS.items()}))


async def begun(browser: httpx.AsyncClient, iss: str) -> dict[str, str]:
    return question(await browser.get("/launch", params={"iss": iss, "launch": "x"}))


@pytest.mark.parametrize("own", ["demo", "other"])
async def test_l6_the_answer_of_one_ehr_on_the_path_of_the_other_asks_neither(
    app: App, browser: httpx.AsyncClient, other: Other, own: str
) -> None:
    asked = await begun(browser, ISSUER if own == "demo" else OTHER)
    assert asked["redirect_uri"].endswith(f"/callback/{own}")
    wrong = {"demo": "other", "other": "demo"}[own]
    assert (await browser.get(f"/callback/{wrong}?state={asked['state']}&code=c")).status_code == 400
    assert app.reasons == ["launch-interrupted"]
    assert (app.ehr.token.called, other.token.called) == (False, False)


@pytest.mark.parametrize("iss", [f"{OTHER_ORIGIN}/oauth", OTHER])
async def test_l6_a_code_that_names_the_other_ehr_is_not_redeemed(
    app: App, browser: httpx.AsyncClient, other: Other, iss: str
) -> None:
    asked = await begun(browser, ISSUER)
    assert (await browser.get(returned(asked, code="OTHERS-code", iss=iss))).status_code == 400
    assert app.reasons == ["callback-invalid"]
    assert (app.ehr.token.called, other.token.called) == (False, False)


async def test_l6_two_launches_at_once_redeem_each_code_where_its_state_began(
    app: App, browser: httpx.AsyncClient, other: Other
) -> None:
    """Swapped codes cannot be told by looking; they still go to the EHR of the state alone, with its verifier."""
    ours, theirs = await begun(browser, ISSUER), await begun(browser, OTHER)
    await browser.get(returned(ours, code="THEIR-code"))
    await browser.get(f"/callback/other?state={theirs['state']}&code=OUR-code")
    (at_demo,) = (parse_qs(call.request.content.decode()) for call in app.ehr.token.calls)
    (at_other,) = (parse_qs(call.request.content.decode()) for call in other.token.calls)
    assert (at_demo["code"], at_other["code"]) == (["THEIR-code"], ["OUR-code"])
    assert at_demo["code_verifier"] != at_other["code_verifier"]
    assert (at_demo["redirect_uri"], at_other["redirect_uri"]) == ([ours["redirect_uri"]], [theirs["redirect_uri"]])


def signed(call: Any) -> tuple[str, str]:
    """The kid of a request's assertion, and for whom it is."""
    assertion = parse_qs(call.request.content.decode())["client_assertion"][0]
    told = jws.extract_compact(assertion.encode())
    return str(told.headers()["kid"]), told.payload.decode().partition('"aud":')[2].split('"')[1]


async def test_l7_each_ehr_sees_its_own_key_and_its_own_address(
    app: App, browser: httpx.AsyncClient, other: Other
) -> None:
    asked = await begun(browser, ISSUER)
    app.ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(id_token=an_id_token(asked["nonce"]))))
    assert (await browser.get(returned(asked))).status_code == 303
    theirs = await begun(browser, OTHER)
    assert (await browser.get(f"/callback/other?state={theirs['state']}&code=c")).status_code == 303
    assert [signed(call) for call in app.ehr.token.calls] == [(KEYS["demo"].kid, TOKEN_URL)]
    assert [signed(call) for call in other.token.calls] == [(KEYS["other"].kid, OTHER_TOKEN_URL)]


async def test_l7_metadata_that_name_another_ehr_s_token_endpoint_get_nothing_signed(
    app: App, browser: httpx.AsyncClient, other: Other
) -> None:
    other.document["token_endpoint"] = TOKEN_URL
    assert (await browser.get("/launch", params={"iss": OTHER, "launch": "x"})).status_code == 400
    assert app.reasons == ["endpoint-not-pinned"]
    assert [request for request in app.ehr.requests if request.method == "POST"] == []


async def test_l7_metadata_that_turn_while_the_browser_is_away_get_nothing_signed(
    app: App, browser: httpx.AsyncClient, other: Other, clock: Clock
) -> None:
    asked = await begun(browser, OTHER)
    other.document["token_endpoint"] = TOKEN_URL
    clock.forward(minutes=6)  # what was kept of the metadata is old by now
    assert (await browser.get(f"/callback/other?state={asked['state']}&code=c")).status_code == 400
    assert app.reasons == ["endpoint-not-pinned"]
    assert [request for request in app.ehr.requests if request.method == "POST"] == []
