"""The EHR's own signing key and the id_token it signs (OpenID Connect Core 2, SMART App Launch 2.2 fhirUser)."""

from __future__ import annotations

from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

ALGORITHM = "RS256"


class SigningKey:
    """An RSA key made when the EHR starts."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"alg": ALGORITHM, "use": "sig"}, private=True, auto_kid=True)

    def public_set(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def sign(self, claims: dict[str, Any]) -> str:
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])
