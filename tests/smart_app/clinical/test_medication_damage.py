"""Damaged medication entries: whatever is lost or garbled, a medicine that asks for review still does."""

from __future__ import annotations

import pytest

from smart_app.clinical.finding import Status
from tests.builders import RXNORM, UCUM, Json, a_chart, a_concept, a_medication, days_ago, screened
from tests.smart_app.clinical.test_screening_damage import variants

pytestmark = pytest.mark.no_cover

PHENELZINE = "phenelzine 15 MG Oral Tablet"
DOSAGE = {
    "sequence": 1,
    "text": "Take 1 tablet by mouth daily",
    "timing": {
        "repeat": {
            "frequency": 1,
            "period": 1,
            "periodUnit": "d",
            "boundsPeriod": {"start": "2026-10-01", "end": "2027-01-01"},
        }
    },
    "doseAndRate": [{"doseQuantity": {"value": 15, "unit": "mg", "system": UCUM, "code": "mg"}}],
}


def of_type(kind: str, /, **changes: object) -> Json:
    values = {"resourceType": kind, "intent": None, "authoredOn": None, **changes}
    return a_medication("8123", text=PHENELZINE, **values)


AGAINST: dict[str, Json] = {
    "an order": a_medication(
        "8123",
        text=PHENELZINE,
        meta={"versionId": "1"},
        dosageInstruction=[DOSAGE],
        reasonCode=[{"text": "depression"}],
        dispenseRequest={
            "expectedSupplyDuration": {"value": 30, "code": "d"},
            "numberOfRepeatsAllowed": 3,
            "validityPeriod": {"start": "2026-10-01", "end": "2027-01-01"},
        },
    ),
    "a statement": of_type("MedicationStatement", effectivePeriod={"start": "2026-10-01"}, dosage=[DOSAGE]),
    "a statement of one that was stopped": of_type(
        "MedicationStatement", status="stopped", effectivePeriod={"start": "2026-10-01", "end": days_ago(8)}
    ),
    "a dispense": of_type(
        "MedicationDispense",
        status="completed",
        whenHandedOver=days_ago(10),
        daysSupply={"value": 30, "unit": "days", "code": "d"},
    ),
    "a contained medicine": a_medication(
        medicationCodeableConcept=None,
        medicationReference={"reference": "#m"},
        contained=[
            {
                "resourceType": "Medication",
                "id": "m",
                "code": a_concept("8123", RXNORM),
                "ingredient": [{"itemCodeableConcept": {"text": "phenelzine"}}],
            }
        ],
    ),
}


@pytest.mark.parametrize("entry", AGAINST.values(), ids=AGAINST)
def test_no_damage_hides_a_medicine_that_asks_for_review(entry: Json) -> None:
    assert screened(a_chart(entry)).status is Status.NEEDS_REVIEW
    passed = [
        (path, garbage)
        for path, garbage, damaged in variants(entry)
        if screened(a_chart(damaged)).status is Status.CANDIDATE
    ]
    assert passed == []
