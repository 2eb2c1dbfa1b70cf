"""What a launch may write: what the registration asks for and the EHR granted, both of them."""

from __future__ import annotations

from dataclasses import replace

from launch.registry import Registration
from launch.scopes import Scopes
from smart_app.use_cases.delivery.features import NEEDED_TO_WRITE
from smart_app.use_cases.delivery.left_out import PARTS


def may_write(registration: Registration, scope: str) -> bool:
    """Whether the registration and the granted scopes, both of them, let a session be written to the chart."""
    granted = Scopes.parse(scope)
    return registration.write and all(_both(registration, granted, kind, "c") for kind in NEEDED_TO_WRITE)


def not_granted(registration: Registration, scope: str) -> frozenset[str]:
    """The types that sessions and courses are written as too, and that were not both asked for and granted."""
    granted = Scopes.parse(scope)
    return frozenset(
        resource_type
        for resource_type, part in PARTS.items()
        if not all(_both(registration, granted, resource_type, letter) for letter in part.letters)
    )


def surplus(registration: Registration, scope: str) -> str:
    """What the EHR granted and was not asked for; nothing is written by that. "" where there is none."""
    asked = Scopes.parse(registration.scopes.as_text(registration.scope_version))
    return replace(Scopes.parse(scope).difference(asked), others=()).as_text()


def _both(registration: Registration, granted: Scopes, resource_type: str, letter: str) -> bool:
    """Some EHRs answer patient/ with user/: for a launched app, which keeps to its patient, that is the same."""
    return granted.allows(resource_type, letter) and registration.scopes.allows(resource_type, letter)
