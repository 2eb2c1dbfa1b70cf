"""id_tokens that are forged, stale, meant for others or that name strangers let nobody in (L-8, C50 to C53)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, RSAKey

from smart_app.sandbox.clinician import Clinician
from tests.strangers.conftest import Lied
from tests.strangers.fault_proxy import JWKS, TOKEN, FaultProxy
from tests.strangers.forgeries import ABSENT, HTML, REDIRECTS, answers, cut, id_token, members, redirects

pytestmark = pytest.mark.anyio

THEIRS = RSAKey.generate_key(2048, parameters={"kid": "theirs", "use": "sig"})  # the name of the EHR's key, no more
SKEW = 61  # seconds; one more than clocks may differ

NOT_SIGNED = "is not signed as it should be"
FALSE = "The signature on the EHR's word on who the user is is false."
UNKNOWN_KEY = "signed with a key that it does not publish"
NOT_FOR_US = "was not meant for this app or this start of it"
BEHIND = "seconds behind the app's; 60 are allowed"
AHEAD = "seconds ahead of the app's; 60 are allowed"
NO_TIME = "does not say properly when it was given"
OTHER_ISSUER = "comes from another issuer than the registered one"
NO_RECORD = "names a user that is not one of its own records"

Claims = dict[str, Any]
Make = Callable[[FaultProxy, Claims], str]


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def by_hand(header: Claims, claims: Claims, sign: Callable[[bytes], bytes]) -> str:
    """A JWT that no decent library would make."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{base64.urlsafe_b64encode(sign(signed.encode())).decode().rstrip('=')}"


def with_the_public_key(form: str) -> Make:
    """HS256, with the EHR's public key as the secret: the oldest trick against JWT libraries."""

    def make(ehr: FaultProxy, claims: Claims) -> str:
        public = ehr.key.as_pem(private=False) if form == "PEM" else ehr.key.as_der(private=False)
        header = {"alg": "HS256", "typ": "JWT", "kid": "theirs"}
        return by_hand(header, claims, lambda text: hmac.digest(public, text, hashlib.sha256))

    return make


def with_a_critical_header(ehr: FaultProxy, claims: Claims) -> str:
    """Well signed by the EHR's own key: only the header is wrong."""
    header = {"alg": "RS256", "kid": "theirs", "crit": ["exp2"], "exp2": 1}
    return by_hand(header, claims, lambda text: ehr.key.private_key.sign(text, PKCS1v15(), SHA256()))


def unsigned(algorithm: str) -> Make:
    return lambda _ehr, claims: by_hand({"alg": algorithm, "kid": "theirs"}, claims, lambda _text: b"")


def said(**changes: Any) -> Make:
    """Well signed, with other claims; a callable is given the moment."""

    def make(ehr: FaultProxy, claims: Claims) -> str:
        now = int(time.time())
        told = {**claims, **{name: value(now) if callable(value) else value for name, value in changes.items()}}
        return ehr.signed({name: value for name, value in told.items() if value is not ABSENT})

    return make


def headed(key: Any = None, /, **header: Any) -> Make:
    return lambda ehr, claims: ehr.signed(claims, header, key)


def damaged(change: Callable[[str], str]) -> Make:
    return lambda ehr, claims: change(ehr.signed(claims))


