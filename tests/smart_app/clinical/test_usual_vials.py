"""Usual vials pass; a slip of the finger in strength or size is asked back at its field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_mappings.facts.treatment import Drug
from smart_app.clinical.usual_vials import vial_questions


@pytest.mark.parametrize(
    ("concentration", "volume"), [("10", "20"), ("50", "10"), ("50.0", "10.00"), ("100", "5"), ("100", "10")]
)
def test_usual_vials_are_not_asked_back(concentration: str, volume: str) -> None:
    assert vial_questions(Drug.KETAMINE, Decimal(concentration), Decimal(volume)) == {}


@pytest.mark.parametrize(
    ("drug", "concentration", "volume", "field", "words"),
    [
        (Drug.KETAMINE, "5", "10", "concentration", "Check: 5 mg/mL. Ketamine usually has 10, 50 or 100 mg/mL."),
        (Drug.KETAMINE, "200", "10", "concentration", "Check: 200 mg/mL."),
        (Drug.KETAMINE, "50", "100", "volume", "Check: 100 mL. A vial of 50 mg/mL usually holds 10 mL."),
        (Drug.KETAMINE, "10", "10", "volume", "usually holds 20 mL."),
        (Drug.KETAMINE, "100", "20", "volume", "usually holds 5 or 10 mL."),
        (Drug.ESKETAMINE, "50", "10", "concentration", "Esketamine usually has 140 mg/mL."),
    ],
)
def test_others_are(drug: Drug, concentration: str, volume: str, field: str, words: str) -> None:
    asked = vial_questions(drug, Decimal(concentration), Decimal(volume))
    assert list(asked) == [field]
    assert words in asked[field]
