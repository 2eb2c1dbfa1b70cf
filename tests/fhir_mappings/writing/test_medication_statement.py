"""What a patient says of doses taken alone: as it is written, read back by this app, and kept by an R4 server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings import wire
from fhir_mappings.facts.titration import DoseLog, Taken, TitrationStep
from fhir_mappings.facts.treatment import Purpose, Route
from fhir_mappings.reading.patient_facts import patient_facts
from fhir_mappings.writing.care_plan import care_plan
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.medication_statement import adherence_words, statement_resources
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, INSTANCE, a_course, an_id

LOG = DoseLog(
    id="log-1",
    patient=f"{EHR}/Patient/p9",
    course=an_id(1),
    first=date(2026, 11, 2),
    last=date(2026, 11, 8),
    taken=Taken.PARTLY,
    missed=2,
    mg=Decimal("12.50"),
    source="by telephone",
    entered=datetime(2026, 11, 9, 10, 0, tzinfo=UTC),
    by=DOCTOR,
)


def written(log: DoseLog = LOG) -> dict[str, Any]:
    return wire.decode(statement_resources(log, INSTANCE)[0].body)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Taken on 5 of 7 days, as the patient said by telephone. No side effects were named."),
        ({"last": LOG.first, "missed": 0, "taken": Taken.ALL}, "Taken on 1 of 1 day, as"),
        ({"more": True}, "More than ordered was taken."),
        ({"effects": "dizzy\x00 "}, "Side effects: dizzy."),
        ({"words": "Away from home."}, "Away from home."),
    ],
)
def test_adherence_stands_in_the_note(changes: dict[str, Any], words: str) -> None:
    assert words in adherence_words(replace(LOG, **changes))
    assert written(replace(LOG, **changes))["note"][0]["text"] == adherence_words(replace(LOG, **changes))


def test_amounts_keep_their_digits() -> None:
    made = written()
    assert str(made["dosage"][0]["doseAndRate"][0]["doseQuantity"]["value"]) == "12.50"
    assert made["dosage"][0]["text"] == "12.50 mg sublingual once a day"


@pytest.mark.parametrize(
    ("without", "types"),
    [
        (frozenset(), ["MedicationStatement", "Provenance"]),
        (frozenset({"Provenance"}), ["MedicationStatement"]),
        (frozenset({"MedicationStatement"}), []),
    ],
)
def test_what_may_not_be_written_is_left_out(without: frozenset[str], types: list[str]) -> None:
    assert [one.resource_type for one in statement_resources(LOG, INSTANCE, without=without)] == types


def test_a_span_that_ends_before_it_begins_is_not_written() -> None:
    with pytest.raises(Unwritable):
        statement_resources(replace(LOG, last=date(2026, 11, 1)), INSTANCE)


@pytest.mark.parametrize("taken", Taken)
def test_read_back_it_is_no_medicine_that_is_taken_now(taken: Taken) -> None:
    """Else a screening would take what this app ordered for ketamine from elsewhere."""
    missed = {Taken.ALL: 0, Taken.PARTLY: 2, Taken.NONE: 7}[taken]
    resource = written(replace(LOG, taken=taken, missed=missed)) | {"id": "1"}
    resource.pop("basedOn")
    facts = patient_facts([resource], as_of=date(2026, 11, 9), patients=(LOG.patient,))
    assert [use.current for use in facts.medications] == ([] if taken is Taken.NONE else [False])
    assert not [gap for gap in facts.gaps if gap.reference == "MedicationStatement/1"]


def test_the_plan_holds_each_step_of_the_titration() -> None:
    steps = (
        TitrationStep(
            number=1, mg=Decimal(25), first=date(2026, 11, 2), last=date(2026, 11, 11), by=DOCTOR, at=LOG.entered
        ),
        TitrationStep(number=2, mg=Decimal("37.5"), first=date(2026, 11, 12), by=DOCTOR, at=LOG.entered),
    )
    course = replace(
        a_course(planned=(), route=Route.SL, purpose=Purpose.MAINTENANCE, follows=an_id(2)), titration=steps
    )
    plan = wire.decode(care_plan(course, INSTANCE, procedures={}).body)
    details = [each["detail"] for each in plan["activity"]]
    assert [each["code"]["text"] for each in details] == [
        "Sublingual ketamine, titration step 1",
        "Sublingual ketamine, titration step 2",
    ]
    assert details[0]["scheduledPeriod"] == {"start": "2026-11-02", "end": "2026-11-11"}
    assert [each["status"] for each in details] == ["completed", "in-progress"]
    assert plan["title"].startswith("Ketamine maintenance:")
    named = [each["identifier"]["value"] for each in plan["supportingInfo"] if each["type"] == "CarePlan"]
    assert named == [an_id(2)]
