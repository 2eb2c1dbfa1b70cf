"""What was signed stays, whoever has hands on the database; and no version is kept twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, Table

from fhir_mappings.facts.treatment import Signature
from smart_app.store.tables import countersignatures, session_versions
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.ports import Work
from smart_app.use_cases.records import Countersignature, MessageItem, SessionVersion
from tests.smart_app.store.only_added import CHANGES, assert_not_replaced, assert_stays
from tests.smart_app.store.stored_records import DOCTOR, NOON, a_signed_session, an_audit


def an_item() -> MessageItem:
    return MessageItem(resource_type="Procedure", system="s", value="v", label="Session", body='{"a":0.50}')


def a_version(number: int = 1) -> SessionVersion:
    return SessionVersion(
        id=f"session-1/{number}",
        session="session-1",
        number=number,
        record=replace(a_signed_session(), version=number),
        resources=(an_item(),),
        sha256="ab" * 32,
    )


def a_countersignature() -> Countersignature:
    return Countersignature(
        id="session-1/1/x",
        session="session-1",
        number=1,
        signature=Signature(by=DOCTOR, at=NOON, meaning="review and approval"),
        sha256="ab" * 32,
        resource=an_item(),
    )


def test_versions_come_back_whole_and_in_order(work: Work) -> None:
    with work() as uow:
        uow.versions.add(a_version(1))
        uow.versions.add(a_version(2))
        uow.versions.countersign(a_countersignature())
        uow.audit.add(an_audit())
        uow.commit()
    with work() as uow:
        assert list(uow.versions.of_session("session-1")) == [a_version(1), a_version(2)]
        assert list(uow.versions.countersignatures("session-1")) == [a_countersignature()]
        assert list(uow.versions.of_session("another")) == []


def test_no_version_is_kept_twice(work: Work) -> None:
    with work() as uow:
        uow.versions.add(a_version())
        uow.versions.countersign(a_countersignature())
        with pytest.raises(StaleVersion):
            uow.versions.add(a_version())
        with pytest.raises(StaleVersion):
            uow.versions.countersign(a_countersignature())


@pytest.mark.parametrize("table", ["session_versions", "countersignatures"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove_it(engine: Engine, table: str, change: str) -> None:
    _keep(engine)
    assert_stays(engine, table, change)


@pytest.mark.parametrize("table", [session_versions, countersignatures], ids=lambda table: table.name)
def test_inserting_the_same_id_again_replaces_nothing(engine: Engine, table: Table) -> None:
    _keep(engine)
    assert_not_replaced(engine, table)


def _keep(engine: Engine) -> None:
    with SqlWork(engine)() as uow:
        uow.versions.add(a_version())
        uow.versions.countersign(a_countersignature())
        uow.audit.add(an_audit())
        uow.commit()
