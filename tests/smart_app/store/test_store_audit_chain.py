"""The audit trail refuses changes, and shows those that were made all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from smart_app.store import audit as trail
from smart_app.store.engine import writing
from smart_app.store.tables import audit, audit_head
from tests.smart_app.store.stored_records import ADA, BEN, an_audit, later

RECORDS = 5


@pytest.fixture
def chain(engine: Engine) -> Iterator[Engine]:
    with writing(engine) as connection:
        for number in range(RECORDS):
            trail.append(connection, an_audit(detail=f"record {number}", at=later(number)))
    yield engine
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE audit ENABLE TRIGGER ALL"))


def unguard(engine: Engine) -> None:
    """What an intruder with every right on the database would do first."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        else:
            for name in ("audit_no_update", "audit_no_delete", "audit_in_order"):
                connection.execute(text(f"DROP TRIGGER {name}"))


def row_of(engine: Engine, seq: int) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(connection.execute(select(audit).where(audit.c.seq == seq)).one()._mapping)


def change(engine: Engine, seq: int, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(update(audit).where(audit.c.seq == seq).values(**values))


def remove(engine: Engine, *seqs: int) -> None:
    with engine.begin() as connection:
        connection.execute(delete(audit).where(audit.c.seq.in_(seqs)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET body = '{}' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 5",
        "DELETE FROM audit",
    ],
)
def test_the_database_refuses_to_change_or_delete_records(chain: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), chain.begin() as connection:
        connection.execute(text(statement))
    assert trail.verify(chain) == trail.ChainCheck(records=RECORDS)


def test_a_record_cannot_be_replaced_by_inserting_its_number_again(chain: Engine) -> None:
    twin = row_of(chain, 2)
    statement = insert(audit).prefix_with("OR REPLACE").values(**twin)
    if chain.dialect.name == "postgresql":
        again = postgresql.insert(audit).values(**twin)
        statement = again.on_conflict_do_update(index_elements=["seq"], set_={"body": "{}"})
    with pytest.raises(DBAPIError, match="append-only"), chain.begin() as connection:
        connection.execute(statement)


def test_nor_by_a_program_that_does_not_set_the_connection_up_as_we_do(sqlite_engine: Engine, tmp_path: Path) -> None:
    with writing(sqlite_engine) as connection:
        trail.append(connection, an_audit())
    with closing(sqlite3.connect(tmp_path / "app.db")) as other:
        columns = "seq, at, patient, body, prev_hash, hash"
        statement = "INSERT OR REPLACE INTO audit (COLUMNS) SELECT COLUMNS FROM audit WHERE seq = 1"
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement.replace("COLUMNS", columns))


def test_the_table_cannot_be_truncated(postgresql_engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="append-only"), postgresql_engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))


def test_an_untouched_chain_is_whole_and_numbered_without_gaps(chain: Engine) -> None:
    assert trail.verify(chain).whole
    assert [row_of(chain, seq)["seq"] for seq in range(1, RECORDS + 1)] == [1, 2, 3, 4, 5]
    assert trail.checkpoint(chain).seq == RECORDS


def test_an_empty_chain_is_whole(engine: Engine) -> None:
    assert trail.verify(engine) == trail.ChainCheck(records=0)


def test_a_rolled_back_record_leaves_no_gap(chain: Engine) -> None:
    with pytest.raises(KeyError), writing(chain) as connection:
        _append_and_fail(connection)
    with writing(chain) as connection:
        trail.append(connection, an_audit())
    assert trail.verify(chain) == trail.ChainCheck(records=RECORDS + 1)


def _append_and_fail(connection: Any) -> None:
    trail.append(connection, an_audit())
    raise KeyError


@pytest.mark.parametrize("seq", range(1, RECORDS + 1))
def test_an_edited_text_shows(chain: Engine, seq: int) -> None:
    unguard(chain)
    change(chain, seq, body=row_of(chain, seq)["body"].replace("record", "rekord"))
    assert trail.verify(chain).broken_at == seq


@pytest.mark.parametrize("values", [{"patient": BEN}, {"patient": None}, {"at": later(-9999)}])
def test_a_record_hidden_from_its_patient_or_time_shows(chain: Engine, values: dict[str, Any]) -> None:
    unguard(chain)
    change(chain, 3, **values)
    assert trail.verify(chain).broken_at == 3


@pytest.mark.parametrize("seq", range(1, RECORDS + 1))
def test_a_deleted_record_shows(chain: Engine, seq: int) -> None:
    unguard(chain)
    remove(chain, seq)
    assert trail.verify(chain).broken_at == seq


def test_a_lost_tail_shows(chain: Engine) -> None:
    unguard(chain)
    remove(chain, 4, 5)
    check = trail.verify(chain)
    assert (check.broken_at, check.problem) == (4, "records are missing at the end")


def test_two_swapped_records_show(chain: Engine) -> None:
    unguard(chain)
    second, third = row_of(chain, 2), row_of(chain, 3)
    for seq, other in ((2, third), (3, second)):
        change(chain, seq, **{name: value for name, value in other.items() if name != "seq"})
    assert trail.verify(chain).broken_at == 2


def test_an_inserted_record_shows(chain: Engine) -> None:
    unguard(chain)
    last = row_of(chain, RECORDS)
    forged = {**last, "seq": RECORDS + 1, "prev_hash": last["hash"], "hash": trail.link(last["hash"], last["body"])}
    with chain.begin() as connection:
        connection.execute(insert(audit).values(**forged))
    assert not trail.verify(chain).whole


def test_a_chain_made_anew_shows_against_a_checkpoint_kept_outside(chain: Engine) -> None:
    kept_outside = trail.checkpoint(chain)
    unguard(chain)
    change(chain, 2, body=row_of(chain, 2)["body"].replace("record", "rekord"))
    _stamp_anew(chain)
    assert trail.verify(chain).whole
    assert trail.verify(chain, against=kept_outside).broken_at == RECORDS


def test_a_tail_cut_off_with_its_head_shows_against_a_checkpoint(chain: Engine) -> None:
    kept_outside = trail.checkpoint(chain)
    unguard(chain)
    remove(chain, RECORDS)
    _stamp_anew(chain)
    assert trail.verify(chain).whole
    assert trail.verify(chain, against=kept_outside).broken_at == RECORDS


def test_a_chain_that_grew_still_agrees_with_an_older_checkpoint(chain: Engine) -> None:
    kept_outside = trail.checkpoint(chain)
    with writing(chain) as connection:
        trail.append(connection, an_audit(patient=ADA))
    assert trail.verify(chain, against=kept_outside).whole


def test_a_long_chain_is_checked_to_its_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_BATCH", 2)
    for records in (2, 3, 4):
        with writing(engine) as connection:
            while trail.head(connection).seq < records:
                trail.append(connection, an_audit())
        assert trail.verify(engine) == trail.ChainCheck(records=records)


def _stamp_anew(engine: Engine) -> None:
    with engine.begin() as connection:
        prev_hash, last = trail.START, 0
        for row in connection.execute(select(audit).order_by(audit.c.seq)).all():
            digest = trail.link(prev_hash, row.body)
            stamp = update(audit).where(audit.c.seq == row.seq).values(prev_hash=prev_hash, hash=digest)
            connection.execute(stamp)
            prev_hash, last = digest, row.seq
        connection.execute(update(audit_head).values(seq=last, hash=prev_hash))
