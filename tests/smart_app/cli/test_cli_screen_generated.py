"""Charts as generators of synthetic patients write them: everything in them can be read, so nothing is a gap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smart_app.cli import main
from tests.builders import LOINC, RXNORM, SNOMED, UCUM, coded

LINA = "5e9c0a52-7a6e-4a39-9d0a-2f6d1c1f0b11"
SUBJECT = {"reference": f"Patient/{LINA}"}


def moment(day: str) -> str:
    return f"{day}T04:17:09.218405+00:00"


def entry(kind: str, number: int, **elements: Any) -> dict[str, Any]:
    profile = f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}"
    resource = {"resourceType": kind, "id": f"{kind.lower()}-{number}", "meta": {"profile": [profile]}, **elements}
    return put(resource)


def put(resource: dict[str, Any]) -> dict[str, Any]:
    name = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, "request": {"method": "PUT", "url": name}}


def concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def condition(number: int, code: str, display: str, status: str, onset: str, **more: Any) -> dict[str, Any]:
    return entry(
        "Condition",
        number,
        clinicalStatus=coded("condition-clinical", status),
        verificationStatus=coded("condition-ver-status", "confirmed"),
        category=[coded("condition-category", "encounter-diagnosis")],
        code=concept(SNOMED, code, display),
        subject=SUBJECT,
        onsetDateTime=moment(onset),
        **more,
    )


def vital(number: int, code: str, display: str, day: str, **value: Any) -> dict[str, Any]:
    return entry(
        "Observation",
        number,
        status="final",
        category=[coded("observation-category", "vital-signs")],
        code=concept(LOINC, code, display),
        subject=SUBJECT,
        effectiveDateTime=moment(day),
        **value,
    )


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def pressure(code: str, value: float) -> dict[str, Any]:
    return {"code": concept(LOINC, code, "Pressure"), "valueQuantity": quantity(value, "mm[Hg]")}


def request(number: int, rxcui: str, name: str, status: str, day: str, **more: Any) -> dict[str, Any]:
    return entry(
        "MedicationRequest",
        number,
        status=status,
        intent="order",
        medicationCodeableConcept=concept(RXNORM, rxcui, name),
        subject=SUBJECT,
        authoredOn=moment(day),
        **more,
    )


DAILY = {
    "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
    "doseAndRate": [{"doseQuantity": {"value": 1}}],
}
CHART = [
    put(
        {
            "resourceType": "Patient",
            "id": LINA,
            "active": True,
            "name": [{"use": "official", "family": "Berg", "given": ["Lina"]}],
            "gender": "male",
            "birthDate": "1979-08-30",
            "identifier": [
                {"system": "https://generator.example/seed", "value": "c0ffee"},
                {"type": coded("v2-0203", "MR"), "system": "http://hospital.example", "value": "4411"},
            ],
        }
    ),
    condition(1, "370143000", "Major depressive disorder (disorder)", "active", "2026-02-03"),
    condition(2, "314529007", "Medication review due (situation)", "resolved", "1999-05-02",
              abatementDateTime=moment("1999-06-06")),
    condition(3, "195662009", "Acute viral pharyngitis (disorder)", "resolved", "2014-11-20",
              abatementDateTime=moment("2014-12-01")),
    vital(1, "85354-9", "Blood pressure panel with all children optional", "2026-11-15",
          component=[pressure("8480-6", 121.5), pressure("8462-4", 77.25)]),
    vital(2, "29463-7", "Body Weight", "2026-11-15", valueQuantity=quantity(81.4, "kg")),
    vital(3, "8867-4", "Heart rate", "2026-11-15", valueQuantity=quantity(71, "/min"),
          referenceRange=[{"low": quantity(60.0, "/min"), "high": quantity(100.0, "/min")}]),
    request(1, "312938", "Sertraline 100 MG Oral Tablet", "active", "2026-03-01",
            dosageInstruction=[{"sequence": 1, **DAILY}],
            dispenseRequest={"expectedSupplyDuration": {"value": 90, "unit": "days", "system": UCUM, "code": "d"}}),
    request(2, "313820", "Acetaminophen 160 MG Chewable Tablet", "stopped", "2003-06-11",
            dosageInstruction=[{"sequence": 1, "asNeededBoolean": True}]),
    request(3, "313002", "Sodium Chloride 9 MG/ML Injectable Solution", "stopped", "2001-09-09"),
    entry("MedicationStatement", 1, status="completed", subject=SUBJECT, dateAsserted=moment("2003-06-11"),
          medicationCodeableConcept=concept(RXNORM, "313820", "Acetaminophen 160 MG Chewable Tablet"),
          effectivePeriod={"start": moment("2003-06-11")}, basedOn=[{"reference": "MedicationRequest/2"}]),
    entry("AllergyIntolerance", 1, clinicalStatus=coded("allergyintolerance-clinical", "active"),
          verificationStatus=coded("allergyintolerance-verification", "confirmed"), type="allergy",
          category=["medication"], code=concept(RXNORM, "10831", "Sulfamethoxazole / Trimethoprim"),
          patient=SUBJECT, recordedDate=moment("1984-03-31"), onsetDateTime=moment("1984-03-31")),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["transaction", "collection"])
def test_nothing_of_a_generated_chart_is_a_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path = tmp_path / "lina.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": kind, "entry": CHART}), "utf-8")
    assert main(["screen", str(path), "--as-of", "2026-11-23", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gaps"] == []
    assert told["status"] == "candidate"
    assert {"IND-MDD"} <= {finding["rule"] for finding in told["findings"] if finding["state"] == "met"}
