"""An EHR's authorization server as the launch tests see it: builders, keys, and replies to change one at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import respx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from launch.context import LaunchContext, TokenSet
from launch.discovery import SmartConfiguration, read_configuration
from launch.keys import KeyRing, SigningKey
from launch.registry import Registration, Registry, read_registry

ISSUER = "https://ehr.example.org/fhir"
ORIGIN = "https://ehr.example.org"
TOKEN_URL = f"{ORIGIN}/oauth/token"
REVOKE_URL = f"{ORIGIN}/oauth/revoke"
JWKS_URL = f"{ORIGIN}/oauth/jwks"
WELL_KNOWN = f"{ISSUER}/.well-known/smart-configuration"
OPENID = f"{ORIGIN}/oauth/.well-known/openid-configuration"
ID_ISSUER = f"{ORIGIN}/oauth"
PUBLIC_BASE = "https://app.example.org"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

APP_KEY = SigningKey.generate("ES384", active_from=START - timedelta(days=1))
EHR_RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa-1", "use": "sig"})
EHR_EC = ECKey.generate_key("P-384", parameters={"kid": "ec-1", "use": "sig"})


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def a_table(**changes: Any) -> dict[str, Any]:
    table = {
        "issuer": ISSUER,
        "client_id": "kp-client",
        "auth": "private_key_jwt",
        "scopes": ["openid", "fhirUser", "offline_access", "patient/Patient.rs", "patient/Procedure.crus"],
    }
    return {key: value for key, value in {**table, **changes}.items() if value is not None}


def a_registry(*, loopback: bool = False, **changes: Any) -> Registry:
    return read_registry({"ehr": {"demo": a_table(**changes)}}, allow_loopback_http=loopback)


def a_registration(*, loopback: bool = False, **changes: Any) -> Registration:
    return a_registry(loopback=loopback, **changes).named("demo")


def a_document(**changes: Any) -> dict[str, Any]:
    document = {
        "issuer": ID_ISSUER,
        "jwks_uri": JWKS_URL,
        "authorization_endpoint": f"{ORIGIN}/oauth/authorize",
        "token_endpoint": TOKEN_URL,
        "revocation_endpoint": REVOKE_URL,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["launch-ehr", "launch-standalone", "client-confidential-asymmetric"],
        "scopes_supported": ["openid", "launch"],
    }
    return {key: value for key, value in {**document, **changes}.items() if value is not None}


def a_configuration(registration: Registration | None = None, **changes: Any) -> SmartConfiguration:
    return read_configuration(a_document(**changes), registration or a_registration())


def a_token_reply(**changes: Any) -> dict[str, Any]:
    reply = {
        "access_token": "ACCESS-secret-1",
        "refresh_token": "REFRESH-secret-1",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "launch openid fhirUser offline_access patient/Patient.rs patient/Procedure.crus",
        "patient": "pat-1",
        "encounter": "enc-1",
        "need_patient_banner": False,
    }
    return {key: value for key, value in {**reply, **changes}.items() if value is not None}


def claims_of(nonce: str, now: datetime = START, /, **changes: Any) -> dict[str, Any]:
    seconds = int(now.timestamp())
    claims = {
        "iss": ID_ISSUER,
        "sub": "dr-ada",
        "aud": "kp-client",
        "exp": seconds + 300,
        "iat": seconds,
        "nonce": nonce,
        "fhirUser": "Practitioner/ada",
        "name": "Dr Ada Example",
    }
    return {key: value for key, value in {**claims, **changes}.items() if value is not None}


def an_id_token(
    nonce: str, /, *, key: Any = EHR_RSA, header: dict[str, Any] | None = None, now: datetime = START, **changes: Any
) -> str:
    head = {"alg": "RS384", "kid": key.kid, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(head, claims_of(nonce, now, **changes), key, algorithms=[head["alg"]])


def a_key_set(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def a_context(**changes: Any) -> LaunchContext:
    context = LaunchContext(
        id="launch-1",
        ehr="demo",
        fhir_base=ISSUER,
        patient="pat-1",
        encounter=None,
        fhir_user=f"{ISSUER}/Practitioner/ada",
        user_name="Dr Ada Example",
        subject="dr-ada",
        token_issuer=ID_ISSUER,
        scope="patient/Patient.rs",
        need_patient_banner=True,
        intent=None,
        tenant=None,
        style_url=None,
        started=START,
        expires=START + timedelta(hours=12),
    )
    return replace(context, **changes)


def a_token_set(**changes: Any) -> TokenSet:
    held = TokenSet(
        access_token="ACCESS-secret-1",
        refresh_token="REFRESH-secret-1",
        expires_at=int(START.timestamp()) + 3600,
        scope="patient/Patient.rs",
    )
    return replace(held, **changes)


@dataclass
class Ehr:
    """The EHR on the wire: a respx router with its usual answers."""

    router: respx.Router
    document: dict[str, Any] = field(default_factory=a_document)

    def __post_init__(self) -> None:
        self.well_known = self.router.get(WELL_KNOWN).mock(
            side_effect=lambda _: httpx.Response(200, json=self.document)
        )
        self.token = self.router.post(TOKEN_URL).mock(return_value=httpx.Response(200, json=a_token_reply()))
        self.revoke = self.router.post(REVOKE_URL).mock(return_value=httpx.Response(200))
        self.jwks = self.router.get(JWKS_URL).mock(return_value=httpx.Response(200, json=a_key_set(EHR_RSA, EHR_EC)))

    @property
    def requests(self) -> list[httpx.Request]:
        return [call.request for call in self.router.calls]


def a_key_ring() -> KeyRing:
    return KeyRing.of([APP_KEY])
