"""How the app names itself at a token endpoint: by assertion, by secret, or not at all (RFC 6749, section 2.3)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import quote_plus

from launch.client_assertion import ASSERTION_TYPE, sign_assertion
from launch.errors import KeysUnusable
from launch.keys import SigningKeys
from launch.registry import Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is added to one request; never reused, since an assertion counts once."""

    form: dict[str, str] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


class ClientSecrets(Protocol):
    """Where the secrets for EHRs with HTTP Basic are kept."""

    def secret(self, ehr: str) -> str | None:
        """The secret for this EHR; None: none is kept. Raises KeysUnusable for one that cannot be opened."""
        ...


class NoSecrets:
    """The `ClientSecrets` of an installation without any."""

    def secret(self, ehr: str) -> str | None:  # noqa: ARG002  # the port's signature
        return None


def credentials(
    registration: Registration, keys: SigningKeys, secrets: ClientSecrets, *, token_endpoint: str, now: datetime
) -> Credentials:
    """Credentials for a request to an endpoint of this EHR. A confidential client leaves client_id out."""
    if registration.auth == "private_key_jwt":
        key = keys.active(registration.name, registration.algorithm, now)
        assertion = sign_assertion(key, client_id=registration.client_id, token_endpoint=token_endpoint, now=now)
        return Credentials(form={"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})
    if registration.auth == "client_secret_basic":
        return Credentials(headers={"Authorization": _basic(registration, secrets)})
    return Credentials(form={"client_id": registration.client_id})


def _basic(registration: Registration, secrets: ClientSecrets) -> str:
    secret = secrets.secret(registration.name)
    if secret is None:
        raise KeysUnusable(
            "The app has no client secret for this EHR.",
            ehr=registration.name,
            advice=f"Tell whoever runs the app to enter it: ketamine-pathway keys secret {registration.name}",
        )
    pair = f"{quote_plus(registration.client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
