"""What a token may do: SMART scopes turned into yes or no for one resource (SMART App Launch 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smart_app.sandbox.gate.compartment import Compartment
from smart_app.sandbox.gate.offer import OFFERED
from smart_app.sandbox.oauth.scopes import DataScope

Resource = dict[str, Any]

_ELEMENT = {"clinical-status": "clinicalStatus"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A live token's rights. `practitioner` is the signed-in user, readable with openid and fhirUser alone."""

    scopes: tuple[DataScope, ...]
    patient: str | None
    practitioner: str
    knows_user: bool
    compartment: Compartment

    def rules(self, resource_type: str, letter: str) -> list[DataScope]:
        return [one for one in self.scopes if one.type in ("*", resource_type) and letter in one.letters]

    def bound(self, resource_type: str, letter: str) -> bool:
        """Whether only patient/ scopes cover this, so that nothing but the launch patient may come into it."""
        return all(one.context == "patient" for one in self.rules(resource_type, letter))

    def admits(self, resource: Resource, letter: str, *, beside: frozenset[str] = frozenset()) -> bool:
        """Whether some scope covers this resource itself: its type, its patient and the scope's filters."""
        rules = self.rules(resource.get("resourceType", ""), letter)
        return any(self._covers(one, resource, letter, beside) for one in rules)

    def shows(self, resource: Resource) -> bool:
        """Whether the resource may be in a reply."""
        return self.admits(resource, "r") or self.admits(resource, "s") or self.is_own(resource)

    def is_own(self, resource: Resource) -> bool:
        """The user's own Practitioner or PractitionerRole."""
        if not self.knows_user:
            return False
        if resource.get("resourceType") == "Practitioner":
            return resource.get("id") == self.practitioner
        practitioner = (resource.get("practitioner") or {}).get("reference", "")
        is_role = resource.get("resourceType") == "PractitionerRole"
        return is_role and str(practitioner).endswith(f"Practitioner/{self.practitioner}")

    def _covers(self, scope: DataScope, resource: Resource, letter: str, beside: frozenset[str]) -> bool:
        if not all(_meets(resource, name, value) for name, value in scope.filters):
            return False
        if scope.context == "user":
            return True
        if OFFERED[resource["resourceType"]].patient is None:
            return letter in "rs"
        return self.patient is not None and self.compartment.holds(resource, self.patient, beside=beside)


def _meets(resource: Resource, name: str, value: str) -> bool:
    """A token filter: `code`, `system|code`, and a comma for either."""
    return any(_has_token(resource.get(_ELEMENT.get(name, name)), one) for one in value.split(","))


def _has_token(element: object, wanted: str) -> bool:
    if isinstance(element, list):
        return any(_has_token(one, wanted) for one in element)
    if isinstance(element, str):
        return element == wanted
    codings = element.get("coding", []) if isinstance(element, dict) else []
    system, bar, code = wanted.rpartition("|")
    return any(one.get("code") == code and (not bar or one.get("system", "") == system) for one in codings)
