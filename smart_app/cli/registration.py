"""`ketamine-pathway registration EHR`: what the EHR's administrator has to enter on their side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from fhir_mappings.wire import encode
from smart_app.cli.errors import CommandFailed
from smart_app.cli.serve import checked
from smart_app.parts import environment, here, registrations
from smart_app.registration.sheet import sheet_of
from smart_app.settings import settings_from

_LABELS: Mapping[str, str] = {
    "name": "app name",
    "about": "what it does",
    "users": "used by",
    "fhirBase": "FHIR base",
    "clientId": "client id",
    "launchUrl": "launch URL",
    "redirectUrl": "redirect URL",
    "jwksUrl": "JWKS URL",
    "clientAuthentication": "client authentication",
    "signingAlgorithms": "signing algorithm",
    "grantTypes": "grant types",
    "responseType": "response type",
    "pkce": "PKCE",
    "smartVersions": "SMART App Launch",
    "fhirVersion": "FHIR version",
    "logoUrl": "logo",
    "logoPngUrl": "logo as PNG",
    "policyUrl": "policy",
    "contact": "contact",
}


def add_commands(commands: Any) -> None:
    made = commands.add_parser("registration", help="what to enter on an EHR's side", description=__doc__)
    made.add_argument("ehr", metavar="EHR", help="its name in the registration file: [ehr.NAME]")
    made.add_argument("--format", choices=("text", "json"), default="text")
    made.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """0; an EHR that is not in the file is one line and 2."""
    settings = checked(lambda: settings_from(environment()))
    registry = checked(lambda: registrations(settings.registry))
    if chosen.ehr not in registry.by_name:
        raise CommandFailed(f"{chosen.ehr} is not registered; there are {', '.join(sorted(registry.by_name))}")
    sheet = sheet_of(here(settings), registry.named(chosen.ehr))
    sys.stdout.write(encode(sheet).decode() + "\n" if chosen.format == "json" else "\n".join(_lines(sheet)) + "\n")
    return 0


def _lines(sheet: Mapping[str, Any]) -> Iterable[str]:
    yield f"To be entered at {sheet['tenant']} ({sheet['ehr']}):"
    for key, label in _LABELS.items():
        value = sheet[key]
        if value:
            yield f"  {label}: {', '.join(value) if isinstance(value, list) else value}"
    scopes, asked = sheet["scopes"], sheet["asksInVersion"]
    for version in ("v2", "v1"):
        yield ""
        yield f"Scopes, {version}{' (what the app asks for)' if version == asked else ''}:"
        yield f"  {scopes[version]}"
    yield ""
    yield "Why:"
    yield from (f"  {reason['scope']}: {reason['why']}" for reason in scopes["reasons"])
