"""How the app names itself at a token endpoint: by assertion, by secret, or not at all (RFC 6749, section 2.3)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote_plus

from launch.client_assertion import ASSERTION_TYPE, sign_assertion
from launch.errors import KeysUnusable
from launch.keys import SigningKeys
from launch.private_files import read_private
from launch.registry import Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is added to one request; never reused, since an assertion counts once."""

    form: dict[str, str] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def credentials(registration: Registration, keys: SigningKeys, *, token_endpoint: str, now: datetime) -> Credentials:
    """Credentials for a request to an endpoint of this EHR. A confidential client leaves client_id out."""
    if registration.auth == "private_key_jwt":
        key = keys.active(registration.name, registration.algorithm, now)
        assertion = sign_assertion(key, client_id=registration.client_id, token_endpoint=token_endpoint, now=now)
        return Credentials(form={"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})
    if registration.auth == "client_secret_basic":
        return Credentials(headers={"Authorization": _basic(registration)})
    return Credentials(form={"client_id": registration.client_id})


def _basic(registration: Registration) -> str:
    if registration.secret_file is None:
        raise KeysUnusable("the client secret's file is not named", ehr=registration.name)
    try:
        secret = read_private(registration.secret_file).decode().strip()
    except UnicodeDecodeError:
        raise KeysUnusable("the client secret is not a text", ehr=registration.name) from None
    if not secret:
        raise KeysUnusable("the client secret's file is empty", ehr=registration.name)
    pair = f"{quote_plus(registration.client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