OURS = "ketamine-pathway"
FORGED: dict[str, tuple[Make, str]] = {
    "L-8 signed by a stranger under the EHR's kid": (headed(THEIRS), FALSE),
    "L-8 alg none": (unsigned("none"), NOT_SIGNED),
    "L-8 alg None": (unsigned("None"), NOT_SIGNED),
    "L-8 no signature at RS256": (unsigned("RS256"), FALSE),
    "L-8 HS256 with the public key as PEM": (with_the_public_key("PEM"), NOT_SIGNED),
    "L-8 HS256 with the public key as DER": (with_the_public_key("DER"), NOT_SIGNED),
    "L-8 PS256, which is not listed": (headed(alg="PS256"), NOT_SIGNED),
    "L-8 a key in the header": (headed(THEIRS, jwk=THEIRS.as_dict(private=False)), FALSE),
    "L-8 a key in the header and no kid": (headed(THEIRS, jwk=THEIRS.as_dict(private=False), kid=None), FALSE),
    "L-8 jku elsewhere": (headed(THEIRS, jku="http://evil.test/jwks.json", kid="evil"), UNKNOWN_KEY),
    "L-8 jku elsewhere under the EHR's kid": (headed(THEIRS, jku="http://evil.test/jwks.json"), FALSE),
    "L-8 x5u elsewhere": (headed(THEIRS, x5u="http://evil.test/chain.pem"), FALSE),
    "L-8 a kid that is a path": (headed(THEIRS, kid="../../../dev/null"), UNKNOWN_KEY),
    "L-8 a kid that is a number": (
        lambda _ehr, claims: by_hand({"alg": "RS256", "kid": 1}, claims, lambda _: b"x"),
        NOT_SIGNED,
    ),
    "L-8 a critical header nobody knows": (with_a_critical_header, FALSE),
    "L-8 the payload changed after signing": (
        damaged(lambda token: ".".join([token.split(".")[0], part({"sub": "admin"}), token.split(".")[2]])),
        FALSE,
    ),
    "L-8 the signature cut": (damaged(lambda token: token[:-8]), FALSE),
    "L-8 two parts": (damaged(lambda token: token.rpartition(".")[0]), NOT_SIGNED),
    "L-8 five parts": (damaged(lambda token: f"{token}.a.b"), NOT_SIGNED),
    "L-8 no JWT": (lambda _ehr, _claims: "not-a-token-at-all", NOT_SIGNED),
    "L-8 another audience": (said(aud="another-app"), NOT_FOR_US),
    "L-8 no audience": (said(aud=ABSENT), NOT_FOR_US),
    "L-8 two audiences and no azp": (said(aud=[OURS, "another-app"]), NOT_FOR_US),
    "L-8 azp of another app": (said(azp="another-app"), NOT_FOR_US),
    "L-8 C51 another issuer": (said(iss="https://evil.test"), OTHER_ISSUER),
    "L-8 C51 the FHIR base, which is not the registered issuer": (
        lambda ehr, claims: ehr.signed({**claims, "iss": f"{ehr.url}/fhir"}),
        OTHER_ISSUER,
    ),
    "L-8 no issuer": (said(iss=ABSENT), OTHER_ISSUER),
    "L-8 another nonce": (said(nonce="another-nonce-0123456789"), NOT_FOR_US),
    "L-8 no nonce": (said(nonce=ABSENT), NOT_FOR_US),
    "L-8 the nonce in a list": (
        lambda ehr, claims: ehr.signed({**claims, "nonce": [claims["nonce"], "x"]}),
        NOT_FOR_US,
    ),
    "L-8 expired 61 s ago": (said(exp=lambda now: now - SKEW), BEHIND),
    "L-8 no exp": (said(exp=ABSENT), NO_TIME),
    "L-8 exp in words": (said(exp="tomorrow"), NO_TIME),
    "L-8 not before in 61 s": (said(nbf=lambda now: now + SKEW + 5), AHEAD),
    "L-8 issued in 61 s": (said(iat=lambda now: now + SKEW + 5), AHEAD),
    "L-8 no iat": (said(iat=ABSENT), NO_TIME),
    "L-8 no subject": (said(sub=ABSENT), NOT_FOR_US),
    "L-8 C52 fhirUser on another host": (said(fhirUser="https://evil.test/fhir/Practitioner/mira-holm"), NO_RECORD),
    "L-8 C52 fhirUser on a host that begins alike": (
        lambda ehr, claims: ehr.signed({**claims, "fhirUser": f"{ehr.url}.evil.test/fhir/Practitioner/mira-holm"}),
        NO_RECORD,
    ),
    "L-8 C52 fhirUser beside the base": (
        lambda ehr, claims: ehr.signed({**claims, "fhirUser": f"{ehr.url}/fhir-other/Practitioner/mira-holm"}),
        NO_RECORD,
    ),
    "L-8 C52 fhirUser that climbs": (said(fhirUser="../admin/Practitioner/mira-holm"), NO_RECORD),
    "L-8 C52 fhirUser with a query": (said(fhirUser="Practitioner/mira-holm?_format=html"), NO_RECORD),
    "L-8 C52 fhirUser of another type": (said(fhirUser="Device/1"), NO_RECORD),
    "L-8 C52 fhirUser without a type": (said(fhirUser="mira-holm"), NO_RECORD),
    "L-8 C52 fhirUser as a list": (said(fhirUser=["Practitioner/mira-holm"]), NO_RECORD),
}


