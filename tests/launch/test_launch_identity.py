"""The EHR's word on who the user is counts only when it is signed, fresh, for us and for this start."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, RSAKey

from launch.errors import EndpointNotPinned, IdentityUnverified, LaunchError
from launch.exchange import EhrClients
from launch.identity import Identity, VerifiedUser
from tests.elsewhere import ELSEWHERE, filled
from tests.launch.an_ehr import (
    EHR_EC,
    EHR_RSA,
    ID_ISSUER,
    ISSUER,
    JWKS_URL,
    OPENID,
    ORIGIN,
    START,
    Clock,
    Ehr,
    a_configuration,
    a_key_set,
    a_registration,
    an_id_token,
    claims_of,
)

pytestmark = pytest.mark.anyio
NOW = int(START.timestamp())
STRANGER = RSAKey.generate_key(2048, parameters={"kid": "rsa-1"})


@pytest.fixture
def identity(clients: EhrClients, clock: Clock) -> Identity:
    return Identity(clients=clients, clock=clock)


async def verified(
    identity: Identity, id_token: str, registration: Any = None, document: dict[str, Any] | None = None
) -> VerifiedUser:
    registration = registration or a_registration()
    return await identity.verify(
        id_token,
        registration=registration,
        configuration=a_configuration(registration, **(document or {})),
        fhir_base=ISSUER,
        nonce="n-1",
    )


async def test_a_genuine_token_names_the_user(ehr: Ehr, identity: Identity) -> None:
    user = await verified(identity, an_id_token("n-1"))
    assert user == VerifiedUser(
        issuer=ID_ISSUER,
        subject="dr-ada",
        fhir_user=f"{ISSUER}/Practitioner/ada",
        fhir_type="Practitioner",
        name="Dr Ada Example",
    )


EC_256 = ECKey.generate_key("P-256", parameters={"kid": "ec-256"})


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("RS256", EHR_RSA), ("RS384", EHR_RSA), ("ES384", EHR_EC), ("ES256", EC_256)],
)
async def test_the_usual_algorithms_are_understood(ehr: Ehr, identity: Identity, algorithm: str, key: Any) -> None:
    ehr.jwks.mock(return_value=httpx.Response(200, json=a_key_set(EHR_RSA, EHR_EC, EC_256)))
    assert (await verified(identity, an_id_token("n-1", key=key, header={"alg": algorithm}))).subject == "dr-ada"


FINE: list[tuple[str, dict[str, Any]]] = [
    ("clock ahead by a minute", {"exp": NOW - 59}),
    ("clock behind by a minute", {"iat": NOW + 60}),
    ("several audiences with azp", {"aud": ["kp-client", "other"], "azp": "kp-client"}),
    ("a list of one audience", {"aud": ["kp-client"]}),
    ("a role of the practitioner", {"fhirUser": f"{ISSUER}/PractitionerRole/1"}),
    ("another spelling of the host", {"fhirUser": "https://EHR.example.org:443/fhir/Practitioner/ada"}),
    ("no name", {"name": None}),
]


@pytest.mark.parametrize("change", [row[1] for row in FINE], ids=[row[0].replace(" ", "-") for row in FINE])
async def test_honest_variants_are_accepted(ehr: Ehr, identity: Identity, change: dict[str, Any]) -> None:
    user = await verified(identity, an_id_token("n-1", **change))
    assert str(user.fhir_user).startswith(f"{ISSUER}/Practitioner")


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("expired", {"exp": NOW - 61}),
    ("exp is text", {"exp": "tomorrow"}),
    ("no exp", {"exp": None}),
    ("issued in the future", {"iat": NOW + 61}),
    ("no iat", {"iat": None}),
    ("not yet valid", {"nbf": NOW + 61}),
    ("other audience", {"aud": "another-app"}),
    ("no audience", {"aud": None}),
    ("audience list without us", {"aud": ["a", "b"]}),
    ("audience list of odd things", {"aud": ["kp-client", 7]}),
    ("several audiences without azp", {"aud": ["kp-client", "other"]}),
    ("azp is another app", {"azp": "another-app"}),
    ("azp another among several", {"aud": ["kp-client", "other"], "azp": "other"}),
    ("other nonce", {"nonce": "n-2"}),
    ("no nonce", {"nonce": None}),
    ("nonce in a list", {"nonce": ["n-1", "n-2"]}),
    ("other issuer", {"iss": "https://evil.test"}),
    ("issuer with a slash more", {"iss": ID_ISSUER + "/"}),
    ("no issuer", {"iss": None}),
    ("no subject", {"sub": None}),
    ("empty subject", {"sub": ""}),
    ("subject is a number", {"sub": 7}),
    ("user on another host", {"fhirUser": "https://evil.test/fhir/Practitioner/ada"}),
    ("user on a look-alike", {"fhirUser": "https://ehr.example.org.evil.test/fhir/Practitioner/ada"}),
    ("user outside the base", {"fhirUser": f"{ORIGIN}/other/Practitioner/ada"}),
    ("user by another scheme", {"fhirUser": "http://ehr.example.org/fhir/Practitioner/ada"}),
    ("user climbs out", {"fhirUser": "../Practitioner/ada"}),
    ("user with a query", {"fhirUser": "Practitioner/ada?x=1"}),
    ("user is a device", {"fhirUser": "Device/1"}),
    ("user is a deeper path", {"fhirUser": "x/Practitioner/ada"}),
    ("user without id", {"fhirUser": "Practitioner"}),
    ("user with a bad id", {"fhirUser": "Practitioner/a_b"}),
    ("user is a list", {"fhirUser": ["Practitioner/ada"]}),
    ("user is empty", {"fhirUser": ""}),
    ("user with a line break", {"fhirUser": "Practitioner/ada\n"}),
    ("user with a long query", {"fhirUser": f"Practitioner/ada?x={'a' * 5000}"}),
]


@pytest.mark.parametrize("change", [row[1] for row in REFUSED], ids=[row[0].replace(" ", "-") for row in REFUSED])
async def test_c50_c52_l8_a_signed_token_that_is_not_for_us_is_refused(
    ehr: Ehr, identity: Identity, change: dict[str, Any]
) -> None:
    token = an_id_token("n-1", **change)
    with pytest.raises(IdentityUnverified) as caught:
        await verified(identity, token)
    assert token not in str(caught.value)
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"iat": NOW + 61, "exp": NOW + 361}, "61 seconds ahead of", id="a minute ahead"),
        pytest.param({"iat": NOW + 3600, "exp": NOW + 3900}, "3600 seconds ahead of", id="an hour ahead"),
        pytest.param({"iat": NOW - 3600, "exp": NOW - 3300}, "3600 seconds behind", id="an hour behind"),
        pytest.param({"exp": NOW - 61}, "61 seconds behind", id="over, yet new"),
        pytest.param({"nbf": NOW + 90}, "90 seconds ahead of", id="not to be used yet"),
    ],
)
async def test_d6_differing_clocks_are_told_with_their_seconds(
    ehr: Ehr, identity: Identity, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(IdentityUnverified, match=f"The EHR's clock is {told} the app's; 60 are allowed") as caught:
        await verified(identity, an_id_token("n-1", **change))
    assert "both clocks have to be right" in caught.value.what_to_do


@pytest.mark.parametrize("seconds", [59, -59])
async def test_d6_a_minute_is_forgiven(ehr: Ehr, identity: Identity, clock: Clock, seconds: int) -> None:
    token = an_id_token("n-1", exp=NOW + 1)
    clock.forward(seconds=seconds)
    assert (await verified(identity, token)).subject == "dr-ada"


@pytest.mark.parametrize("change", [{"exp": "tomorrow"}, {"exp": None}, {"iat": NOW + 10**9}, {"iat": [NOW]}])
async def test_d6_a_time_that_is_none_is_not_called_a_clock(
    ehr: Ehr, identity: Identity, change: dict[str, Any]
) -> None:
    with pytest.raises(IdentityUnverified, match="does not say properly when"):
        await verified(identity, an_id_token("n-1", **change))


OWN_BY_HTTPS = "http://{own_host}/fhir/Condition"  # with https in front it is this EHR's own


@pytest.mark.parametrize("template", [one for one in ELSEWHERE if one != OWN_BY_HTTPS], ids=ascii)
async def test_a_user_elsewhere_is_nobody_of_this_ehr(ehr: Ehr, identity: Identity, template: str) -> None:
    """Only the keys are asked for, whatever address the user has."""
    url = filled(template, own_host="ehr.example.org", port=8443, canary="evil.test:9")
    for user in (url, url.replace("http:", "https:").replace("HTTP:", "HTTPS:")):
        with pytest.raises(IdentityUnverified):
            await verified(identity, an_id_token("n-1", fhirUser=user.replace("Condition", "Practitioner/ada")))
    assert {str(request.url) for request in ehr.requests} == {JWKS_URL}


def _packed(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _raw(header: Any, claims: Any, signature: str = "") -> str:
    return f"{_packed(json.dumps(header).encode())}.{_packed(json.dumps(claims).encode())}.{signature}"


def _signed(claims: Any, **header: Any) -> str:
    """Signed by the EHR's true key, with whatever header and claims a library would refuse to write."""
    said = _raw({"alg": "RS384", "kid": "rsa-1", **header}, claims).rstrip(".")
    signature = EHR_RSA.private_key.sign(said.encode(), PKCS1v15(), SHA384())
    return f"{said}.{_packed(signature)}"


