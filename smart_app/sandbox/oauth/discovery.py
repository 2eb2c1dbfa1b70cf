"""What this server says of itself: smart-configuration (SMART App Launch 2.2) and openid-configuration."""

from __future__ import annotations

from typing import Any

from smart_app.sandbox.oauth.authorization import PROMPTS
from smart_app.sandbox.oauth.client_assertion import ALGORITHMS
from smart_app.sandbox.oauth.keys import ALGORITHM
from smart_app.sandbox.site import SCOPES_WITHOUT_DATA, Site

CAPABILITIES = [
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
]


def smart_configuration(site: Site, registered: dict[str, str]) -> dict[str, Any]:
    return {
        **_endpoints(site),
        "scopes_supported": [*SCOPES_WITHOUT_DATA, *_data_scopes(registered)],
        "capabilities": CAPABILITIES,
    }


def openid_configuration(site: Site) -> dict[str, Any]:
    return {
        **_endpoints(site),
        "scopes_supported": list(SCOPES_WITHOUT_DATA),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "fhirUser", "name"],
        "prompt_values_supported": list(PROMPTS),
    }


def _endpoints(site: Site) -> dict[str, Any]:
    return {
        "issuer": site.issuer,
        "jwks_uri": f"{site.public}/oauth/jwks.json",
        "authorization_endpoint": f"{site.public}/oauth/authorize",
        "token_endpoint": site.token_url,
        "revocation_endpoint": site.revocation_url,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _data_scopes(registered: dict[str, str]) -> list[str]:
    return [f"{context}/{name}.{letters}" for context in ("patient", "user") for name, letters in registered.items()]
