"""What was asked and measured between sessions: kept once, in order, and never changed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine

from smart_app.store.tables import care_entries
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.records import CareEntry, CareKind
from tests.smart_app.store.only_added import CHANGES, assert_not_replaced, assert_stays
from tests.smart_app.store.stored_records import ADA, BEN, DOCTOR, NOON, an_audit

ASKED = CareEntry(
    id="care-1",
    ehr="demo",
    patient=ADA,
    kind=CareKind.URINARY,
    day=date(2026, 11, 23),
    at=NOON,
    by=DOCTOR,
    fields={"symptoms": "no", "note": ""},
)


@pytest.fixture
def kept(engine: Engine) -> Engine:
    with SqlWork(engine)() as uow:
        assert uow.care.add(ASKED)
        assert not uow.care.add(ASKED)
        uow.audit.add(an_audit())
        uow.commit()
    return engine


def test_they_come_back_whole(kept: Engine) -> None:
    with SqlWork(kept)() as uow:
        assert list(uow.care.of_patient(ADA)) == [ASKED]
        assert list(uow.care.of_patient(BEN)) == []


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove_it(kept: Engine, change: str) -> None:
    assert_stays(kept, "care_entries", change)


def test_inserting_the_same_id_again_replaces_nothing(kept: Engine) -> None:
    assert_not_replaced(kept, care_entries)
