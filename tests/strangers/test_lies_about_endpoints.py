"""Metadata that moves, forges or withholds: no start of the app goes where it was not registered (L-3, L-5, L-7)."""

from __future__ import annotations

from typing import Any

import pytest

from smart_app.sandbox.clinician import Clinician
from tests.strangers.conftest import Lied
from tests.strangers.fault_proxy import OPENID, WELL_KNOWN
from tests.strangers.forgeries import ABSENT, members, redirects

pytestmark = pytest.mark.anyio

ELSEWHERE = {
    "another port": "{canary}/oauth/token",
    "another host": "http://evil.test:{port}/oauth/token",
    "https of another host": "https://evil.test:{port}/oauth/token",
    "a host that begins alike": "http://127.0.0.1.evil.test:{port}/oauth/token",
    "our host as a user name": "http://127.0.0.1@evil.test:{port}/oauth/token",
    "no scheme": "//evil.test:{port}/oauth/token",
    "a backslash": "http://127.0.0.1\\@evil.test:{port}/oauth/token",
    "another scheme": "gopher://127.0.0.1:{port}/oauth/token",
    "script": "javascript:alert(1)",
}
NOT_PINNED = {"status": 400, "reason": "endpoint-not-pinned"}


def address(lied: Lied, name: str) -> str:
    return ELSEWHERE[name].format(canary=lied.canary.url, port=lied.canary.port)


@pytest.mark.parametrize("place", [pytest.param(name, id=f"L-3 token endpoint at {name}") for name in ELSEWHERE])
async def test_a_token_endpoint_elsewhere_stops_the_launch(lied: Lied, browser: Clinician, place: str) -> None:
    lied.ehr.order(WELL_KNOWN, members(token_endpoint=address(lied, place)))
    await lied.refused(browser, words="Tell whoever runs the app: its registration", **NOT_PINNED)
    assert lied.ehr.requests("GET", "/oauth/authorize") == []


@pytest.mark.parametrize("place", [pytest.param(name, id=f"L-3 {name}") for name in ELSEWHERE])
@pytest.mark.parametrize("member", ["authorization_endpoint", "revocation_endpoint", "jwks_uri"])
async def test_no_endpoint_may_lie_elsewhere(lied: Lied, browser: Clinician, member: str, place: str) -> None:
    lied.ehr.order(WELL_KNOWN, members(**{member: address(lied, place)}))
    await lied.refused(browser, words="Tell whoever runs the app: its registration", **NOT_PINNED)


@pytest.mark.parametrize("place", [pytest.param(name, id=f"L-3 keys at {name}") for name in ELSEWHERE])
async def test_keys_elsewhere_prove_nobody(lied: Lied, browser: Clinician, place: str) -> None:
    """The way of OpenID Connect to the keys, which is gone where the SMART metadata name none."""
    lied.ehr.order(WELL_KNOWN, members(jwks_uri=ABSENT))
    lied.ehr.order(OPENID, members(jwks_uri=address(lied, place)))
    await lied.refused(browser, words="The EHR names", **NOT_PINNED)


async def test_keys_that_openid_names_at_home_are_used(lied: Lied, browser: Clinician) -> None:
    lied.ehr.order(WELL_KNOWN, members(jwks_uri=ABSENT))
    page = await lied.launch(browser)
    assert "LARSEN" in page.text
    assert len(lied.ehr.requests("GET", OPENID)) == 1


async def test_an_issuer_elsewhere_is_not_asked_for_its_keys(lied: Lied, browser: Clinician) -> None:
    """L-3, C51: the registered issuer of id_tokens counts, whatever the metadata call themselves."""
    lied.ehr.order(WELL_KNOWN, members(issuer=lied.canary.url))
    assert "LARSEN" in (await lied.launch(browser)).text


