"""private_key_jwt: who we are, signed for one EHR's token endpoint (RFC 7523, section 3; SMART App Launch 2.2)."""

from __future__ import annotations

from datetime import datetime

from authlib.oauth2.rfc7523 import private_key_jwt_sign

from launch.keys import SigningKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 240  # seconds; SMART allows 300, the rest is for a slow clock


def sign_assertion(key: SigningKey, *, client_id: str, token_endpoint: str, now: datetime) -> str:
    """A JWT for this token endpoint and no other, with a jti that is never used again."""
    assertion: str = private_key_jwt_sign(  # type: ignore[no-untyped-call]  # Authlib has no types here
        key.key,
        client_id=client_id,
        token_endpoint=token_endpoint,
        alg=key.algorithm,
        header={"kid": key.kid, "typ": "JWT"},
        issued_at=int(now.timestamp()),
        expires_in=LIFETIME,
    )
    return assertion
