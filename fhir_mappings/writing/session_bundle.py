"""The one door out for a signed session: its Procedure, dose, vital signs and Provenance as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fhir_mappings import wire
from fhir_mappings.facts.programme import TreatmentCourse
from fhir_mappings.facts.treatment import KetamineSession, Purpose, SessionStatus, Signature
from fhir_mappings.writing.adverse_event import adverse_event
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.medication_administration import medication_administration
from fhir_mappings.writing.observation import vital_signs
from fhir_mappings.writing.procedure import procedure
from fhir_mappings.writing.provenance import (
    Seal,
    content_hash,
    countersignature,
    countersignature_value,
    provenance,
    provenance_value,
    signed_bytes,
)
from fhir_mappings.writing.rescue_administration import rescue_administration
from fhir_mappings.writing.session_note import clock_time
from fhir_mappings.writing.soundness import refuse_unsound
from fhir_mappings.writing.transaction import transaction
from fhir_mappings.writing.written import Json, WrittenResource

__all__ = [
    "Seal",
    "Unwritable",
    "WrittenResource",
    "content_hash",
    "countersigned",
    "session_resources",
    "signed_bytes",
    "transaction",
]


def session_resources(
    session: KetamineSession,
    course: TreatmentCourse,
    instance: Instance,
    *,
    without: frozenset[str] = frozenset(),
    seal: Seal | None = None,
) -> tuple[WrittenResource, ...]:
    """Everything a signed session writes, in the order it travels; the same facts give the same bytes.

    Readings that were struck out before the first sending are left out, and so is what `without` names: the EHR does
    not let AdverseEvent, Observation or Provenance be written. The signature seals the bytes of everything that is
    returned. Raises Unwritable.
    """
    refuse_unsound("session", session)
    _refuse_contradictions(session, course)
    clinical = tuple(one for one in _clinical(session, course, instance) if one.resource_type not in without)
    if "Provenance" in without:
        return clinical
    targets = [instance.link(one.resource_type, one.system.rpartition("/")[2], one.value) for one in clinical]
    sealed = signed_bytes(clinical)
    record = provenance(session, targets, course.screening, instance, sealed=sealed, seal=seal)
    value = provenance_value(session, instance)
    return (*clinical, _written(record, instance.system("provenance"), value, "Who recorded and signed"))


def countersigned(
    session: KetamineSession,
    resources: Sequence[WrittenResource],
    signature: Signature,
    instance: Instance,
    seal: Seal | None,
) -> WrittenResource:
    """The countersignature of one version, whose frozen `resources` are signed again. Raises Unwritable."""
    clinical = [one for one in resources if one.resource_type != "Provenance"]
    targets = [instance.link(one.resource_type, one.system.rpartition("/")[2], one.value) for one in clinical]
    record = countersignature(session, signature, targets, instance, sealed=signed_bytes(clinical), seal=seal)
    value = countersignature_value(session, signature.by, instance)
    return _written(record, instance.system("provenance"), value, "Countersignature")


def _clinical(session: KetamineSession, course: TreatmentCourse, instance: Instance) -> Iterator[WrittenResource]:
    of = f" of {session.of}" if session.of else ""
    name = "Booster session" if session.purpose is Purpose.BOOSTER else f"Session {session.number}{of}"
    yield _identified(procedure(session, course.version, instance), name)
    if session.dose is not None:
        given = medication_administration(session, session.dose, instance)
        yield _identified(given, f"Ketamine dose {clock_time(session, session.dose.started.at)}")
    for rescue in session.rescues:
        label = f"Rescue medicine {clock_time(session, rescue.given.at)}"
        yield _identified(rescue_administration(session, rescue, instance), label)
    for reading in session.readings:
        if reading.struck is None:
            for sign in vital_signs(session, reading, instance):
                yield _identified(sign.resource, sign.label)
    for event in session.events:
        label = f"Adverse event {clock_time(session, event.onset.at)}"
        yield _identified(adverse_event(session, event, instance), label)


def _identified(resource: Json, label: str) -> WrittenResource:
    named = resource["identifier"]
    identifier = named if isinstance(named, dict) else named[0]  # an AdverseEvent has one, and no list
    return _written(resource, identifier["system"], identifier["value"], label)


def _written(resource: Json, system: str, value: str, label: str) -> WrittenResource:
    kind = resource["resourceType"]
    body = wire.encode(checked(resource))
    return WrittenResource(resource_type=kind, system=system, value=value, label=label, body=body)


def _refuse_contradictions(session: KetamineSession, course: TreatmentCourse) -> None:
    if session.course != course.id:
        raise Unwritable("session.course", "is not the course given")
    if session.patient != course.patient:
        raise Unwritable("session.patient", "is not the patient of the course")
    if session.status is SessionStatus.COMPLETED and session.dose is None:
        raise Unwritable("session.dose", "is missing, though the session was completed")
    if session.status is SessionStatus.NOT_DONE and session.dose is not None:
        raise Unwritable("session.dose", "was given, though the session was not done")
    if session.dose is not None and session.dose.route is not session.route:
        raise Unwritable("session.dose.route", "is not the route of the session")