@pytest.mark.parametrize(("make", "words"), [pytest.param(*case, id=name) for name, case in FORGED.items()])
async def test_nobody_gets_in(lied: Lied, browser: Clinician, make: Make, words: str) -> None:
    lied.ehr.order(TOKEN, id_token(lied.ehr, lambda claims: make(lied.ehr, claims)), method="POST")
    await lied.refused(browser, status=502, words=words, reason="identity-unverified")
    assert not [one for one in lied.ehr.asked if "authorization" in one.headers]  # no chart was read
    assert len(lied.ehr.requests("POST", "/oauth/revoke")) == 1  # and the token is given back


GENUINE: dict[str, Make] = {
    "L-8 expired 30 s ago, within what clocks may differ": said(exp=lambda now: now - 30),
    "L-8 issued in 30 s": said(iat=lambda now: now + 30),
    "L-8 RS384": headed(alg="RS384"),
    "L-8 no kid, since there is one key": headed(kid=None),
    "L-8 our client id in a list": said(aud=[OURS]),
    "L-8 two audiences, issued to us": said(aud=[OURS, "another-app"], azp=OURS),
    "C52 fhirUser relative": said(fhirUser="Practitioner/mira-holm"),
    "C52 a name with markup": said(name="<b>Dr</b> Mira <script>Holm"),
}


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in GENUINE.items()])
async def test_a_genuine_user_gets_in(lied: Lied, browser: Clinician, make: Make) -> None:
    lied.ehr.order(TOKEN, id_token(lied.ehr, lambda claims: make(lied.ehr, claims)), method="POST")
    page = await lied.launch(browser)
    assert page.status == 200, page.text[:400]
    assert "prescriber" in page.text
    assert "<script>Holm" not in page.html


READ_ONLY: dict[str, Any] = {
    "C50 no id_token": members(id_token=ABSENT),
    "C52 no fhirUser": said(fhirUser=ABSENT),
    "C52 a patient": said(fhirUser="Patient/somebody"),
    "C52 a related person": said(fhirUser="RelatedPerson/somebody"),
    "C52 a practitioner nobody knows": said(fhirUser="Practitioner/nobody"),
}


@pytest.mark.parametrize("given", [pytest.param(given, id=f"L-8 {name}") for name, given in READ_ONLY.items()])
async def test_whoever_is_no_clinician_of_this_ehr_only_reads(lied: Lied, browser: Clinician, given: Any) -> None:
    forge = given
    if given is not READ_ONLY["C50 no id_token"]:
        forge = id_token(lied.ehr, lambda claims: given(lied.ehr, claims))
    lied.ehr.order(TOKEN, forge, method="POST")
    page = await lied.launch(browser)
    assert page.status == 200
    assert "LARSEN" in page.text
    enrolment = lied.seen(await browser.open(page.url.replace("/screening", "/enrolment")))
    assert not [one for one in enrolment.forms if one.action.endswith("/enrolment")]


