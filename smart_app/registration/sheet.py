"""What an administrator of an EHR enters there to register the app: addresses, ways to sign in, scopes and why.

Nothing here is secret. For the open address (`public_sheet`) more is left out: which EHRs there are, what the app is
called at them, their addresses and clinics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from launch.authorization import launch_scopes
from launch.registry import Registration, Registry
from launch.scopes import Scopes
from smart_app.use_cases.delivery.features import NEEDS, Need

FORMAT: Final = 1
PRODUCT: Final = "ketamine-pathway"
_ABOUT: Final = (
    "A SMART on FHIR app that clinicians start from a patient's chart to run a ketamine programme for depression: "
    "it screens, records sessions and writes them back to the chart."
)
_GRANTS: Final = ("authorization_code", "refresh_token")
_BASIC: Final = "launch openid fhirUser offline_access"
_NO_USE: Final = "The app makes no use of it; it can be left out."
_ASKED_BESIDE: Final[Mapping[str, str]] = {
    "launch": "The app is started from a chart and needs to know which.",
    "launch/patient": "The app may be started on its own, and the EHR then lets its user choose the patient.",
    "launch/encounter": "The visit that the chart is open for, where there is one.",
    "openid": "Who the clinician is, signed by the EHR.",
    "fhirUser": "The clinician's record: who recorded and who signed.",
    "profile": "The clinician's name.",
    "offline_access": "A refresh token: what was signed is delivered even if the clinician has closed the chart.",
    "online_access": "A refresh token while the clinician is signed in.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This installation."""

    base_url: str
    version: str
    contact: str


def public_sheet(here: Here, registry: Registry, ehr: str | None) -> dict[str, Any] | None:
    """For anybody who asks: what every EHR needs, and of one that is named what is its own. None: no such EHR."""
    if ehr is None:
        return _common(here) | {"scopes": _scopes(_recommended())}
    registration = registry.by_name.get(ehr)
    return None if registration is None else _common(here) | _own(here, registration)


def sheet_of(here: Here, registration: Registration) -> dict[str, Any]:
    """For whoever runs the app, to hand on to the EHR's administrator."""
    agreed = {"tenant": registration.tenant, "fhirBase": registration.issuer, "clientId": registration.client_id}
    return _common(here) | agreed | _own(here, registration)


def _common(here: Here) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": PRODUCT,
        "version": here.version,
        "about": _ABOUT,
        "users": "clinicians",
        "launchUrl": f"{here.base_url}/launch",
        "redirectUrl": f"{here.base_url}/callback/NAME",
        "jwksUrl": f"{here.base_url}/jwks/NAME.json",
        "clientAuthentication": ["private_key_jwt", "client_secret_basic", "public"],
        "signingAlgorithms": ["ES384", "RS384"],
        "grantTypes": list(_GRANTS),
        "responseType": "code",
        "pkce": "S256",
        "smartVersions": ["2.2", "1.0"],
        "fhirVersion": "4.0.1",
        "logoUrl": f"{here.base_url}/logo.svg",
        "logoPngUrl": f"{here.base_url}/logo.png",
        "policyUrl": f"{here.base_url}/policy",
        "contact": here.contact,
    }


def _own(here: Here, registration: Registration) -> dict[str, Any]:
    keyed = registration.auth == "private_key_jwt"
    return {
        "ehr": registration.name,
        "redirectUrl": f"{here.base_url}/callback/{registration.name}",
        "jwksUrl": f"{here.base_url}/jwks/{registration.name}.json" if keyed else None,
        "clientAuthentication": [registration.auth],
        "signingAlgorithms": [registration.algorithm] if keyed else [],
        "asksInVersion": registration.scope_version,
        "scopes": _scopes(launch_scopes(registration, standalone=False)),
    }


def _recommended() -> Scopes:
    """What the app can make use of. Reading goes with searching, as most EHRs have it."""
    letters: dict[str, set[str]] = {}
    for need in NEEDS:
        letters.setdefault(need.resource_type, set()).update(need.letters, "rs")
    words = (f"patient/{kind}.{letter}" for kind, wanted in letters.items() for letter in sorted(wanted))
    return Scopes.parse(f"{_BASIC} {' '.join(words)}")


def _scopes(asked: Scopes) -> dict[str, Any]:
    return {"v2": asked.as_text("v2"), "v1": asked.as_text("v1"), "reasons": list(_reasons(asked))}


def _reasons(asked: Scopes) -> Iterable[dict[str, str]]:
    for word in asked.others:
        yield {"scope": word, "v1": word, "why": _ASKED_BESIDE.get(word, _NO_USE)}
    clinical = Scopes(permissions=asked.permissions)
    for word in clinical.as_text("v2").split():
        alone = Scopes.parse(word)
        yield {"scope": word, "v1": alone.as_text("v1"), "why": " ".join(_why(alone)) or _NO_USE}


def _why(alone: Scopes) -> Iterable[str]:
    kinds = {permission.type for permission in alone.permissions}
    letters = {permission.letter for permission in alone.permissions}
    for need in NEEDS:
        if (need.resource_type in kinds or "*" in kinds) and _serves(need, letters):
            verb = "Written and read back" if need.purpose == "sessions" else "Read"
            yield f"{verb}: {need.why[0].lower()}{need.why[1:]}"


def _serves(need: Need, letters: set[str]) -> bool:
    return bool({"c", "u"} & letters) if need.purpose == "sessions" else bool({"r", "s"} & letters)
