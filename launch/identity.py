"""The id_token, verified, and the fhirUser it names (OpenID Connect Core 1.0, 3.1.3.7; SMART App Launch 2.2).

joserfc checks the signature; it accepts an expired token until the claims registry is asked, so it always is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import ECKey, RSAKey

from launch.addresses import AddressRefused, parse_address, resolve, under_base
from launch.discovery import SmartConfiguration, pinned_endpoint, texts
from launch.errors import EndpointNotPinned, IdentityUnverified
from launch.exchange import EhrClients, exchange
from launch.registry import Registration
from launch.single_flight import SingleFlight

ALGORITHMS = ("RS256", "RS384", "ES256", "ES384")
SKEW = 60  # seconds
_SMALLEST_RSA_BITS = 2048
_NO_CLOCK = 10**8  # seconds: three years off is a mistake in the token, not a clock
_LONGEST_TOKEN = 16384
_MOST_KEYS = 100
_FHIR_USER = re.compile(
    r"/(?P<type>Practitioner|PractitionerRole|Patient|RelatedPerson|Person)/(?!\.{1,2}\Z)[A-Za-z0-9\-.]{1,64}\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedUser:
    """Who is at the screen. `fhir_user` None: the EHR named nobody, so nothing may be written."""

    issuer: str
    subject: str
    fhir_user: str | None  # absolute, under the FHIR base
    fhir_type: str | None  # Practitioner, PractitionerRole, Patient, RelatedPerson or Person
    name: str | None
    signed_in: datetime | None = None  # `auth_time`, by the EHR's clock; None: it did not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What an EHR says of signing in, in one of its documents or in both."""

    claims: frozenset[str]
    prompts: frozenset[str]

    @property
    def tells_when(self) -> bool:
        """Whether an id_token says when its user signed in: without that a new sign-in proves nothing."""
        return "auth_time" in self.claims

    @property
    def prompts_login(self) -> bool:
        """Whether it may be asked to let its user sign in in any case."""
        return "login" in self.prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeySet:
    keys: tuple[RSAKey | ECKey, ...]
    until: datetime


