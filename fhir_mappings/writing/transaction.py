"""What travels, derived from our bytes: references the EHR can follow, in a transaction that may be sent twice.

R4 http 3.1.0.11 (transactions, `urn:uuid` links) and 3.1.0.8.1 (conditional create). Pure: the same arguments
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fhir_mappings import wire
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import urn
from fhir_mappings.writing.written import FOUND_BY_TAG, Json, WrittenResource


def transaction(resources: Sequence[WrittenResource], *, fhir_base: str, known: Mapping[str, str | None]) -> bytes:
    """The transaction Bundle. `known` gives what the EHR holds already: identifier value -> "CarePlan/12".

    None in place of an id: the EHR does not take that resource, so links to it are left out.

    Raises Unwritable when a resource links to one that is neither in the Bundle nor known.
    """
    inside = {urn(one.system, one.value) for one in resources}
    entries = [create_entry(one, inside, fhir_base, known) for one in resources]
    return wire.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def travelling(
    resource: WrittenResource, *, fhir_base: str, known: Mapping[str, str | None], inside: Collection[str] = ()
) -> Json:
    """One resource as it is sent: relative on `fhir_base`, with the EHR's ids for what is `known`."""
    body = wire.decode(resource.body)
    untaken = frozenset(value for value, place in known.items() if place is None)
    if untaken:
        body = _without_links(body, untaken)
    held = {value: place for value, place in known.items() if place is not None}
    _relink(resource.resource_type, body, frozenset(inside), fhir_base.rstrip("/") + "/", held)
    return body


def if_none_exist(resource: WrittenResource) -> str:
    """The condition of its create."""
    parameter = "_tag" if resource.resource_type in FOUND_BY_TAG else "identifier"
    return f"{parameter}={quote(resource.system, safe=':/')}|{quote(resource.value, safe='')}"


def put_entry(resource: Json) -> Json:
    """The update of a resource in the version in which it was read. Raises Unwritable where it came without one."""
    kind, logical_id = resource.get("resourceType"), resource.get("id")
    version = resource.get("meta", {}).get("versionId")
    if not logical_id or not version:
        raise Unwritable(f"current.{kind}", "lacks the id or version that the EHR gave it")
    return {
        "resource": resource,
        "request": {"method": "PUT", "url": f"{kind}/{logical_id}", "ifMatch": f'W/"{version}"'},
    }


def create_entry(
    resource: WrittenResource, inside: Collection[str], fhir_base: str, known: Mapping[str, str | None]
) -> Json:
    """The conditional create of one resource."""
    return {
        "fullUrl": urn(resource.system, resource.value),
        "resource": travelling(resource, fhir_base=fhir_base, known=known, inside=inside),
        "request": {
            "method": "POST",
            "url": resource.resource_type,
            "ifNoneExist": if_none_exist(resource),
        },
    }


def _without_links(element: Json, untaken: Collection[str]) -> Json:
    """A copy without the links to what the EHR does not take; a list that held nothing else goes with them."""
    kept: Json = {}
    for name, value in element.items():
        if isinstance(value, list):
            items = [_pruned(item, untaken) for item in value if not _leads_to(item, untaken)]
            if items:
                kept[name] = items
        elif not _leads_to(value, untaken):
            kept[name] = _pruned(value, untaken)
    return kept


def _pruned(value: Any, untaken: Collection[str]) -> Any:
    return _without_links(value, untaken) if isinstance(value, dict) else value


def _leads_to(value: Any, untaken: Collection[str]) -> bool:
    if not isinstance(value, dict) or not str(value.get("reference", "")).startswith("urn:uuid:"):
        return False
    return value.get("identifier", {}).get("value") in untaken


def _relink(path: str, value: Any, inside: frozenset[str], base: str, known: Mapping[str, str]) -> None:
    """Rewrite the References in `value`, in place."""
    if isinstance(value, list):
        for item in value:
            _relink(path, item, inside, base, known)
    elif isinstance(value, dict):
        target = value.get("reference")
        if isinstance(target, str):
            value["reference"] = _resolved(path, value, target, inside, base, known)
        for key, item in value.items():
            _relink(f"{path}.{key}", item, inside, base, known)


def _resolved(
    path: str, holder: Json, target: str, inside: frozenset[str], base: str, known: Mapping[str, str]
) -> str:
    if not target.startswith("urn:uuid:"):
        return target.removeprefix(base)
    if target in inside:
        return target
    there = known.get(holder.get("identifier", {}).get("value", ""))
    if there is None:
        raise Unwritable(path, "links to a resource that is neither sent along nor known to the EHR")
    return there
