"""What a patient said and what a prescriber decided stays, whoever has hands on the database."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from smart_app.store.tables import answers, overrides
from smart_app.store.unit_of_work import SqlWork
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
@pytest.mark.parametrize("statement", ["UPDATE {} SET body = '{{}}'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_or_remove_it(kept: Engine, table: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="stays"), kept.begin() as connection:
        connection.execute(text(statement.format(table)))
    with SqlWork(kept)() as uow:
        assert list(uow.judgements.answers(ADA)) == [an_answer()]
        assert list(uow.judgements.overrides(ADA)) == [an_override()]


@pytest.mark.parametrize("table", [answers, overrides], ids=lambda table: table.name)
def test_inserting_the_same_id_again_replaces_nothing(kept: Engine, table: object) -> None:
    with kept.connect() as connection:
        row = dict(connection.execute(select(table)).one()._mapping) | {"body": "{}"}  # type: ignore[call-overload]
    again = insert(table)  # type: ignore[arg-type]
    if kept.dialect.name == "sqlite":
        again = again.prefix_with("OR REPLACE")
    with pytest.raises(DBAPIError, match=r"stays|duplicate"), kept.begin() as connection:
        connection.execute(again.values(**row))
    with SqlWork(kept)() as uow:
        assert list(uow.judgements.answers(ADA)) == [an_answer()]