def _hs256_with_the_public_key() -> str:
    pem = EHR_RSA.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    said = _raw({"alg": "HS256", "kid": "rsa-1"}, claims_of("n-1")).rstrip(".")
    return f"{said}.{_packed(hmac.digest(pem, said.encode(), 'sha256'))}"


def _with_embedded_key() -> str:
    header = {"alg": "RS384", "kid": "rsa-1", "jwk": STRANGER.as_dict(private=False)}
    return an_id_token("n-1", key=STRANGER, header=header)


FORGED = {
    "no signature": _raw({"alg": "none"}, claims_of("n-1")),
    "no signature, RS384 claimed": _raw({"alg": "RS384", "kid": "rsa-1"}, claims_of("n-1")),
    "HS256 with the public key": _hs256_with_the_public_key(),
    "a stranger's key under a known kid": an_id_token("n-1", key=STRANGER),
    "a stranger's key in the header": _with_embedded_key(),
    "a known kid of another kind": an_id_token("n-1", header={"kid": "ec-1"}),
    "claims exchanged": ".".join(
        [
            an_id_token("n-1").split(".")[0],
            _raw({}, claims_of("n-1", sub="boss")).split(".")[1],
            an_id_token("n-1").split(".")[2],
        ]
    ),
    "an end that is no number": _signed(claims_of("n-1", exp=float("nan"))),
    "an end that never comes": _signed(claims_of("n-1", exp=float("inf"))),
    "claims are a list": _signed([claims_of("n-1")]),
    "claims are deep": _signed("[" * 3000),
    "a critical header we do not know": _signed(claims_of("n-1"), crit=["x"], x=1),
    "an unsigned rest": _signed(claims_of("n-1")) + "x",
    "an odd algorithm": _raw({"alg": ["RS384"]}, claims_of("n-1"), "x"),
    "an odd kid": _raw({"alg": "RS384", "kid": ["rsa-1"]}, claims_of("n-1"), "x"),
    "an odd header": _raw(["RS384"], claims_of("n-1"), "x"),
    "not a JWT": "abc",
    "five parts": "a.b.c.d.e",
    "not base64": "é.b.c",
    "far too long": "a." + "b" * 20_000 + ".c",
    "a deep header": _raw({"alg": "RS384"}, {}).replace(
        "ey", base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("="), 1
    ),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=[name.replace(" ", "-") for name in FORGED])
