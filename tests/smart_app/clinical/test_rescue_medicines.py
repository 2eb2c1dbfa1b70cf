"""Rescue medicines: verified codes, and amounts and units that are asked back."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib.resources import files

import pytest

from smart_app.clinical.rescue_medicines import RESCUE, amount_question


def test_every_code_is_of_the_reviewed_value_sets() -> None:
    folder = files("fhir_mappings").joinpath("value_sets", "medicines")
    known = {
        (each["ingredient"], each.get("rxcui"))
        for name in ("antihypertensive", "antiemetic", "benzodiazepine")
        for each in json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))["ingredients"]
    }
    assert {(key, medicine.code) for key, medicine in RESCUE.items() if medicine.code} <= known


@pytest.mark.parametrize(
    ("key", "amount", "unit", "asked"),
    [
        pytest.param("labetalol", "20", "mg", "", id="usual"),
        pytest.param("labetalol", "81", "mg", "Check: 81 mg of labetalol. Is that right?", id="much"),
        pytest.param("clonidine", "100", "mcg", "", id="in micrograms"),
        pytest.param("clonidine", "100", "mg", "Check: 100 mg of clonidine. Is that right?", id="the wrong unit"),
        pytest.param("oxygen", "2", "L/min", "", id="a flow"),
        pytest.param("oxygen", "2", "mg", "Check: oxygen in mg, not in L/min. Is that right?", id="oxygen in mg"),
        pytest.param("midazolam", "2", "mL", "Check: midazolam in mL, not in mg. Is that right?", id="a volume"),
        pytest.param("midazolam", "5", "mg", "", id="at its limit"),
        pytest.param("other", "500", "mg", "", id="another medicine"),
    ],
)
def test_an_unusual_amount_is_asked_back(key: str, amount: str, unit: str, asked: str) -> None:
    assert amount_question(key, Decimal(amount), unit) == asked