async def test_openid_metadata_of_another_issuer_prove_nobody(lied: Lied, browser: Clinician) -> None:
    lied.ehr.order(WELL_KNOWN, members(jwks_uri=ABSENT))
    lied.ehr.order(OPENID, members(issuer=lied.canary.url))
    await lied.refused(browser, status=502, words="who vouches for its users", reason="identity-unverified")


@pytest.mark.parametrize("status", [pytest.param(status, id=f"E-2 {status}") for status in (301, 302, 303, 307, 308)])
@pytest.mark.parametrize("where", ["the canary", "the same host"])
async def test_metadata_that_redirect_are_not_followed(
    lied: Lied, browser: Clinician, status: int, where: str
) -> None:
    home = lied.canary.url if where == "the canary" else lied.ehr.url
    lied.ehr.order(WELL_KNOWN, redirects(status, f"{home}/moved/.well-known/smart-configuration"))
    await lied.refused(browser, status=502, words="to another address", reason="discovery-failed")
    assert lied.ehr.requests("GET", "/moved") == []


PKCE = {
    "no list": ABSENT,
    "an empty list": [],
    "only plain": ["plain"],
    "a text": "S256 plain",
    "a number": 256,
    "another case": ["s256"],
}


@pytest.mark.parametrize("methods", [pytest.param(value, id=f"L-5 C23 {name}") for name, value in PKCE.items()])
async def test_an_ehr_without_s256_is_refused(lied: Lied, browser: Clinician, methods: Any) -> None:
    lied.ehr.order(WELL_KNOWN, members(code_challenge_methods_supported=methods))
    await lied.refused(browser, status=502, words="(PKCE S256)", reason="discovery-failed")


async def test_plain_beside_s256_is_never_taken(lied: Lied, browser: Clinician) -> None:
    """L-5, C23."""
    lied.ehr.order(WELL_KNOWN, members(code_challenge_methods_supported=["plain", "S256"]))
    assert (await lied.launch(browser)).status == 200
    (asked,) = [dict(one.pairs) for one in lied.ehr.asked if one.path == "/oauth/authorize"]
    assert asked["code_challenge_method"] == "S256"


WITHHELD = {
    "C14 no token endpoint": ({"token_endpoint": ABSENT}, "does not name its token_endpoint"),
    "C14 an empty token endpoint": ({"token_endpoint": ""}, "does not name its token_endpoint"),
    "C14 a number for it": ({"token_endpoint": 1}, "does not name its token_endpoint"),
    "C14 no authorization endpoint": ({"authorization_endpoint": ABSENT}, "does not name its authorization_endpoint"),
    "C14 no launch from the chart": ({"capabilities": ["launch-standalone"]}, "to start apps from the chart"),
    "C14 capabilities as a text": ({"capabilities": "launch-ehr"}, "to start apps from the chart"),
    "C14 only secrets": (
        {"capabilities": ["launch-ehr"], "token_endpoint_auth_methods_supported": ["client_secret_basic"]},
        "does not accept the registered way of signing in",
    ),
}


@pytest.mark.parametrize(("changes", "words"), [pytest.param(*case, id=name) for name, case in WITHHELD.items()])
async def test_what_is_withheld_is_named(lied: Lied, browser: Clinician, changes: Any, words: str) -> None:
    lied.ehr.order(WELL_KNOWN, members(**changes))
    await lied.refused(browser, status=502, words=words, reason="discovery-failed")


async def test_nothing_is_signed_for_the_token_endpoint_of_another_ehr(lied: Lied, browser: Clinician) -> None:
    """L-7, L-6: the metadata of one registered EHR name the token endpoint of the other."""
    lied.other.order(WELL_KNOWN, members(token_endpoint=f"{lied.ehr.url}/oauth/token"))
    page = lied.seen(await browser.open(f"{lied.app.url}/launch?iss={lied.other.url}/fhir&launch=any-launch-value"))
    lied.check_refusal(page, status=400, words="a host that is not registered", reason="endpoint-not-pinned")
    assert lied.token_requests() == 0
