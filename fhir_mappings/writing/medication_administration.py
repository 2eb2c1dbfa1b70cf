"""A dose as a MedicationAdministration (R4): drug, amount, route, times, people, what was drawn and wasted."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from fhir_mappings.facts.treatment import (
    Dose,
    Draw,
    KetamineSession,
    Moment,
    Reading,
    Route,
    SecondPerson,
    SessionStatus,
)
from fhir_mappings.writing.canonical import DOSE_BASIS_EXTENSION, DOSE_PROFILE, PRODUCT_EXTENSION, WASTE_EXTENSION
from fhir_mappings.writing.datatypes import (
    PRACTITIONERS,
    amount,
    annotation,
    coding,
    concept,
    instant,
    period,
    person,
    plain,
    quantity,
    reference,
)
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.session_note import dose_words, late_words, number
from fhir_mappings.writing.terminology import DRUG, NDC, ROUTE, SETTING, dose_function
from fhir_mappings.writing.written import Json


def medication_administration(session: KetamineSession, dose: Dose, instance: Instance) -> Json:
    if amount("dose.given_mg", dose.given_mg) == 0:
        raise Unwritable("dose.given_mg", "is zero: a dose that was not given is not written")
    return {
        "resourceType": "MedicationAdministration",
        "meta": {"profile": [DOSE_PROFILE]},
        "extension": [_basis(dose), *_product(dose), *_waste(dose)],
        "identifier": [instance.identifier("dose", dose.id)],
        "partOf": [instance.link("Procedure", "session", session.id)],
        **_status(session, dose),
        "category": SETTING[session.place],
        "medicationCodeableConcept": concept(*_codes(dose), text=_drug(dose)),
        "subject": reference("session.patient", session.patient, "Patient"),
        **_context(session),
        **_pressure_before(session, dose, instance),
        **_effective(dose),
        "performer": _performers(dose),
        **_reasons(session),
        **_late(session, dose),
        "dosage": _dosage(dose),
    }


def _status(session: KetamineSession, dose: Dose) -> Json:
    if session.status is SessionStatus.ENTERED_IN_ERROR:
        return {"status": "entered-in-error"}
    if dose.completed:
        return {"status": "completed"}
    reason = plain(session.reason)
    return {"status": "stopped"} | ({"statusReason": [concept(text=reason)]} if reason else {})


def _drug(dose: Dose) -> str:
    name = dose.drug.value.capitalize()
    if dose.concentration_mg_per_ml is None:
        return name
    return f"{name} {number(dose.concentration_mg_per_ml)} mg/mL"


def _codes(dose: Dose) -> list[Json]:
    """The drug, and each product that it came out of where its code is known."""
    products = dict.fromkeys(plain(draw.ndc) for draw in dose.draws if plain(draw.ndc))
    return [DRUG[dose.drug], *(coding(NDC, code) for code in products)]


def _context(session: KetamineSession) -> Json:
    if session.encounter is None:
        return {}
    return {"context": reference("session.encounter", session.encounter, "Encounter")}


def _pressure_before(session: KetamineSession, dose: Dose, instance: Instance) -> Json:
    """The last blood pressure that was taken before the dose."""
    before = [reading for reading in session.readings if _pressure_counts(reading, dose)]
    if not before:
        return {}
    last = max(before, key=lambda reading: reading.measured.at)
    return {"supportingInformation": [instance.link("Observation", "reading", f"{last.id}-bp")]}


def _pressure_counts(reading: Reading, dose: Dose) -> bool:
    measured = reading.systolic is not None or reading.diastolic is not None
    return measured and reading.struck is None and reading.measured.at <= dose.started.at


def _effective(dose: Dose) -> Json:
    if dose.ended is None:
        return {"effectiveDateTime": instant("dose.started", dose.started.at)}
    return {"effectivePeriod": period("dose", dose.started.at, dose.ended.at)}


def _performers(dose: Dose) -> list[Json]:
    performers = [{"function": dose_function("performer"), "actor": person("dose.given_by", dose.given_by)}]
    for function, second_person in (("verifier", dose.checked_by), ("witness", dose.witness)):
        if second_person is not None:
            actor = _second_person(f"dose.{function}", second_person)
            performers.append({"function": dose_function(function), "actor": actor})
    second = plain(dose.second_person)
    if second and dose.checked_by is None and dose.witness is None:
        # Known by name alone. Where a rest was destroyed, that is what the second person stood by for.
        function = "witness" if dose.wasted_mg else "verifier"
        performers.append({"function": dose_function(function), "actor": {"display": second}})
    return performers


def _second_person(fact: str, who: SecondPerson) -> Json:
    """One who was only named has no reference."""
    if who.reference is None:
        return {"display": plain(who.name)}
    return reference(fact, who.reference, *PRACTITIONERS) | {"display": plain(who.name)}


def _reasons(session: KetamineSession) -> Json:
    if not session.conditions:
        return {}
    return {"reasonReference": [reference("session.conditions", one, "Condition") for one in session.conditions]}


def _late(session: KetamineSession, dose: Dose) -> Json:
    moments: list[tuple[str, Moment | None]] = [("Dose started", dose.started), ("Dose ended", dose.ended)]
    said = [late_words(session, what, moment) for what, moment in moments if moment is not None]
    text = " ".join(filter(None, said))
    if not text:
        return {}
    return {"note": [annotation("session.signature", session.signature.by, session.signature.at, text)]}


def _dosage(dose: Dose) -> Json:
    dosage: Json = {"text": dose_words(dose)}
    if plain(dose.body_site):
        dosage["site"] = concept(text=plain(dose.body_site))
    dosage["route"] = ROUTE[dose.route]
    dosage["dose"] = quantity("dose.given_mg", dose.given_mg, "mg")
    if dose.route is Route.IV and dose.ended is not None and dose.ended.at > dose.started.at:
        over = dose.ended.at - dose.started.at
        if dose.minutes_running:
            over = timedelta(minutes=dose.minutes_running)  # pauses left out
        dosage["rateRatio"] = {
            "numerator": quantity("dose.given_mg", dose.given_mg, "mg"),
            "denominator": _time(over),
        }
    return dosage


def _time(over: timedelta) -> Json:
    """A duration as a Quantity without a rounded digit: in minutes where they are whole, in seconds elsewhere."""
    seconds = over // timedelta(seconds=1)
    if over % timedelta(minutes=1):
        return quantity("dose.ended", Decimal(max(seconds, 1)), "s")
    return quantity("dose.ended", Decimal(seconds // 60), "min")


def _basis(dose: Dose) -> Json:
    parts: list[Json] = [
        {"url": "planned", "valueQuantity": quantity("dose.planned_mg", dose.planned_mg, "mg")},
    ]
    if dose.mg_per_kg is not None:
        per_kilogram = quantity("dose.mg_per_kg", dose.mg_per_kg, "mg/kg")
        parts.append({"url": "perKilogram", "valueQuantity": per_kilogram})
    if dose.weighing is not None:
        weight = quantity("dose.weighing", dose.weighing.kilograms, "kg")
        parts.append({"url": "weight", "valueQuantity": weight})
        parts.append({"url": "weighedOn", "valueDate": dose.weighing.day.isoformat()})
        if plain(dose.weighing.source):
            parts.append({"url": "weightSource", "valueString": plain(dose.weighing.source)})
    return {"url": DOSE_BASIS_EXTENSION, "extension": parts}


def _product(dose: Dose) -> list[Json]:
    """One for each vial; where the ledger is kept elsewhere, one for what was typed."""
    if dose.draws:
        volume = dose.volume_ml if len(dose.draws) == 1 else None
        return [{"url": PRODUCT_EXTENSION, "extension": _vial(draw, volume)} for draw in dose.draws]
    parts: list[Json] = []
    if dose.concentration_mg_per_ml is not None:
        strength = quantity("dose.concentration_mg_per_ml", dose.concentration_mg_per_ml, "mg/mL")
        parts.append({"url": "concentration", "valueQuantity": strength})
    if dose.volume_ml is not None:
        parts.append({"url": "volume", "valueQuantity": quantity("dose.volume_ml", dose.volume_ml, "mL")})
    if plain(dose.lot):
        parts.append({"url": "lot", "valueString": plain(dose.lot)})
    if plain(dose.expiry):
        parts.append({"url": "expiry", "valueString": plain(dose.expiry)})
    return [{"url": PRODUCT_EXTENSION, "extension": parts}] if parts else []


def _vial(draw: Draw, volume: Decimal | None) -> list[Json]:
    strength = quantity("dose.concentration_mg_per_ml", draw.concentration_mg_per_ml, "mg/mL")
    parts: list[Json] = [{"url": "concentration", "valueQuantity": strength}]
    if volume is not None:
        parts.append({"url": "volume", "valueQuantity": quantity("dose.volume_ml", volume, "mL")})
    told = {
        "lot": draw.lot,
        "expiry": draw.expiry,
        "product": draw.product,
        "manufacturer": draw.manufacturer,
        "vial": str(draw.number),
    }
    parts += [{"url": name, "valueString": plain(said)} for name, said in told.items() if plain(said)]
    drawn = amount("dose.draws", draw.given_mg) + amount("dose.draws", draw.wasted_mg)
    return [*parts, {"url": "drawn", "valueQuantity": quantity("dose.draws", drawn, "mg")}]


def _waste(dose: Dose) -> list[Json]:
    if dose.wasted_mg is None:
        return []
    parts: list[Json] = [{"url": "amount", "valueQuantity": quantity("dose.wasted_mg", dose.wasted_mg, "mg")}]
    witness = dose.witness
    name = plain(witness.name if witness is not None else dose.second_person)
    if name and dose.wasted_mg:
        parts.append({"url": "witness", "valueString": name})
    if witness is not None and witness.reference is not None and witness.at is not None:
        seen_by = reference("dose.witness", witness.reference, *PRACTITIONERS)
        parts.append({"url": "witnessReference", "valueReference": seen_by})
        parts.append({"url": "witnessed", "valueDateTime": instant("dose.witness", witness.at)})
    if plain(dose.waste_method):
        parts.append({"url": "method", "valueString": plain(dose.waste_method)})
    return [{"url": WASTE_EXTENSION, "extension": parts}]
