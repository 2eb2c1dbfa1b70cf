"""Client authentication by private_key_jwt (RFC 7523; SMART App Launch 2.2, asymmetric client authentication)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key
from joserfc.jws import extract_compact

from smart_app.sandbox.oauth.errors import OAuthError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384")
LONGEST_LIFE = timedelta(seconds=300)
KEYS_KEPT = timedelta(seconds=60)
SKEW = timedelta(seconds=60)

FetchJwks = Callable[[str], Awaitable[dict[str, Any]]]


def refused(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, status=401)


async def fetch_jwks(url: str) -> dict[str, Any]:
    """The client's published keys, fetched without redirects or proxies."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            reply = await client.get(url, headers={"accept": "application/json"})
        if reply.status_code != 200:
            raise refused(f"The client's key set was answered {reply.status_code}.")
        return dict(reply.json())
    except (httpx.HTTPError, ValueError, TypeError) as error:
        raise refused("The client's key set could not be read.") from error


class ClientKeys:
    """The registered client's public keys, kept for a minute and fetched anew for an unknown kid."""

    def __init__(self, url: str, *, fetch: FetchJwks, clock: Callable[[], datetime]) -> None:
        self._url, self._fetch, self._clock = url, fetch, clock
        self._keys: list[dict[str, Any]] = []
        self._stale: datetime | None = None

    async def find(self, kid: str) -> RSAKey | ECKey:
        fresh = self._stale is not None and self._clock() < self._stale
        if not fresh or not self._with(kid):
            self._keys = list((await self._fetch(self._url)).get("keys", []))
            self._stale = self._clock() + KEYS_KEPT
        found = self._with(kid)
        if len(found) != 1:
            raise refused("The kid is not in the client's key set exactly once.")
        try:
            key = import_key(found[0])
        except (JoseError, ValueError, KeyError) as error:
            raise refused("The client's key cannot be read.") from error
        if not isinstance(key, RSAKey | ECKey):
            raise refused("The client's key is neither RSA nor EC.")
        return key

    def _with(self, kid: str) -> list[dict[str, Any]]:
        return [key for key in self._keys if isinstance(key, dict) and key.get("kid") == kid]


class ClientAuthentication:
    """Judges client assertions and remembers every jti until its assertion has expired."""

    def __init__(self, *, client_id: str, keys: ClientKeys, clock: Callable[[], datetime]) -> None:
        self._client_id, self._keys, self._clock = client_id, keys, clock
        self._seen: dict[str, datetime] = {}

    async def check(self, form: dict[str, str], *, audience: tuple[str, ...]) -> None:
        """Raise `OAuthError` unless the form proves the registered client."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise refused("client_assertion_type must be the JWT bearer type.")
        if form.get("client_id", self._client_id) != self._client_id:
            raise refused("client_id is not the one of the assertion.")
        claims = await self._verified(form.get("client_assertion", ""))
        self._judge(claims, audience)

    async def _verified(self, assertion: str) -> dict[str, Any]:
        try:
            header = extract_compact(assertion.encode()).headers()
        except (JoseError, ValueError, UnicodeEncodeError) as error:
            raise refused("client_assertion is not a signed JWT.") from error
        if header.get("alg") not in ALGORITHMS:
            raise refused("client_assertion must be signed with RS384 or ES384.")
        if header.get("typ") != "JWT" or not isinstance(header.get("kid"), str):
            raise refused("client_assertion needs the headers typ JWT and kid.")
        if "jku" in header:
            raise refused("jku is not taken; the key set is registered.")
        key = await self._keys.find(header["kid"])
        try:
            return jwt.decode(assertion, key, algorithms=[header["alg"]]).claims
        except (JoseError, ValueError) as error:
            raise refused("The signature of client_assertion does not fit.") from error

    def _judge(self, claims: dict[str, Any], audience: tuple[str, ...]) -> None:
        now = self._clock()
        if claims.get("iss") != self._client_id or claims.get("sub") != self._client_id:
            raise refused("iss and sub must both be the client_id.")
        if claims.get("aud") not in audience:
            raise refused("aud must be the token URL, as a string.")
        expires = _time(claims.get("exp"), "exp")
        if expires <= now:
            raise refused("The assertion has expired.")
        if expires > now + LONGEST_LIFE:
            raise refused("exp lies more than 300 seconds ahead.")
        for name in ("iat", "nbf"):
            if name in claims and _time(claims[name], name) > now + SKEW:
                raise refused(f"{name} lies in the future.")
        self._remember(claims.get("jti"), expires, now)

    def _remember(self, jti: object, expires: datetime, now: datetime) -> None:
        if not isinstance(jti, str) or not jti:
            raise refused("The assertion needs a jti.")
        self._seen = {one: until for one, until in self._seen.items() if until > now}
        if jti in self._seen:
            raise refused("The jti was used before.")
        self._seen[jti] = expires


def _time(value: object, name: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(f"{name} must be a number of seconds.")
    try:
        return datetime.fromtimestamp(value).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise refused(f"{name} is not a time.") from error
