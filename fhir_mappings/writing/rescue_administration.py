"""A rescue medicine as a MedicationAdministration (R4), part of its session like the dose it was given against."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fhir_mappings.facts.treatment import KetamineSession, Rescue, Route, SessionStatus
from fhir_mappings.writing.datatypes import annotation, coding, concept, instant, person, plain, quantity, reference
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.session_note import late_words, rescue_aftermath, rescue_words
from fhir_mappings.writing.terminology import ROUTE, RXNORM, SETTING, dose_function
from fhir_mappings.writing.written import Json

# As shown -> UCUM. What flows has a rate and no amount.
_UCUM: Final[Mapping[str, str]] = MappingProxyType({"mg": "mg", "mcg": "ug", "g": "g", "mL": "mL"})
_FLOWS: Final = "L/min"
_CODED_ROUTES: Final[Mapping[str, Json]] = MappingProxyType({ROUTE[each]["text"]: ROUTE[each] for each in Route})


def rescue_administration(session: KetamineSession, rescue: Rescue, instance: Instance) -> Json:
    void = session.status is SessionStatus.ENTERED_IN_ERROR
    codes = [coding(RXNORM, rescue.code)] if rescue.code else []
    context = {"context": reference("session.encounter", session.encounter, "Encounter")} if session.encounter else {}
    return {
        "resourceType": "MedicationAdministration",
        "identifier": [instance.identifier("rescue", rescue.id)],
        "partOf": [instance.link("Procedure", "session", session.id)],
        "status": "entered-in-error" if void else "completed",
        "category": SETTING[session.place],
        "medicationCodeableConcept": concept(*codes, text=plain(rescue.text)),
        "subject": reference("session.patient", session.patient, "Patient"),
        **context,
        "effectiveDateTime": instant("rescue.given", rescue.given.at),
        "performer": [{"function": dose_function("performer"), "actor": person("rescue.by", rescue.by)}],
        **_reason(rescue),
        **_note(session, rescue),
        "dosage": _dosage(rescue),
    }


def _reason(rescue: Rescue) -> Json:
    return {"reasonCode": [concept(text=plain(rescue.reason))]} if plain(rescue.reason) else {}


def _note(session: KetamineSession, rescue: Rescue) -> Json:
    said = (rescue_aftermath(session, rescue), late_words(session, "Given", rescue.given))
    text = " ".join(filter(None, said))
    return {"note": [annotation("rescue.given", rescue.by, rescue.given.entered, text)]} if text else {}


def _dosage(rescue: Rescue) -> Json:
    dosage: Json = {
        "text": plain(rescue_words(rescue)),
        "route": _CODED_ROUTES.get(rescue.route) or concept(text=rescue.route),
    }
    if rescue.unit == _FLOWS:
        return dosage | {"rateQuantity": quantity("rescue.amount", rescue.amount, _FLOWS)}
    if rescue.unit not in _UCUM:
        raise Unwritable("rescue.unit", "is not a unit that a medicine is given in here")
    return dosage | {"dose": quantity("rescue.amount", rescue.amount, _UCUM[rescue.unit], rescue.unit)}
