"""An EHR in memory that fails on demand: before, after and long after it has kept what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote

from fhir_mappings.wire import decode
from fhir_mappings.writing.written import FOUND_BY_TAG
from smart_app.use_cases.delivery.features import NEEDS
from smart_app.use_cases.errors import (
    BadReply,
    Busy,
    Conflict,
    EhrError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    Rejected,
    Unauthorized,
    Unreachable,
)
from smart_app.use_cases.records import Chart, Json, Offer, Received

WRITTEN = frozenset(need.resource_type for need in NEEDS if need.purpose == "sessions")


class Fault(Enum):
    """What goes wrong with one request. Those from CUT on happen after the EHR has kept what was sent."""

    NOT_REACHED = auto()
    FAILED_BEFORE = auto()
    BUSY = auto()
    SIGNED_OUT = auto()
    FORBIDDEN = auto()
    REJECTED = auto()
    CONFLICT = auto()
    LATE = auto()  # the answer never comes; what was sent is kept 25 s later, without looking again
    CUT = auto()
    LOGIN_PAGE = auto()
    NO_PLACES = auto()  # a good answer that does not tell where anything is
    KILLED = auto()  # the app dies


class Killed(Exception):
    """The app's process ended here."""


BEFORE: Mapping[Fault, Callable[[], EhrError]] = {
    Fault.NOT_REACHED: lambda: Unreachable("the EHR could not be reached"),
    Fault.FAILED_BEFORE: lambda: OutcomeUnknown("the EHR failed (500)"),
    Fault.SIGNED_OUT: lambda: Unauthorized("the sign-in to the EHR has ended"),
    Fault.FORBIDDEN: lambda: Forbidden("the EHR refused it (403)"),
    Fault.REJECTED: lambda: Rejected("the EHR did not accept it (422)", issues=("Ada Example: no such code",)),
    Fault.CONFLICT: lambda: Conflict("somebody else changed it in the EHR (409)"),
}