def part_of_number(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


def key_set(*keys: Any, **more: Any) -> Any:
    told = {"keys": [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys], **more}
    return lambda _asked, reply: replace(reply, headers={**reply.headers, "cache-control": "no-store"}).with_json(
        told
    )


KEY_SETS: dict[str, tuple[Any, str]] = {
    "N HTML for JSON": (answers(HTML, kind="text/html"), "does not publish the keys of its users"),
    "N empty": (answers(), "does not publish the keys of its users"),
    "N 404": (answers(status=404), "does not publish the keys of its users"),
    "N no keys": (key_set(), UNKNOWN_KEY),
    "N keys as a text": (answers(b'{"keys": "theirs"}'), UNKNOWN_KEY),
    "N keys nobody can read": (key_set({"kty": "RSA", "kid": "theirs"}, {"kty": "oct", "k": "AAAA"}), UNKNOWN_KEY),
    "L-8 a key for encryption": (
        key_set({**THEIRS.as_dict(private=False), "use": "enc"}),
        UNKNOWN_KEY,
    ),
    "L-8 two keys of one kid": (key_set(THEIRS, THEIRS), UNKNOWN_KEY),
    "L-8 a key of another kind": (
        key_set(ECKey.generate_key("P-384", parameters={"kid": "theirs", "use": "sig"})),
        UNKNOWN_KEY,
    ),
    "L-8 a key of 1024 bits": (
        key_set({**THEIRS.as_dict(private=False), "n": part_of_number(2**1023 + 1155)}),
        UNKNOWN_KEY,
    ),
}


@pytest.mark.filterwarnings("ignore:Key size should be")  # joserfc's word on the small key, which we refuse
@pytest.mark.parametrize(("forge", "words"), [pytest.param(*case, id=name) for name, case in KEY_SETS.items()])
async def test_keys_that_prove_nothing_let_nobody_in(lied: Lied, browser: Clinician, forge: Any, words: str) -> None:
    lied.ehr.order(JWKS, forge)
    await lied.refused(browser, status=502, words=words, reason="identity-unverified")


@pytest.mark.parametrize("status", [pytest.param(status, id=f"E-2 {status}") for status in REDIRECTS])
async def test_keys_that_redirect_are_not_fetched_elsewhere(lied: Lied, browser: Clinician, status: int) -> None:
    lied.ehr.order(JWKS, redirects(status, f"{lied.canary.url}/jwks.json"))
    await lied.refused(browser, status=502, words="to another address", reason="ehr-fault")


async def test_keys_whose_connection_is_cut_let_nobody_in(lied: Lied, browser: Clinician) -> None:
    lied.ehr.order(JWKS, cut())
    await lied.refused(browser, status=502, words="could not be reached", reason="ehr-unreachable")


async def test_a_rotated_key_is_fetched_once(lied: Lied, browser: Clinician) -> None:
    """C50: a kept set that lacks the kid is asked for anew, one time."""
    keep_keys(lied, 3600)
    assert (await lied.launch(browser)).status == 200
    assert (await lied.launch(browser)).status == 200
    assert len(lied.ehr.requests("GET", JWKS)) == 1
    lied.ehr.order(TOKEN, id_token(lied.ehr, lambda claims: lied.ehr.signed(claims, {"kid": "new"})), method="POST")
    await lied.refused(browser, status=502, words=UNKNOWN_KEY, reason="identity-unverified")
    assert len(lied.ehr.requests("GET", JWKS)) == 2
    lied.ehr.orders.clear()
    keep_keys(lied, 0)  # for the tests to come: a set is kept as the answer says that was fetched last
    lied.ehr.order(TOKEN, id_token(lied.ehr, lambda claims: lied.ehr.signed(claims, {"kid": "new"})), method="POST")
    await lied.refused(browser, status=502, words=UNKNOWN_KEY, reason="identity-unverified")


def keep_keys(lied: Lied, seconds: int) -> None:
    kept = {"cache-control": f"max-age={seconds}"}
    lied.ehr.order(JWKS, lambda _asked, reply: replace(reply, headers={**reply.headers, **kept}))
