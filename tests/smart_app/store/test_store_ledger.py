"""The ledger in every store: digits stay, rows stay, and two hands cannot draw from a vial at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, Table

from smart_app.clinical.ledger import NotPosted, Row, balance, post
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.store.tables import ledger, vials
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.ports import Work
from tests.smart_app.clinical.vials import NOON, a_posting, a_vial, posted
from tests.smart_app.store.only_added import CHANGES, assert_not_replaced, assert_stays
from tests.smart_app.store.stored_records import an_audit


def keep(work: Work, *rows: Row) -> None:
    with work() as uow:
        if uow.ledger.vial("vial-1") is None:
            uow.ledger.add_vial(a_vial())
        for row in rows:
            uow.ledger.add(row)
        uow.audit.add(an_audit())
        uow.commit()


def test_rows_come_back_in_their_order_with_every_digit(work: Work) -> None:
    rows = posted(a_posting(administered=Decimal("41.00"), wasted=Decimal("0.50")))
    keep(work, *rows)
    with work() as uow:
        assert list(uow.ledger.of_vial("vial-1")) == list(rows)
        assert [str(row.balance) for row in uow.ledger.of_vial("vial-1")] == ["500", "458.50"]
        assert list(uow.ledger.of_session("session-1")) == [rows[1]]
        assert list(uow.ledger.vials("demo")) == [(a_vial(), rows[1])]
        assert uow.ledger.vial("vial-1") == a_vial()
        assert (uow.ledger.vial("vial-2"), list(uow.ledger.vials("other"))) == (None, [])
        assert (uow.ledger.next_number("demo"), uow.ledger.next_number("other")) == (2, 1)
        assert list(uow.ledger.ehrs()) == ["demo"]


def test_a_thousand_amounts_keep_their_digits(work: Work) -> None:
    amounts = [Decimal(f"{number / 100:.2f}") for number in range(1, 990)]
    amounts += [
        Decimal(each) for each in ("0.50", "1.10", "19", "0.0000001", "1E-7", "5.00", "0.1000", "7", "50.0", "3")
    ]
    amounts += [Decimal("123.4567")]
    with work() as uow:
        for number in range(0, len(amounts), 25):
            vial = a_vial(id=f"vial-{number}", number=number + 1, volume=Decimal(1000))
            uow.ledger.add_vial(vial)
            doses = [
                a_posting(id=f"row-{number}-{place}", vial=vial.id, administered=amount, wasted=amount)
                for place, amount in enumerate(amounts[number : number + 25])
            ]
            for row in posted(*doses, vial=vial):
                uow.ledger.add(row)
        uow.audit.add(an_audit())
        uow.commit()
    with work() as uow:
        kept = [row for number in range(0, len(amounts), 25) for row in uow.ledger.of_vial(f"vial-{number}")[1:]]
    assert [(str(each.administered), str(each.wasted)) for each in kept] == [(str(a), str(a)) for a in amounts]
    assert len(amounts) == 1000


def test_an_empty_vial_is_open_no_more(work: Work) -> None:
    rows = posted(a_posting(administered=Decimal("491.00")))
    keep(work, rows[0])
    with work() as uow:
        assert [vial.id for vial, _ in uow.ledger.open_vials("demo")] == ["vial-1"]
    keep(work, rows[1])
    with work() as uow:
        assert list(uow.ledger.open_vials("demo")) == []
        assert [row.balance for _, row in uow.ledger.vials("demo")] == [0]


def test_rows_are_found_by_the_time_of_the_act(work: Work) -> None:
    day = timedelta(days=1)
    rows = posted(a_posting(at=NOON + day, entered=NOON + 2 * day))
    keep(work, *rows)
    with work() as uow:
        assert list(uow.ledger.between("demo", NOON, NOON + day)) == [rows[0]]
        assert list(uow.ledger.between("demo", NOON + day, NOON + 2 * day)) == [rows[1]]
        assert list(uow.ledger.between("other", NOON, NOON + 2 * day)) == []


def test_two_rows_cannot_follow_the_same_one(work: Work) -> None:
    first, second = (posted(a_posting(id=name))[1] for name in ("one", "two"))
    keep(work, posted()[0], first)
    with work() as uow, pytest.raises(StaleVersion):
        uow.ledger.add(second)


@pytest.fixture
def entered(engine: Engine) -> Engine:
    keep(SqlWork(engine), *posted(a_posting()))
    return engine


@pytest.mark.parametrize("table", ["vials", "ledger"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove_a_row(entered: Engine, table: str, change: str) -> None:
    assert_stays(entered, table, change)


@pytest.mark.parametrize("table", [vials, ledger], ids=lambda table: table.name)
def test_inserting_in_the_place_of_a_row_replaces_nothing(entered: Engine, table: Table) -> None:
    assert_not_replaced(entered, table)
    assert_not_replaced(entered, table, id="another", seq=99)


def test_sessions_that_draw_at_once_cannot_overdraw(engine: Engine) -> None:
    """Each of eight wants 100 of 500 mg: five get it, and the vial ends empty."""
    work, together, outcomes = SqlWork(engine), Barrier(8), []
    keep(work, *posted())

    def draw(name: str) -> None:
        together.wait()
        posting = a_posting(id=name, administered=Decimal(91))
        try:
            with work() as uow:
                uow.ledger.add(post(a_vial(), uow.ledger.of_vial("vial-1"), posting, LedgerRules()))
                uow.audit.add(an_audit())
                uow.commit()
        except NotPosted:
            outcomes.append("refused")
        else:
            outcomes.append("drawn")

    threads = [Thread(target=draw, args=(f"row-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["drawn"] * 5 + ["refused"] * 3
    with work() as uow:
        assert balance(uow.ledger.of_vial("vial-1")) == 0
