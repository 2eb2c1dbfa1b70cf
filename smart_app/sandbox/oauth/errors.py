"""OAuth refusals: one the client is told (RFC 6749 5.2, 4.1.2.1) and one that only the person sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class OAuthError(Exception):
    """The client's fault, in the words of RFC 6749. `description` holds no secret."""

    error: str
    description: str
    status: int = 400


@dataclass
class NoRedirectError(Exception):
    """An authorization request that may not be answered by a redirect: client or redirect_uri is not ours."""

    description: str