async def test_c50_l8_a_forged_token_is_refused(ehr: Ehr, identity: Identity, token: str) -> None:
    with pytest.raises(IdentityUnverified):
        await verified(identity, token)


async def test_the_forger_s_tools_make_good_tokens_too(ehr: Ehr, identity: Identity) -> None:
    assert (await verified(identity, _signed(claims_of("n-1")))).subject == "dr-ada"


async def test_c50_a_rotated_key_is_fetched_once_more(ehr: Ehr, identity: Identity) -> None:
    await verified(identity, an_id_token("n-1"))
    new = RSAKey.generate_key(2048, parameters={"kid": "rsa-2"})
    ehr.jwks.mock(return_value=httpx.Response(200, json=a_key_set(EHR_RSA, new)))
    assert (await verified(identity, an_id_token("n-1", key=new))).subject == "dr-ada"
    assert ehr.jwks.call_count == 2
    await verified(identity, an_id_token("n-1"))
    assert ehr.jwks.call_count == 2


async def test_c50_an_unknown_kid_is_asked_for_once_only(ehr: Ehr, identity: Identity) -> None:
    unknown = RSAKey.generate_key(2048, parameters={"kid": "rsa-9"})
    with pytest.raises(IdentityUnverified, match="does not publish"):
        await verified(identity, an_id_token("n-1", key=unknown))
    assert ehr.jwks.call_count == 1
    with pytest.raises(IdentityUnverified):
        await verified(identity, an_id_token("n-1", key=unknown))
    assert ehr.jwks.call_count == 2


