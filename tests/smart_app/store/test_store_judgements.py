"""What a patient said and what a prescriber decided stays, whoever has hands on the database."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, Table

from smart_app.store.tables import answers, overrides
from smart_app.store.unit_of_work import SqlWork
from tests.smart_app.store.only_added import CHANGES, assert_not_replaced, assert_stays
from tests.smart_app.store.stored_records import ADA, an_answer, an_audit, an_override


@pytest.fixture
def kept(engine: Engine) -> Engine:
    with SqlWork(engine)() as uow:
        uow.judgements.add_answer(an_answer())
        uow.judgements.add_override(an_override())
        uow.audit.add(an_audit())
        uow.commit()
    return engine


@pytest.mark.parametrize("table", ["answers", "overrides"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove_it(kept: Engine, table: str, change: str) -> None:
    assert_stays(kept, table, change)
    with SqlWork(kept)() as uow:
        assert list(uow.judgements.answers(ADA)) == [an_answer()]
        assert list(uow.judgements.overrides(ADA)) == [an_override()]


@pytest.mark.parametrize("table", [answers, overrides], ids=lambda table: table.name)
def test_inserting_the_same_id_again_replaces_nothing(kept: Engine, table: Table) -> None:
    assert_not_replaced(kept, table)
    with SqlWork(kept)() as uow:
        assert list(uow.judgements.answers(ADA)) == [an_answer()]
