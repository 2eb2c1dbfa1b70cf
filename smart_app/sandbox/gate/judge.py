"""May this token do this? The interaction as it may be carried out, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from smart_app.sandbox.gate.access import Access
from smart_app.sandbox.gate.interactions import Interaction, Params, refused
from smart_app.sandbox.gate.offer import OFFERED, PAGE_SIZE
from smart_app.sandbox.outcome import RefusedError
from smart_app.sandbox.store import ClinicalStore

NO_SCOPE = {"www-authenticate": 'Bearer error="insufficient_scope"'}

# The element by which a JSON Patch could carry a resource over to another patient.
_OWNERS = ("/subject", "/patient", "/target", "/id", "/resourceType")

Withheld = Callable[[Interaction, str | None], RefusedError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """`withheld` is asked for every interaction with its patient: charts that the EHR refuses in part."""

    store: ClinicalStore
    withheld: Withheld

    def permit(self, asked: Interaction, access: Access, beside: frozenset[str] = frozenset()) -> Interaction:
        """The interaction, a search narrowed to the patient. Raises `RefusedError`."""
        own = self._own_user(asked, access)
        if not own and not access.rules(asked.type, asked.letter):
            raise outside_scope("The token's scope does not cover this interaction.")
        withheld = self.withheld(asked, access.patient)
        if withheld:
            raise withheld
        asked = replace(asked, params=_whole(asked.params))
        if asked.kind == "search-type":
            return asked if own else self._narrowed(asked, access)
        if asked.kind == "create":
            self._owned(asked.body, asked, access, beside)
            return self._narrowed_create(asked, access)
        if asked.id is not None:
            self._existing(asked, access, own=own)
        if asked.kind == "update":
            self._owned(asked.body, asked, access, beside)
        if asked.kind == "patch":
            _harmless_patch(asked.body)
        return asked

    def _own_user(self, asked: Interaction, access: Access) -> bool:
        """The rights that openid and fhirUser give: read oneself, search one's own roles."""
        if not access.knows_user or access.rules(asked.type, asked.letter):
            return False
        if asked.kind == "read":
            return (asked.type, asked.id) == ("Practitioner", access.practitioner)
        mine = (access.practitioner, f"Practitioner/{access.practitioner}")
        return (
            asked.kind == "search-type"
            and asked.type == "PractitionerRole"
            and any(name == "practitioner" and value.endswith(mine) for name, value in asked.params)
        )

    def _narrowed(self, asked: Interaction, access: Access) -> Interaction:
        params = _paged(asked.params)
        owner = OFFERED[asked.type].patient
        if access.bound(asked.type, "s") and owner is not None:
            if access.patient is None:
                raise outside_scope("The token has no patient.")
            if owner == "id":
                params = (*params, ("_id", access.patient))
            elif owner != "target":
                params = (*params, OFFERED[asked.type].whose(access.patient))
        return replace(asked, params=params)

    def _narrowed_create(self, asked: Interaction, access: Access) -> Interaction:
        """A conditional create must not find, and so tell of, another patient's resource."""
        if not asked.if_none_exist or not access.bound(asked.type, "c"):
            return asked
        criteria = parse_qsl(asked.if_none_exist.lstrip("?"), keep_blank_values=True)
        if any("." in name or name.startswith("_has") for name, _ in criteria):
            raise refused(400, "not-supported", "This EHR does not follow chained parameters or _has.")
        if OFFERED[asked.type].patient != "target":
            criteria.append(OFFERED[asked.type].whose(access.patient or ""))
        elif not all(access.admits(one, "c") for one in self.store.search(asked.type, criteria)):
            raise refused(412, "multiple-matches", "The criteria match something outside this patient's chart.")
        return replace(asked, if_none_exist=urlencode(criteria))

    def _existing(self, asked: Interaction, access: Access, *, own: bool) -> None:
        found = self.store.read(asked.type, asked.id or "")
        if found is not None and not own and not access.admits(found, asked.letter):
            raise outside_scope("The resource is outside the token's scope or patient.")
        if found is None and asked.kind in ("vread", "history-instance") and access.bound(asked.type, "r"):
            raise refused(404, "not-found", "There is no such resource, or it was deleted.")

    def _owned(self, body: Any, asked: Interaction, access: Access, beside: frozenset[str]) -> None:
        if not isinstance(body, dict) or body.get("resourceType") != asked.type:
            raise refused(400, "invalid", f"The body is not a {asked.type}.")
        if not access.admits(body, asked.letter, beside=beside):
            raise outside_scope("What is written must be the launch patient's and within the token's scope.")


def outside_scope(text: str) -> RefusedError:
    return RefusedError(status=403, code="forbidden", text=text, headers=NO_SCOPE)


def _whole(params: Params) -> Params:
    """Resources are given whole: a part of one would hide whose it is. A server may ignore these parameters."""
    return tuple(
        (name, value)
        for name, value in params
        if name != "_elements" and not (name == "_summary" and value != "count")
    )


def _paged(params: Params) -> Params:
    """At most PAGE_SIZE entries a page, whatever was asked."""
    asked = [value for name, value in params if name == "_count"]
    count = min(int(asked[-1]), PAGE_SIZE) if asked and asked[-1].isdecimal() else PAGE_SIZE
    return (*(one for one in params if one[0] != "_count"), ("_count", str(count)))


def _harmless_patch(body: Any) -> None:
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
        raise refused(415, "not-supported", "PATCH takes a JSON Patch.")
    for change in body:
        for name in ("path", "from"):
            path = str(change.get(name, "/none"))
            if not path.strip("/") or any(path == one or path.startswith(f"{one}/") for one in _OWNERS):
                raise outside_scope("A patch may not change whose resource it is.")
