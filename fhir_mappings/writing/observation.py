"""The vital signs of one reading as Observations (R4 vital signs, US Core 7.0.0): one for each that was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from fhir_mappings.facts.treatment import KetamineSession, Reading, SessionStatus
from fhir_mappings.writing.canonical import (
    US_CORE_BLOOD_PRESSURE,
    US_CORE_HEART_RATE,
    US_CORE_PULSE_OXIMETRY,
    US_CORE_RESPIRATORY_RATE,
)
from fhir_mappings.writing.datatypes import annotation, instant, person, quantity, reference
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.session_note import clock_time, late_words
from fhir_mappings.writing.terminology import (
    DIASTOLIC,
    HEART_RATE,
    NOT_KNOWN,
    OXYGEN_SATURATION,
    PRESSURE_PANEL,
    RESPIRATORY_RATE,
    SYSTOLIC,
    VITAL_SIGNS,
)
from fhir_mappings.writing.written import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalSign:
    """One Observation to write: the suffix of its identifier, its name on pages, and the resource."""

    identifier: str
    label: str
    resource: Json


@dataclass(frozen=True, slots=True)
class _Simple:
    """How one number of a reading is written."""

    fact: str
    suffix: str
    label: str
    profile: str
    code: Json
    ucum: str
    unit: str


_SIMPLE = (
    _Simple("heart_rate", "hr", "Heart rate", US_CORE_HEART_RATE, HEART_RATE, "/min", "beats/min"),
    _Simple("oxygen_saturation", "spo2", "Oxygen saturation", US_CORE_PULSE_OXIMETRY, OXYGEN_SATURATION, "%", "%"),
    _Simple(
        "respiratory_rate",
        "rr",
        "Respiratory rate",
        US_CORE_RESPIRATORY_RATE,
        RESPIRATORY_RATE,
        "/min",
        "breaths/min",
    ),
)


def vital_signs(session: KetamineSession, reading: Reading, instance: Instance) -> Iterator[VitalSign]:
    """Blood pressure first. Sedation and dissociation have no verified code: they stand in the Procedure's note."""
    if reading.systolic is not None or reading.diastolic is not None:
        components = {
            "component": [
                _component("systolic", SYSTOLIC, reading.systolic),
                _component("diastolic", DIASTOLIC, reading.diastolic),
            ]
        }
        head = _head(session, reading, instance, "bp", US_CORE_BLOOD_PRESSURE, PRESSURE_PANEL)
        yield _named(session, reading, "bp", "Blood pressure", head | components)
    for sign in _SIMPLE:
        value: Decimal | None = getattr(reading, sign.fact)
        if value is not None:
            measured = {"valueQuantity": quantity(f"reading.{sign.fact}", value, sign.ucum, sign.unit)}
            head = _head(session, reading, instance, sign.suffix, sign.profile, sign.code)
            yield _named(session, reading, sign.suffix, sign.label, head | measured)


def _named(session: KetamineSession, reading: Reading, suffix: str, label: str, resource: Json) -> VitalSign:
    at = clock_time(session, reading.measured.at)
    return VitalSign(identifier=f"{reading.id}-{suffix}", label=f"{label} {at}", resource=resource)


def _head(
    session: KetamineSession, reading: Reading, instance: Instance, suffix: str, profile: str, code: Json
) -> Json:
    void = session.status is SessionStatus.ENTERED_IN_ERROR
    encounter = (
        {"encounter": reference("session.encounter", session.encounter, "Encounter")} if session.encounter else {}
    )
    return {
        "resourceType": "Observation",
        "meta": {"profile": [profile]},
        "identifier": [instance.identifier("reading", f"{reading.id}-{suffix}")],
        "basedOn": [instance.link("CarePlan", "programme", session.course)],
        "partOf": [instance.link("Procedure", "session", session.id)],
        "status": "entered-in-error" if void else "final",
        "category": [VITAL_SIGNS],
        "code": code,
        "subject": reference("session.patient", session.patient, "Patient"),
        **encounter,
        "effectiveDateTime": instant("reading.measured", reading.measured.at),
        "issued": instant("reading.measured.entered", reading.measured.entered),
        "performer": [person("reading.by", reading.by)],
        **_note(session, reading),
    }


def _note(session: KetamineSession, reading: Reading) -> Json:
    said = ["Taken before the dose."] if reading.baseline else []
    late = late_words(session, "Measured", reading.measured)
    if late:
        said.append(late)
    if not said:
        return {}
    return {"note": [annotation("reading.measured", reading.by, reading.measured.entered, " ".join(said))]}


def _component(fact: str, code: Json, value: Decimal | None) -> Json:
    if value is None:
        return {"code": code, "dataAbsentReason": NOT_KNOWN}
    return {"code": code, "valueQuantity": quantity(f"reading.{fact}", value, "mm[Hg]", "mmHg")}