async def test_keys_are_kept_as_long_as_the_ehr_says(ehr: Ehr, identity: Identity, clock: Clock) -> None:
    answer = httpx.Response(200, json=a_key_set(EHR_RSA), headers={"cache-control": "max-age=100"})
    ehr.jwks.mock(return_value=answer)
    for seconds in (0, 99, 2):
        clock.forward(seconds=seconds)
        await verified(identity, an_id_token("n-1", now=clock.now))
    assert ehr.jwks.call_count == 2


async def test_launches_at_once_fetch_the_keys_once(ehr: Ehr, identity: Identity) -> None:
    async def slowly(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.02)
        return httpx.Response(200, json=a_key_set(EHR_RSA))

    ehr.jwks.mock(side_effect=slowly)
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(verified, identity, an_id_token("n-1"))
    assert ehr.jwks.call_count == 1


async def test_a_token_without_kid_is_checked_with_the_only_fitting_key(ehr: Ehr, identity: Identity) -> None:
    assert (await verified(identity, an_id_token("n-1", header={"kid": None}))).subject == "dr-ada"
    two = a_key_set(EHR_RSA, RSAKey.generate_key(2048, parameters={"kid": "rsa-2"}))
    ehr.jwks.mock(return_value=httpx.Response(200, json=two))
    with pytest.raises(IdentityUnverified):
        await verified(
            Identity(clients=identity._clients, clock=identity._clock), an_id_token("n-1", header={"kid": None})
        )


async def test_odd_entries_of_a_key_set_are_passed_over(ehr: Ehr, identity: Identity) -> None:
    odd: list[Any] = [
        None,
        {},
        {"kty": ["RSA"]},
        {"kty": "RSA", "kid": "rsa-1"},
        {"kty": "oct", "kid": "rsa-1", "k": "AAAA"},
        {"kty": "EC", "crv": "P-384", "x": "!", "y": "!"},
        {**EHR_RSA.as_dict(private=False), "use": "enc"},
        {**EHR_RSA.as_dict(private=False), "alg": "RS256"},
    ]
    ehr.jwks.mock(return_value=httpx.Response(200, json={"keys": [*odd, *a_key_set(EHR_RSA)["keys"]]}))
    assert (await verified(identity, an_id_token("n-1"))).subject == "dr-ada"


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_a_short_rsa_key_vouches_for_nobody(ehr: Ehr, identity: Identity) -> None:
    short = RSAKey.generate_key(1024, parameters={"kid": "short"})
    ehr.jwks.mock(return_value=httpx.Response(200, json=a_key_set(short)))
    with pytest.raises(IdentityUnverified, match="does not publish"):
        await verified(identity, an_id_token("n-1", key=short))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(200, html="<html>"),
        httpx.Response(200, json={"keys": "none"}),
        httpx.Response(200, json={}),
    ],
    ids=["404", "a page", "keys are a text", "no keys"],
)
async def test_without_a_key_set_nobody_is_believed(ehr: Ehr, identity: Identity, answer: httpx.Response) -> None:
    ehr.jwks.mock(return_value=answer)
    with pytest.raises(IdentityUnverified):
        await verified(identity, an_id_token("n-1"))


async def test_no_fhir_user_means_nobody_named_not_an_error(ehr: Ehr, identity: Identity) -> None:
    user = await verified(identity, an_id_token("n-1", fhirUser=None))
    assert (user.fhir_user, user.fhir_type, user.subject) == (None, None, "dr-ada")


