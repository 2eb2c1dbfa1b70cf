"""A patient's record as R4 resources, written entry by entry relative to today."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
MRN_SYSTEM = "https://riverside-clinic.example/fhir/NamingSystem/mrn"

Coding = tuple[str, str, str]


def concept(text: str, *codings: Coding) -> dict[str, Any]:
    """A CodeableConcept; without codings it is text alone."""
    written: dict[str, Any] = {"text": text}
    if codings:
        written["coding"] = [{"system": system, "code": code, "display": name} for system, code, name in codings]
    return written


def status_of(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def quantity(value: float, unit: str | None) -> dict[str, Any]:
    """A Quantity in a UCUM unit; `unit` None: a bare number, as some devices send it."""
    return {"value": value} if unit is None else {"value": value, "unit": unit, "system": UCUM, "code": unit}


@dataclass(slots=True)
class Record:
    """Resources of one patient. Every `ago` is a number of days before today."""

    patient: str
    today: date
    resources: list[dict[str, Any]] = field(default_factory=list)

    def day(self, ago: int) -> str:
        return (self.today - timedelta(days=ago)).isoformat()

    def moment(self, ago: int, clock: str = "09:30") -> str:
        return f"{self.day(ago)}T{clock}:00Z"

    def add(self, resource_type: str, body: dict[str, Any], *, subject: str = "subject") -> None:
        number = 1 + sum(one["resourceType"] == resource_type for one in self.resources)
        head = {"resourceType": resource_type, "id": f"{self.patient}-{resource_type.lower()}-{number}"}
        self.resources.append({**head, subject: {"reference": f"Patient/{self.patient}"}, **body})

    def person(self, *, given: str, family: str, gender: str, age: int, mrn: str) -> None:
        born = self.today - timedelta(days=int(age * 365.25) + 120)
        identifier = {"type": status_of("v2-0203", "MR"), "system": MRN_SYSTEM, "value": mrn}
        self.resources.append(
            {
                "resourceType": "Patient",
                "id": self.patient,
                "active": True,
                "identifier": [identifier],
                "name": [{"use": "official", "family": family, "given": [given]}],
                "gender": gender,
                "birthDate": born.isoformat(),
                "address": [{"use": "home", "line": [f"{mrn[-1]} Example Street"], "city": "Riverside"}],
                "managingOrganization": {"reference": "Organization/riverside"},
            }
        )

    def condition(
        self,
        text: str,
        *codings: Coding,
        onset: int,
        abated: int | None = None,
        clinical: str | None = "active",
        verification: str = "confirmed",
        category: str = "problem-list-item",
    ) -> None:
        """A Condition. `clinical` None leaves clinicalStatus out, as con-5 asks of an entry made in error."""
        body: dict[str, Any] = {
            "verificationStatus": status_of("condition-ver-status", verification),
            "category": [status_of("condition-category", category)],
            "code": concept(text, *codings),
            "onsetDateTime": self.day(onset),
            "recordedDate": self.day(min(onset, abated if abated is not None else onset)),
        }
        if clinical:
            body["clinicalStatus"] = status_of("condition-clinical", clinical)
        if abated is not None:
            body["abatementDateTime"] = self.day(abated)
        self.add("Condition", body)

    def observation(self, category: str, code: Coding, ago: int, value: dict[str, Any]) -> None:
        system, number, name = code
        self.add(
            "Observation",
            {
                "status": "final",
                "category": [status_of("observation-category", category)],
                "code": concept(name, (system, number, name)),
                "effectiveDateTime": self.moment(ago),
                **value,
            },
        )

    def blood_pressure(self, systolic: int, diastolic: int, ago: int, *, unit: str | None = "mm[Hg]") -> None:
        """A vital-signs panel of two components."""
        parts = (("8480-6", "Systolic blood pressure", systolic), ("8462-4", "Diastolic blood pressure", diastolic))
        components = [
            {"code": concept(name, (LOINC, code, name)), "valueQuantity": quantity(value, unit)}
            for code, name, value in parts
        ]
        panel = (LOINC, "85354-9", "Blood pressure panel with all children optional")
        self.observation("vital-signs", panel, ago, {"component": components})

    def weight(self, kilograms: float, ago: int) -> None:
        value = {"valueQuantity": quantity(kilograms, "kg")}
        self.observation("vital-signs", (LOINC, "29463-7", "Body weight"), ago, value)

    def height(self, centimetres: int, ago: int) -> None:
        value = {"valueQuantity": quantity(centimetres, "cm")}
        self.observation("vital-signs", (LOINC, "8302-2", "Body height"), ago, value)

    def phq9(self, total: int, ago: int) -> None:
        value = {"valueQuantity": quantity(total, "{score}")}
        name = "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"
        self.observation("survey", (LOINC, "44261-6", name), ago, value)

    def pregnancy_test_negative(self, ago: int) -> None:
        value = {"valueCodeableConcept": concept("Negative", (SNOMED, "260385009", "Negative"))}
        name = "Choriogonadotropin (pregnancy test) [Presence] in Urine"
        self.observation("laboratory", (LOINC, "2106-3", name), ago, value)

    def allergy(
        self, text: str, *codings: Coding, criticality: str | None = None, reaction: str | None = None
    ) -> None:
        body: dict[str, Any] = {
            "clinicalStatus": status_of("allergyintolerance-clinical", "active"),
            "verificationStatus": status_of("allergyintolerance-verification", "confirmed"),
            "code": concept(text, *codings),
            "recordedDate": self.day(900),
        }
        if criticality:
            body |= {"type": "allergy", "category": ["medication"], "criticality": criticality}
        if reaction:
            body["reaction"] = [{"manifestation": [concept(reaction)], "severity": "severe"}]
        self.add("AllergyIntolerance", body, subject="patient")

    def visit_today(self) -> None:
        """An Encounter planned for today, which the EHR hands to the app at launch."""
        clinic_class = {"system": f"{TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"}
        self.add(
            "Encounter",
            {
                "status": "planned",
                "class": clinic_class,
                "type": [concept("Ketamine clinic visit")],
                "period": {"start": self.moment(0, "08:00")},
            },
        )