@dataclass
class ScriptedEhr:
    """`fault_of` is asked before each request ("read", "search", "create", "update", "transaction", "offer")."""

    fhir_base: str
    now: Callable[[], datetime]
    fault_of: Callable[[str], Fault | None] = lambda _operation: None
    offered: Offer = Offer(  # noqa: RUF009  # frozen
        transaction=True,
        readable=WRITTEN,
        creatable=WRITTEN,
        updatable=WRITTEN,
    )
    refused: frozenset[str] = frozenset()  # types of which one entry ends a whole transaction
    refusal: type[EhrError] = Rejected  # how it says so
    keeps_conditions: bool = True  # False: If-None-Exist is not looked at
    searches_identifiers: bool = True  # False: every search answers with everything
    wait: float = 120.0  # seconds it asks for when it is busy
    shows: bool = True  # False: what it takes it does not show
    edit: Callable[[Json], None] = lambda _resource: None  # what it does to a resource that it takes
    between: Callable[[ScriptedEhr], None] = lambda _ehr: None  # runs before each write: other people's edits
    resources: dict[str, Json] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # identifier values, in the order they were first kept
    _late: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    def stops_taking(self, *types: str) -> None:
        """It offers to create everything but these, and refuses whole transactions over them."""
        self.refused = frozenset(types)
        self.offered = replace(self.offered, creatable=WRITTEN - self.refused)

    async def offer(self) -> Offer:
        self._reading("offer")
        return self.offered

    async def chart(self, patient_id: str) -> Chart:
        raise NotImplementedError(patient_id)

    async def read(self, reference: str) -> Received:
        self._reading("read")
        resource = self.resources.get(reference) if self.shows else None
        if resource is None:
            raise Missing("the EHR does not have it (404)")
        return Received(resource=deepcopy(resource), etag=f'W/"{resource["meta"]["versionId"]}"')

    async def search(self, resource_type: str, parameters: Mapping[str, str]) -> tuple[Json, ...]:
        self._reading("search")
        ((name, value),) = parameters.items()
        return tuple(deepcopy(one) for one in self._matches(resource_type, name, value) if self.shows)

    async def transaction(self, bundle: bytes) -> Json:
        return self._write("transaction", bundle, lambda: self._transact(decode(bundle)), _without_places)

    async def create(self, resource_type: str, body: bytes, *, if_none_exist: str) -> Received:
        def keep() -> Received:
            reference, created = self._create(decode(body), resource_type, if_none_exist)
            return Received(resource=None, location=reference, created=created)

        return self._write("create", body, keep, lambda _received: Received(resource=None, created=True))

    async def update(self, reference: str, body: bytes, *, if_match: str) -> Received:
        def keep() -> Received:
            self._replace(reference, decode(body), if_match)
            return Received(resource=None)

        return self._write("update", body, keep, lambda received: received)

    def held(self, resource_type: str) -> list[Json]:
        return [one for one in self.resources.values() if one["resourceType"] == resource_type]

    def count(self, value: str) -> int:
        """How many resources have this identifier or tag."""
        return sum(value in {name for _, name in _names(one)} for one in self.resources.values())

    def put(self, resource: Json) -> str:
        """Keep a resource as a new version, as the EHR's own users may."""
        resource = deepcopy(resource)
        self.edit(resource)
        identity = resource.setdefault("id", str(len(self.resources) + 1))
        reference = f"{resource['resourceType']}/{identity}"
        version = int(self.resources.get(reference, {"meta": {"versionId": "0"}})["meta"]["versionId"]) + 1
        resource["meta"] = {**resource.get("meta", {}), "versionId": str(version)}
        self.resources[reference] = resource
        return reference

    def _before(self, operation: str) -> Fault | None:
        self.asked.append(operation)
        due = [keep for when, keep in self._late if when <= self.now()]
        self._late = [(when, keep) for when, keep in self._late if when > self.now()]
        for keep in due:
            keep()
        fault = self.fault_of(operation)
        if fault is Fault.BUSY:
            raise Busy("the EHR asks to wait (429)", retry_after=self.wait)
        if fault in BEFORE:
            raise BEFORE[fault]()
        return fault

    def _reading(self, operation: str) -> None:
        fault = self._before(operation)
        if fault in {Fault.CUT, Fault.LATE}:
            raise Unreachable("the connection to the EHR was cut")
        if fault is Fault.LOGIN_PAGE:
            raise BadReply("the EHR answered with a page or file instead of FHIR JSON")
        if fault is Fault.KILLED:
            raise Killed

    def _write(self, operation: str, body: bytes, keep: Callable[[], Any], blank: Callable[[Any], Any]) -> Any:
        self.bodies.append(body)
        fault = self._before(operation)
        self.between(self)
        if fault is Fault.LATE:
            self._late.append((self.now() + timedelta(seconds=25), _racing(self, keep)))
            raise OutcomeUnknown("the EHR did not answer in time")
        answer = keep()
        if fault is Fault.CUT:
            raise OutcomeUnknown("the connection to the EHR was cut")
        if fault is Fault.LOGIN_PAGE:
            raise BadReply("the EHR answered with a page or file instead of FHIR JSON")
        if fault is Fault.KILLED:
            raise Killed
        return blank(answer) if fault is Fault.NO_PLACES else answer

    def _transact(self, bundle: Json) -> Json:
        before = dict(self.resources)
        try:
            entries = [self._entry(entry, bundle["entry"]) for entry in bundle["entry"]]
        except EhrError:
            self.resources = before
            raise
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}

    def _entry(self, entry: Json, siblings: list[Json]) -> Json:
        request = entry["request"]
        if request["method"] == "PUT":
            self._replace(request["url"], entry["resource"], request["ifMatch"])
            return {"response": {"status": "200 OK", "location": request["url"]}}
        if request["url"] in self.refused:
            raise self.refusal("the EHR did not accept it (422)")
        reference, created = self._create(entry["resource"], request["url"], request["ifNoneExist"])
        for sibling in siblings:
            _relink(sibling["resource"], entry["fullUrl"], reference)
        for resource in self.resources.values():  # a Provenance may come before its targets
            _relink(resource, entry["fullUrl"], reference)
        status = "201 Created" if created else "200 OK"
        return {"response": {"status": status, "location": f"https://inside.local/{reference}/_history/1"}}

    def _create(self, resource: Json, resource_type: str, condition: str) -> tuple[str, bool]:
        name, _, value = condition.partition("=")
        there = self._matches(resource_type, name, unquote(value)) if self.keeps_conditions else []
        if len(there) > 1 and self.searches_identifiers:
            raise Conflict("the EHR holds another version, or more than one (412)")
        if there:
            return f"{resource_type}/{there[0]['id']}", False
        self.taken.extend(sorted(name for _, name in _names(resource)))
        return self.put(resource), True

    def _replace(self, reference: str, resource: Json, if_match: str) -> None:
        current = self.resources.get(reference)
        if current is None:
            raise Missing("the EHR does not have it (404)")
        if if_match != f'W/"{current["meta"]["versionId"]}"':
            raise Conflict("the EHR holds another version, or more than one (412)")
        self.taken.extend(sorted(name for _, name in _names(resource)))
        self.put(resource)

    def _matches(self, resource_type: str, name: str, value: str) -> list[Json]:
        assert name == ("_tag" if resource_type in FOUND_BY_TAG else "identifier")
        wanted = tuple(value.split("|"))
        held = self.held(resource_type)
        return [one for one in held if wanted in _names(one)] if self.searches_identifiers else held


def _racing(ehr: ScriptedEhr, keep: Callable[[], object]) -> Callable[[], object]:
    """A request that was let through before anybody else's and ends after them."""

    def late() -> object:
        conditions, ehr.keeps_conditions = ehr.keeps_conditions, False
        try:
            return keep()
        except EhrError:
            return None  # nobody waits for the answer
        finally:
            ehr.keeps_conditions = conditions

    return late


def _without_places(answer: Json) -> Json:
    return {**answer, "entry": [{"response": {"status": "201 Created"}} for _ in answer["entry"]]}


def _names(resource: Json) -> set[tuple[str, ...]]:
    tags = {(tag["system"], tag["code"]) for tag in resource.get("meta", {}).get("tag", [])}
    named = resource.get("identifier", [])  # a QuestionnaireResponse has one, and no list
    return tags | {(one["system"], one["value"]) for one in ([named] if isinstance(named, dict) else named)}


def _relink(value: Any, full_url: str, reference: str) -> None:
    for holder in _holders(value):
        if holder["reference"] == full_url:
            holder["reference"] = reference


def _holders(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _holders(item)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for item in value.values():
            yield from _holders(item)