async def test_c52_a_patient_as_user_is_noted_as_one(ehr: Ehr, identity: Identity) -> None:
    user = await verified(identity, an_id_token("n-1", fhirUser="Patient/pat-1"))
    assert (user.fhir_user, user.fhir_type) == (f"{ISSUER}/Patient/pat-1", "Patient")


@pytest.mark.parametrize(
    ("name", "shown"), [("  Ada ", "Ada"), ("", None), (7, None), ("A\x1b[2J", None), ("x" * 300, "x" * 200)]
)
async def test_the_name_is_only_a_display(ehr: Ehr, identity: Identity, name: Any, shown: str | None) -> None:
    assert (await verified(identity, an_id_token("n-1", name=name))).name == shown


NO_HINTS = {"issuer": None, "jwks_uri": None}


async def test_c51_the_registered_issuer_leads_to_its_keys(ehr: Ehr, identity: Identity) -> None:
    openid = ehr.router.get(OPENID)
    openid.mock(return_value=httpx.Response(200, json={"issuer": ID_ISSUER, "jwks_uri": JWKS_URL}))
    user = await verified(identity, an_id_token("n-1"), a_registration(id_token_issuer=ID_ISSUER), NO_HINTS)
    assert user.issuer == ID_ISSUER
    assert openid.called


async def test_c51_another_issuer_in_the_metadata_does_not_replace_the_registered_one(
    ehr: Ehr, identity: Identity
) -> None:
    openid = ehr.router.get(OPENID)
    openid.mock(return_value=httpx.Response(200, json={"issuer": ID_ISSUER, "jwks_uri": JWKS_URL}))
    registration = a_registration(id_token_issuer=ID_ISSUER)
    other = {"issuer": f"{ORIGIN}/elsewhere", "jwks_uri": f"{ORIGIN}/elsewhere/jwks"}
    with pytest.raises(IdentityUnverified):
        await verified(identity, an_id_token("n-1", iss=f"{ORIGIN}/elsewhere"), registration, other)
    assert (await verified(identity, an_id_token("n-1"), registration, other)).subject == "dr-ada"


async def test_registered_keys_need_no_metadata(ehr: Ehr, identity: Identity) -> None:
    registration = a_registration(id_token_issuer=ID_ISSUER, jwks_uri=JWKS_URL)
    await verified(identity, an_id_token("n-1"), registration, NO_HINTS)
    assert [str(request.url) for request in ehr.requests] == [JWKS_URL]


async def test_an_ehr_that_names_no_issuer_signs_as_its_fhir_base(ehr: Ehr, identity: Identity) -> None:
    openid = ehr.router.get(f"{ISSUER}/.well-known/openid-configuration")
    openid.mock(return_value=httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": JWKS_URL}))
    assert (await verified(identity, an_id_token("n-1", iss=ISSUER), None, NO_HINTS)).issuer == ISSUER


BAD_OPENID: list[tuple[dict[str, Any], type[LaunchError]]] = [
    ({"issuer": "https://evil.test", "jwks_uri": JWKS_URL}, IdentityUnverified),
    ({"issuer": ID_ISSUER}, IdentityUnverified),
    ({"issuer": ID_ISSUER, "jwks_uri": "https://evil.test/jwks"}, EndpointNotPinned),
]


@pytest.mark.parametrize(("document", "error"), BAD_OPENID, ids=["other issuer", "no keys", "keys elsewhere"])
async def test_an_issuer_that_points_elsewhere_is_refused(
    ehr: Ehr, identity: Identity, document: dict[str, Any], error: type[LaunchError]
) -> None:
    ehr.router.get(OPENID).mock(return_value=httpx.Response(200, json=document))
    with pytest.raises(error):
        await verified(identity, an_id_token("n-1"), a_registration(id_token_issuer=ID_ISSUER), NO_HINTS)


async def test_c51_an_issuer_on_an_unlisted_host_is_never_asked(ehr: Ehr, identity: Identity) -> None:
    registration = a_registration(id_token_issuer="https://login.example.net")
    with pytest.raises(EndpointNotPinned):
        await verified(identity, an_id_token("n-1"), registration, NO_HINTS)
    assert ehr.requests == []
