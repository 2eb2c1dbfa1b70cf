"""Codes, access tokens and refresh tokens, and the grant they share (RFC 6749 4.1, 6; RFC 9700 4.14)."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from smart_app.sandbox.oauth.errors import OAuthError

CODE_LIFE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What was allowed to the app: for which user and, where one was chosen, which patient."""

    user: str
    patient: str | None
    encounter: str | None
    scope: str
    nonce: str | None
    auth_time: datetime | None = None  # when the user signed in

    def has(self, word: str) -> bool:
        return word in self.scope.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    grant: str
    redirect_uri: str
    challenge: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Tokens just made. `refresh` is None where neither offline_access nor online_access was granted."""

    grant: Grant
    access: str
    refresh: str | None
    scope: str
    seconds: int


class Grants:
    """All of the authorization server's memory. Codes and refresh tokens are kept after use, to see reuse."""

    def __init__(self, *, clock: Callable[[], datetime], token_seconds: int) -> None:
        self._clock = clock
        self._seconds = token_seconds
        self._live: dict[str, Grant] = {}
        self._codes: dict[str, Code] = {}
        self._spent_codes: dict[str, str] = {}
        self._access: dict[str, tuple[str, str, datetime]] = {}
        self._refresh: dict[str, str] = {}
        self._spent_refresh: dict[str, str] = {}

    def give_code(self, grant: Grant, *, redirect_uri: str, challenge: str) -> str:
        grant_id, code = secrets.token_hex(16), secrets.token_urlsafe(32)
        self._live[grant_id] = grant
        expires = self._clock() + CODE_LIFE
        self._codes[code] = Code(grant=grant_id, redirect_uri=redirect_uri, challenge=challenge, expires=expires)
        return code

    def redeem(self, code: str, *, redirect_uri: str, verifier: str) -> Issued:
        """Tokens for a code. A second try with the same code ends the grant and its tokens."""
        if code in self._spent_codes:
            self._end(self._spent_codes[code])
            raise OAuthError("invalid_grant", "The code was used before; its grant is revoked.")
        record = self._codes.pop(code, None)
        if record is None:
            raise OAuthError("invalid_grant", "The code is not one of ours.")
        self._spent_codes[code] = record.grant
        if record.expires <= self._clock():
            raise OAuthError("invalid_grant", "The code is older than 60 seconds.")
        if record.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri differs from the authorization request.")
        if not secrets.compare_digest(_challenge(verifier), record.challenge.encode()):
            raise OAuthError("invalid_grant", "code_verifier does not fit the code_challenge.")
        return self._issue(record.grant, self._live_grant(record.grant).scope)

    def refresh(self, token: str, *, scope: str | None) -> Issued:
        """New tokens for old. A refresh token works once; a second try ends the grant."""
        if token in self._spent_refresh:
            self._end(self._spent_refresh[token])
            raise OAuthError("invalid_grant", "The refresh token was used before; its grant is revoked.")
        grant_id = self._refresh.get(token)
        if grant_id is None:
            raise OAuthError("invalid_grant", "The refresh token is not one of ours, or was revoked.")
        grant = self._live_grant(grant_id)
        words = (scope or grant.scope).split()
        if not set(words) <= set(grant.scope.split()):
            raise OAuthError("invalid_scope", "More scope was asked for than was granted.")
        self._spent_refresh[token] = grant_id
        return self._issue(grant_id, " ".join(words))

    def bearer(self, token: str) -> Grant | None:
        """The grant behind a live access token, with the token's own scope; None: unknown, expired or revoked."""
        grant_id, scope, expires = self._access.get(token, ("", "", self._clock()))
        grant = self._live.get(grant_id)
        return replace(grant, scope=scope) if grant and expires > self._clock() else None

    def revoke(self, token: str) -> None:
        """End the grant of an access or refresh token; an unknown token is no error (RFC 7009 2.2)."""
        access = self._access.get(token)
        grant_id = access[0] if access else self._refresh.get(token)
        if grant_id:
            self._end(grant_id)

    def end_all(self) -> None:
        for grant_id in list(self._live):
            self._end(grant_id)

    def _issue(self, grant_id: str, scope: str) -> Issued:
        grant = self._live[grant_id]
        access = secrets.token_urlsafe(32)
        self._access[access] = (grant_id, scope, self._clock() + timedelta(seconds=self._seconds))
        refresh = None
        if grant.has("offline_access") or grant.has("online_access"):
            refresh = secrets.token_urlsafe(32)
            self._refresh[refresh] = grant_id
        return Issued(grant=grant, access=access, refresh=refresh, scope=scope, seconds=self._seconds)

    def _live_grant(self, grant_id: str) -> Grant:
        if grant_id not in self._live:
            raise OAuthError("invalid_grant", "The grant was revoked.")
        return self._live[grant_id]

    def _end(self, grant_id: str) -> None:
        self._live.pop(grant_id, None)
        self._access = {token: one for token, one in self._access.items() if one[0] != grant_id}
        self._refresh = {token: one for token, one in self._refresh.items() if one != grant_id}


def _challenge(verifier: str) -> bytes:
    """S256 (RFC 7636 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii", "replace")).digest()).rstrip(b"=")
