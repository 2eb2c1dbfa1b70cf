"""Charts to screen: each builder gives a valid FHIR R4 resource of one patient, and a test changes one thing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import count
from typing import Any

from fhir_mappings.facts.clinical import Area, Gap
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import Finding, Status
from smart_app.clinical.screening import ScreeningResult, screen

Json = dict[str, Any]

TODAY = date(2026, 11, 23)
# What a chart without scales, weight and medicines is told besides: information without effect on the status.
PLAIN = frozenset({"MISS-PHQ", "MISS-WEIGHT", "MISS-MEDLIST", "TRD-MET", "TRD-NOT-MET", "TRD-UNKNOWN"})
PATIENT = "Patient/ada"
PATIENTS = frozenset({PATIENT})
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_numbers = count(1)


def days_ago(days: int) -> str:
    """A FHIR date so many days before TODAY; negative ones lie ahead."""
    return (TODAY - timedelta(days=days)).isoformat()


def _resource(kind: str, values: Json, changes: Json) -> Json:
    """A resource with an id of its own; a change to None leaves the element out."""
    resource = {"resourceType": kind, "id": f"{kind.lower()}-{next(_numbers)}", **values, **changes}
    return {name: value for name, value in resource.items() if value is not None}


def a_concept(code: str | None = None, system: str = ICD10CM, text: str | None = None) -> Json:
    concept: Json = {"coding": [{"system": system, "code": code}]} if code else {}
    return concept | ({"text": text} if text else {})


def coded(name: str, code: str) -> Json:
    """A CodeableConcept of one of HL7's own code systems."""
    return {"coding": [{"system": _HL7 + name, "code": code}]}


def a_patient(**changes: Any) -> Json:
    values = {"id": "ada", "birthDate": "1986-03-04", "gender": "male", "name": [{"family": "Larsen"}]}
    return _resource("Patient", values, changes)


def a_condition(
    code: str | None = "F33.2",
    *,
    system: str = ICD10CM,
    text: str | None = None,
    status: str | None = "active",
    verification: str | None = "confirmed",
    category: str | None = "problem-list-item",
    onset: str | None = None,
    abatement: str | None = None,
    recorded: str | None = None,
    **changes: Any,
) -> Json:
    """An active, confirmed problem-list item without dates: recurrent severe major depression by default."""
    values = {
        "clinicalStatus": coded("condition-clinical", status) if status else None,
        "verificationStatus": coded("condition-ver-status", verification) if verification else None,
        "category": [coded("condition-category", category)] if category else None,
        "code": a_concept(code, system, text),
        "subject": {"reference": PATIENT},
        "onsetDateTime": onset,
        "abatementDateTime": abatement,
        "recordedDate": recorded,
    }
    return _resource("Condition", values, changes)