class Identity:
    """Verifies id_tokens with the EHR's keys, which are kept as its Cache-Control allows."""

    def __init__(self, *, clients: EhrClients, clock: Callable[[], datetime]) -> None:
        self._clients = clients
        self._clock = clock
        self._kept: dict[str, _KeySet] = {}
        self._flights: SingleFlight[_KeySet] = SingleFlight()

    async def verify(
        self,
        id_token: str,
        *,
        registration: Registration,
        configuration: SmartConfiguration,
        fhir_base: str,
        nonce: str,
    ) -> VerifiedUser:
        """The user of a genuine id_token; IdentityUnverified for any other."""
        issuer = expected_issuer(registration, configuration)
        header = _header(id_token, registration)
        uri = await self._key_address(registration, configuration, issuer)
        key = await self._key(uri, header, registration)
        claims = _claims(id_token, key, registration)
        self._check_claims(claims, issuer=issuer, nonce=nonce, registration=registration)
        fhir_user, fhir_type = _fhir_user(claims, fhir_base, registration)
        return VerifiedUser(
            issuer=issuer,
            subject=claims["sub"],
            fhir_user=fhir_user,
            fhir_type=fhir_type,
            name=_display(claims.get("name")),
            signed_in=_instant(claims.get("auth_time")),
        )

    async def announced(self, registration: Registration, configuration: SmartConfiguration) -> Announced:
        """From the smart-configuration and the issuer's openid-configuration (OpenID Connect Discovery 1.0, 3).

        An EHR without the second, or with one that names another issuer, announces what the first says.
        EhrUnreachable where it does not answer.
        """
        issuer = expected_issuer(registration, configuration)
        try:
            document = await self._document(_openid_configuration(issuer, registration), registration)
        except (IdentityUnverified, EndpointNotPinned):
            document = {}
        told = document if document.get("issuer") == issuer else {}
        return Announced(
            claims=configuration.claims | texts(told.get("claims_supported")),
            prompts=configuration.prompts | texts(told.get("prompt_values_supported")),
        )

    async def count_keys(self, registration: Registration, configuration: SmartConfiguration) -> int:
        """How many keys the EHR publishes that can check an id_token; LaunchError when they cannot be had."""
        issuer = expected_issuer(registration, configuration)
        uri = await self._key_address(registration, configuration, issuer)
        return len((await self._fetch(uri, registration)).keys)

    def _check_claims(self, claims: dict[str, Any], *, issuer: str, nonce: str, registration: Registration) -> None:
        now = int(self._clock().timestamp())
        checks = jwt.JWTClaimsRegistry(
            now=now,
            leeway=SKEW,
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            aud={"essential": True, "value": registration.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            checks.validate(claims)
        except ClaimError as error:
            if error.claim in _TIMES:
                raise _untimely(registration, claims, error.claim, now) from None
            raise _unverified(registration, _CLAIM_TEXTS.get(error.claim, _NOT_FOR_US)) from None
        if not all(isfinite(claims.get(claim, 0)) for claim in _TIMES):  # joserfc takes NaN for a time to come
            raise _unverified(registration, _NO_TIME)
        if not isinstance(claims["nonce"], str):  # joserfc is content with a list that holds it
            raise _unverified(registration, _NOT_FOR_US)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else registration.client_id) != registration.client_id:
            raise _unverified(registration, _NOT_FOR_US)

    async def _key_address(self, registration: Registration, configuration: SmartConfiguration, issuer: str) -> str:
        if registration.jwks_uri:
            return registration.jwks_uri
        if configuration.jwks_uri and configuration.issuer == issuer:
            return configuration.jwks_uri
        document = await self._document(_openid_configuration(issuer, registration), registration)
        if document.get("issuer") != issuer or not isinstance(document.get("jwks_uri"), str):
            raise _unverified(registration, "The EHR does not say clearly who vouches for its users.")
        return pinned_endpoint(document["jwks_uri"], registration)

    async def _key(self, uri: str, header: dict[str, Any], registration: Registration) -> RSAKey | ECKey:
        """The key of this header; a kept set that lacks it is fetched once more, since the EHR may have rotated."""
        kept = self._kept.get(uri)
        if kept and self._clock() < kept.until and (key := _fitting(kept, header)):
            return key
        fetched = await self._flights.run(uri, lambda: self._fetch(uri, registration))
        if key := _fitting(fetched, header):
            return key
        raise _unverified(registration, "The EHR signed with a key that it does not publish.")

    async def _fetch(self, uri: str, registration: Registration) -> _KeySet:
        document, lasting = await self._read(uri, registration)
        members = document.get("keys")
        keys = [_public_key(jwk) for jwk in members[:_MOST_KEYS]] if isinstance(members, list) else []
        kept = _KeySet(keys=tuple(key for key in keys if key), until=self._clock() + lasting)
        self._kept[uri] = kept
        return kept

    async def _document(self, url: str, registration: Registration) -> dict[str, Any]:
        return (await self._read(url, registration))[0]

    async def _read(self, url: str, registration: Registration) -> tuple[dict[str, Any], timedelta]:
        reply = await exchange(self._clients.of(registration), "GET", url, ehr=registration.name)
        document = reply.json_object()
        if reply.status != 200 or document is None:
            raise _unverified(registration, "The EHR does not publish the keys of its users' identities.")
        return document, reply.fresh_for()


def _openid_configuration(issuer: str, registration: Registration) -> str:
    return pinned_endpoint(issuer.removesuffix("/") + "/.well-known/openid-configuration", registration)


def expected_issuer(registration: Registration, configuration: SmartConfiguration) -> str:
    """Who must have signed: the registered issuer, else the one the EHR names, else the FHIR base."""
    return registration.id_token_issuer or configuration.issuer or registration.issuer


_NOT_FOR_US = "The EHR's word on who the user is was not meant for this app or this start of it."
_NO_TIME = "The EHR's word on who the user is does not say properly when it was given or how long it holds."
_CLAIM_TEXTS = {"iss": "The EHR's word on who the user is comes from another issuer than the registered one."}
_TIMES = ("exp", "iat", "nbf")
_CLOCK_ADVICE = "Tell whoever runs the app and the EHR's support desk: both clocks have to be right."


def _header(id_token: str, registration: Registration) -> dict[str, Any]:
    if len(id_token) <= _LONGEST_TOKEN and id_token.count(".") == 2:
        head = id_token.partition(".")[0]
        try:
            header: Any = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        except (ValueError, RecursionError):
            header = None
        if isinstance(header, dict) and header.get("alg") in ALGORITHMS and isinstance(header.get("kid", ""), str):
            return header
    raise _unverified(registration, "The EHR's word on who the user is is not signed as it should be.")


def _claims(id_token: str, key: RSAKey | ECKey, registration: Registration) -> dict[str, Any]:
    try:
        return jwt.decode(id_token, key, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, RecursionError):
        raise _unverified(registration, "The signature on the EHR's word on who the user is is false.") from None


def _fitting(key_set: _KeySet, header: dict[str, Any]) -> RSAKey | ECKey | None:
    """The key the header names; without a kid, the only one that fits."""
    algorithm, kid = header["alg"], header.get("kid")
    fitting = [key for key in key_set.keys if _fits(key, algorithm) and kid in {None, key.kid}]
    return fitting[0] if len(fitting) == 1 else None


def _fits(key: RSAKey | ECKey, algorithm: str) -> bool:
    if key.alg not in {None, algorithm}:
        return False
    if isinstance(key, RSAKey):
        return algorithm.startswith("RS") and key.public_key.key_size >= _SMALLEST_RSA_BITS
    return key.curve_name == {"ES256": "P-256", "ES384": "P-384"}.get(algorithm)


def _public_key(jwk: object) -> RSAKey | ECKey | None:
    """A key that can check signatures; anything else in the set is passed over (RFC 7517, section 5)."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    try:
        if jwk.get("kty") == "RSA":
            return RSAKey.import_key(jwk)
        return ECKey.import_key(jwk) if jwk.get("kty") == "EC" else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _fhir_user(claims: dict[str, Any], fhir_base: str, registration: Registration) -> tuple[str | None, str | None]:
    named = claims.get("fhirUser")
    if named is None:
        return None, None
    path = _path_under(fhir_base, named) if isinstance(named, str) else ""
    match = _FHIR_USER.match(path)
    if match is None:
        raise _unverified(registration, "The EHR names a user that is not one of its own records.")
    return fhir_base + match[0], match["type"]


def _path_under(fhir_base: str, reference: str) -> str:
    """The path of a reference inside the base, or '' when it lies outside or carries a query."""
    if not under_base(fhir_base, reference):
        return ""
    try:
        address = parse_address(resolve(fhir_base, reference))
    except AddressRefused:  # longer than the address of a record needs to be
        return ""
    return "" if address.has_query else address.path[len(parse_address(fhir_base).path) :]


def _display(name: object) -> str | None:
    return name.strip()[:200] or None if isinstance(name, str) and name.isprintable() else None


def _instant(seconds: object) -> datetime | None:
    """None for whatever is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _untimely(registration: Registration, claims: dict[str, Any], claim: str, now: int) -> IdentityUnverified:
    """By how much the clocks differ. The EHR's word comes straight from its token endpoint, so it says what its
    clock said a moment ago; where `iat` fits our clock, the claim that does not is what there is to go by."""
    for said in (claims.get("iat"), claims.get(claim)):
        if isinstance(said, int) and SKEW < abs(said - now) < _NO_CLOCK:
            side = "ahead of" if said > now else "behind"
            text = f"The EHR's clock is {abs(said - now)} seconds {side} the app's; {SKEW} are allowed."
            return IdentityUnverified(text, ehr=registration.name, advice=_CLOCK_ADVICE)
    return _unverified(registration, _NO_TIME)


def _unverified(registration: Registration, text: str) -> IdentityUnverified:
    return IdentityUnverified(text, ehr=registration.name)
