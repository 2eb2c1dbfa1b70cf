"""What an authorization request must hold (RFC 6749 4.1.1, RFC 7636, SMART App Launch 2.2); pure, no I/O."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

from smart_app.sandbox.oauth.errors import NoRedirectError, OAuthError
from smart_app.sandbox.oauth.scopes import narrow
from smart_app.sandbox.site import Site

LEAST_STATE_BITS = 122
IDENTITY = frozenset({"openid", "fhirUser", "profile"})
PROMPTS = ("login",)  # OpenID Connect Core 1.0, 3.1.2.1
LEAST_STATE_VARIETY = 8  # different characters; a long run of one letter is no secret

_HEX = re.compile(r"[0-9a-fA-F-]+")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that meets every demand. `launch` is None for a standalone launch."""

    redirect_uri: str
    state: str
    scope: str
    challenge: str
    launch: str | None
    nonce: str | None
    max_age: int | None  # seconds since the person signed in; None: however long
    login: bool  # prompt=login: the person is asked again in any case

    @property
    def identity_only(self) -> bool:
        """Nothing but who the person is: no chart and no data."""
        return set(self.scope.split()) <= IDENTITY


def redirect_target(params: list[tuple[str, str]], site: Site) -> tuple[str, str | None]:
    """Where refusals may be sent, and the state to send along; else `NoRedirectError`."""
    counts = Counter(name for name, _ in params)
    values = dict(params)
    if counts["client_id"] != 1 or values["client_id"] != site.client_id:
        raise NoRedirectError("No app with this client_id is registered here.")
    if counts["redirect_uri"] != 1 or values["redirect_uri"] != site.redirect_uri:
        raise NoRedirectError("redirect_uri is not exactly the registered one.")
    return values["redirect_uri"], values.get("state")


def check(params: list[tuple[str, str]], site: Site, registered: dict[str, str]) -> AuthorizationRequest:
    """The request, its scope narrowed to the registration. Raises `OAuthError`: send it to the redirect target."""
    repeated = [name for name, count in Counter(name for name, _ in params).items() if count > 1]
    if repeated:
        raise OAuthError("invalid_request", f"Parameter given twice: {', '.join(sorted(repeated))[:80]}.")
    values = dict(params)
    if values.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code.")
    _check_secrets(values)
    if values.get("aud") != site.fhir:
        raise OAuthError("invalid_request", f"aud must be exactly {site.fhir}.")
    scope = narrow(values.get("scope", ""), registered)
    launch = values.get("launch")
    if launch is not None and "launch" not in scope:
        raise OAuthError("invalid_scope", "A launch value comes with the scope launch.")
    if launch is None and "launch/patient" not in scope and not ("openid" in scope and set(scope) <= IDENTITY):
        raise OAuthError("invalid_scope", "Without a launch value the scope launch/patient is needed.")
    return AuthorizationRequest(
        redirect_uri=values["redirect_uri"],
        state=values["state"],
        scope=" ".join(scope),
        challenge=values["code_challenge"],
        launch=launch,
        nonce=values.get("nonce"),
        max_age=_seconds(values.get("max_age")),
        login=_login(values.get("prompt")),
    )


def _seconds(max_age: str | None) -> int | None:
    if max_age is not None and not re.fullmatch(r"[0-9]{1,9}", max_age):
        raise OAuthError("invalid_request", "max_age must be a number of seconds.")
    return None if max_age is None else int(max_age)


def _login(prompt: str | None) -> bool:
    if prompt not in {None, *PROMPTS}:
        raise OAuthError("invalid_request", f"prompt can be {', '.join(PROMPTS)}.")
    return prompt is not None


def _check_secrets(values: dict[str, str]) -> None:
    if values.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(values.get("code_challenge", "")):
        raise OAuthError("invalid_request", "code_challenge must be 43 characters of base64url.")
    state = values.get("state", "")
    if _bits(state) < LEAST_STATE_BITS or len(set(state)) < LEAST_STATE_VARIETY:
        raise OAuthError("invalid_request", f"state must hold at least {LEAST_STATE_BITS} bits.")


def _bits(state: str) -> float:
    """The most that a text of this length and alphabet can hold. A version 4 UUID comes out at its 122."""
    if _HEX.fullmatch(state):
        digits = len(state.replace("-", ""))
        return digits * 4 - (6 if "-" in state else 0)
    return len(state) * math.log2(64)


def answer(request_uri: str, fields: dict[str, str | None]) -> str:
    """The redirect back to the app. `iss` goes along always (RFC 9207)."""
    query = urlencode({name: value for name, value in fields.items() if value is not None})
    return f"{request_uri}?{query}"