def mmhg(value: Any, **changes: Any) -> Json:
    quantity = {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"} | changes
    return {name: item for name, item in quantity.items() if item is not None}


def a_component(code: str, quantity: Json | None, **changes: Any) -> Json:
    component = {"code": a_concept(code, LOINC), "valueQuantity": quantity} | changes
    return {name: item for name, item in component.items() if item is not None}


def a_blood_pressure(
    systolic: Any = 120, diastolic: Any = 80, *, when: str | None = None, panel: str = "85354-9", **changes: Any
) -> Json:
    """A final panel of today in mm[Hg]; None for a number leaves its component out, a dict is the whole Quantity."""
    parts = [
        a_component(code, value if isinstance(value, dict) else mmhg(value))
        for code, value in (("8480-6", systolic), ("8462-4", diastolic))
        if value is not None
    ]
    return an_observation(panel, "vital-signs", when=when, **({"component": parts} | changes))


def a_single_pressure(code: str, value: Any, *, when: str | None = None, **changes: Any) -> Json:
    """A systolic (8480-6) or diastolic (8462-4) pressure as an Observation of its own."""
    return an_observation(code, "vital-signs", when=when, **({"valueQuantity": mmhg(value)} | changes))


def an_observation(code: str, category: str, /, *, when: str | None = None, **changes: Any) -> Json:
    values = {
        "status": "final",
        "category": [coded("observation-category", category)],
        "code": a_concept(code, LOINC),
        "subject": {"reference": PATIENT},
        "effectiveDateTime": when or f"{days_ago(0)}T09:00:00-06:00",
    }
    return _resource("Observation", values, changes)


def an_item_nine(score: int = 2, *, when: str | None = None, **changes: Any) -> Json:
    return an_observation("44260-8", "survey", when=when, **({"valueInteger": score} | changes))


def a_pregnancy_status(code: str = "77386006", *, when: str | None = None, **changes: Any) -> Json:
    answer = {"valueCodeableConcept": a_concept(code, SNOMED)}
    return an_observation("82810-3", "social-history", when=when, **(answer | changes))


def an_hcg(code: str = "260373001", *, when: str | None = None, **changes: Any) -> Json:
    """A urine pregnancy test: detected by default (260415000: not detected)."""
    answer = {"valueCodeableConcept": a_concept(code, SNOMED)}
    return an_observation("2106-3", "laboratory", when=when, **(answer | changes))


def a_score(code: str, total: int, *, when: str | None = None, **changes: Any) -> Json:
    """A questionnaire's total: 44261-6 is PHQ-9, 70274-6 GAD-7, 55758-7 PHQ-2."""
    return an_observation(code, "survey", when=when, **({"valueInteger": total} | changes))


def a_liver_value(
    value: Any = 30, *, upper: Any = 40, code: str = "1742-6", when: str | None = None, **changes: Any
) -> Json:
    """ALT (1920-8: AST) in U/L with the laboratory's own upper limit; `upper` None: it gives none."""
    ranges = [{"high": units_per_litre(upper)}] if upper is not None else None
    amount = value if isinstance(value, dict) else units_per_litre(value)
    return an_observation(
        code, "laboratory", when=when, **({"valueQuantity": amount, "referenceRange": ranges} | changes)
    )


def units_per_litre(value: Any, **changes: Any) -> Json:
    return {"value": value, "unit": "U/L", "system": UCUM, "code": "U/L"} | changes


def a_weight(kilograms: Any = 70, *, when: str | None = None, **changes: Any) -> Json:
    quantity = {"valueQuantity": {"value": kilograms, "unit": "kg", "system": UCUM, "code": "kg"}}
    return an_observation("29463-7", "vital-signs", when=when, **(quantity | changes))


def an_allergy(code: str | None = "6130", /, *, text: str | None = "ketamine", **changes: Any) -> Json:
    values = {
        "clinicalStatus": coded("allergyintolerance-clinical", "active"),
        "verificationStatus": coded("allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "code": a_concept(code, RXNORM, text),
        "patient": {"reference": PATIENT},
        "recordedDate": days_ago(400),
    }
    return _resource("AllergyIntolerance", values, changes)


def a_medication(code: str | None = "36437", *, text: str | None = "sertraline 50 MG", **changes: Any) -> Json:
    values = {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": a_concept(code, RXNORM, text),
        "subject": {"reference": PATIENT},
        "authoredOn": days_ago(60),
    }
    return _resource("MedicationRequest", values, changes)


def a_ketamine_session(start: str, end: str, **changes: Any) -> Json:
    values = {
        "status": "completed",
        "code": {"text": "Ketamine infusion, session 1 of 6"},
        "subject": {"reference": PATIENT},
        "performedPeriod": {"start": start, "end": end},
    }
    return _resource("Procedure", values, changes)


def a_chart(*more: Json, without: Iterable[str] = ()) -> list[Json]:
    """A candidate's chart: patient, major depression, a passing blood pressure of today; then what a test adds."""
    base = {"Patient": a_patient(), "Condition": a_condition(), "Observation": a_blood_pressure()}
    return [*(resource for kind, resource in base.items() if kind not in set(without)), *more]


def a_failure(area: Area, reason: str = "the EHR refused it (403)") -> Gap:
    return Gap(area=area, reference="", reason=reason, fetch_failed=True)


def screened(resources: Iterable[Any], *failures: Gap, as_of: date = TODAY) -> ScreeningResult:
    """A chart through the reader and the rules, as the product does it."""
    facts = patient_facts(resources, as_of=as_of, patients=PATIENTS, failures=failures)
    return screen(facts, as_of=as_of)


def finding(result: ScreeningResult, rule: str) -> Finding:
    return next(found for found in result.findings if found.rule == rule)


def states(result: ScreeningResult) -> dict[str, str]:
    return {found.rule: found.state.value for found in result.findings}


def met_rules(result: ScreeningResult) -> set[str]:
    return {rule for rule, state in states(result).items() if state == "met"}


def with_condition(condition: Json) -> tuple[Status, set[str]]:
    """A candidate's chart and one more condition: the status, and the rules met beside the indication."""
    result = screened(a_chart(condition))
    return result.status, met_rules(result) - PLAIN - {"IND-MDD"}


def without_depression(*entries: Json) -> tuple[Status, set[str]]:
    """A chart whose only possible indication is in these entries: the status and the rules met."""
    result = screened(a_chart(*entries, without=["Condition"]))
    return result.status, met_rules(result) - PLAIN


def status_with(*readings: Json) -> Status:
    """The status of a candidate whose only blood pressures are these (other entries may come along)."""
    return screened(a_chart(*readings, without=["Observation"])).status


def rules_with(*readings: Json) -> set[str]:
    return met_rules(screened(a_chart(*readings, without=["Observation"]))) - PLAIN
