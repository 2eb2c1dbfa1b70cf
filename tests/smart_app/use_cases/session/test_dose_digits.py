"""A thousand amounts keep every digit from the form through the stored text to the bytes that are sent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from fhir_mappings import wire
from fhir_mappings.writing.medication_administration import medication_administration
from smart_app.store.rows import from_text, to_text
from smart_app.use_cases.ledger.stock import ELSEWHERE
from smart_app.use_cases.records import StoredSession
from smart_app.use_cases.session.session_record import record
from tests.smart_app.use_cases.a_clinic import DEE, MONDAY, Clinic

FIELDS = (
    "dose.planned_mg_per_kg",
    "dose.weight_kg",
    "dose.planned_mg",
    "dose.given_mg",
    "dose.concentration",
    "dose.volume_ml",
    "dose.wasted_mg",
)
ODD = (
    "0.50",
    "1.10",
    "19",
    "0.0001",
    "5.00",
    "0.1000",
    "100",
    "999999.9999",
    "41.0",
    "00.50",
    "1.0",
    "10",
    "120.000",
)


def amounts() -> list[str]:
    chance = Random(20261123)  # noqa: S311  # amounts of a test, not secrets
    made = [f"{chance.randrange(1, 10 ** chance.randrange(1, 7))}" for _ in range(200)]
    made += [
        f"{chance.randrange(0, 999)}.{chance.randrange(1, 10**4):04d}"[: chance.randrange(6, 9)] for _ in range(794)
    ]
    return [*ODD, *(each.rstrip(".") for each in made)]


def test_a_thousand_amounts_keep_their_digits() -> None:
    clinic = Clinic()
    clinic.enrolled()
    session = clinic.recorded(MONDAY)
    session = clinic.save(session, {"dose.second_person": "Wes Witness", "dose.confirm": "yes"})
    typed = amounts()
    assert len(typed) > 1000
    for place in range(0, len(typed) - len(FIELDS), len(FIELDS)):
        these = dict(zip(FIELDS, typed[place : place + len(FIELDS)], strict=True))
        fields = {**session.fields, **these, "dose.confirm": "yes"}
        kept = from_text(StoredSession, to_text(replace(session, fields=fields)))
        made = record(kept, clinic.course, DEE.clinician, clinic.now, clinic.site.limits, ELSEWHERE)
        assert made.dose is not None
        sent = wire.encode(medication_administration(made, made.dose, clinic.site.instance))
        back = wire.decode(sent)
        parts = {part["url"]: part for extension in back["extension"] for part in extension["extension"]}
        names = ("perKilogram", "weight", "planned", None, "concentration", "volume", "amount")
        for name, said in zip(names, these.values(), strict=True):
            found = parts[name]["valueQuantity"]["value"] if name else back["dosage"]["dose"]["value"]
            assert str(found) == str(Decimal(said)), (name, said)


@pytest.mark.parametrize("said", ["1e-7", "1e2", "4١", "0,5", ".5", "5.", "1 000", "٤١", "NaN", "-0"])
def test_what_is_no_plain_number_is_refused_rather_than_guessed(said: str) -> None:
    clinic = Clinic()
    clinic.enrolled()
    session = clinic.save(clinic.recorded(MONDAY), {"dose.given_mg": said})
    with pytest.raises(Exception, match="missing"):
        record(session, clinic.course, DEE.clinician, clinic.now, clinic.site.limits, ELSEWHERE)
