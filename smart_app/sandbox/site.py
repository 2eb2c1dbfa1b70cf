"""Where this EHR stands, and the one SMART app that is registered with it."""

from __future__ import annotations

from dataclasses import dataclass

SCOPES_WITHOUT_DATA = (
    "launch",
    "launch/patient",
    "openid",
    "fhirUser",
    "profile",
    "offline_access",
    "online_access",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Addresses without a trailing slash. `app` is the base URL under which the registered app is reached."""

    public: str
    app: str
    client_id: str = "ketamine-pathway"

    @property
    def issuer(self) -> str:
        return self.public

    @property
    def fhir(self) -> str:
        return f"{self.public}/fhir"

    @property
    def token_url(self) -> str:
        return f"{self.public}/oauth/token"

    @property
    def revocation_url(self) -> str:
        return f"{self.public}/oauth/revoke"

    @property
    def redirect_uri(self) -> str:
        return f"{self.app}/callback/sandbox"

    @property
    def launch_url(self) -> str:
        return f"{self.app}/launch"

    @property
    def style_url(self) -> str:
        """Its look for apps. A changed look would get another address: apps may keep this one for ever."""
        return f"{self.public}/static/style-1.json"

    @property
    def client_jwks_url(self) -> str:
        return f"{self.app}/.well-known/jwks.json"
