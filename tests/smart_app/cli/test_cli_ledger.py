"""The ledger on the command line: a log of a span of days, and whether every vial adds up."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from smart_app.cli.main import main
from smart_app.clinical.ledger import Row
from smart_app.store.engine import open_engine
from smart_app.store.migrations import migrate
from smart_app.store.tables import ledger
from smart_app.store.unit_of_work import SqlWork
from tests.smart_app.clinical.vials import BASE, NOON, a_posting, a_vial, an_audit_record, posted
from tests.smart_app.store.stored_records import a_screening

PERSON = {"family": "=Larsen", "given": "Ada", "address": "1 Elm Street"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KP_ZONE", "America/Chicago")
    monkeypatch.delenv("KP_DATABASE", raising=False)
    patient = f"{BASE}/Patient/ada"
    rows = posted(
        a_posting(administered=Decimal("41.00"), wasted=Decimal("0.50"), patient=patient),
        a_posting(id="late", at=NOON + timedelta(days=3), entered=NOON + timedelta(days=3)),
    )
    engine = open_engine(f"sqlite:///{tmp_path / 'ketamine-pathway.db'}")
    migrate(engine)
    keep(engine, rows, patient)
    engine.dispose()
    return tmp_path


def keep(engine: object, rows: tuple[Row, ...], patient: str) -> None:
    with SqlWork(engine)() as uow:  # type: ignore[arg-type]  # an engine
        uow.ledger.add_vial(a_vial())
        for row in rows:
            uow.ledger.add(row)
        uow.screenings.add(a_screening(patient=patient, person=PERSON))
        uow.audit.add(an_audit_record(NOON))
        uow.commit()


def trail(data: Path) -> list[tuple[str, str | None]]:
    engine = open_engine(f"sqlite:///{data / 'ketamine-pathway.db'}")
    with SqlWork(engine)() as uow:
        found = [(each.action, each.patient) for each in uow.audit.of_patient(f"{BASE}/Patient/ada")]
    engine.dispose()
    return found


def exported(data: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["ledger", "export", "--data", str(data), "--from", "2026-11-01", "--to", "2026-11-02", *more]) == 0
    return capsys.readouterr().out


def test_the_log_has_the_columns_of_paper(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = exported(data, capsys)
    assert said.startswith("\ufeff")
    received, dose = csv.DictReader(io.StringIO(said.lstrip("\ufeff")))
    assert (received["received mg"], received["received from"], received["patient"]) == (
        "500",
        "Riverside Pharmacy",
        "",
    )
    names = ("drawn mg", "administered mg", "wasted mg", "returned mg", "balance mg", "initials", "witness")
    assert [dose[name] for name in names] == ["41.50", "41.00", "0.50", "0", "458.50", "NN", "Col League"]
    assert (dose["act at"], dose["patient address"]) == ("2026-11-02 12:00", "1 Elm Street")
    assert dose["patient"] == "'=Larsen, Ada", "a spreadsheet must not take it for a formula"
    assert ("operator:ledger:export", f"{BASE}/Patient/ada") in trail(data)


def test_json_holds_the_same(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(exported(data, capsys, "--format", "json"))
    assert [row["administered mg"] for row in found["demo"]] == ["0", "41.00"]


def test_every_vial_adds_up(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "check", "--data", str(data)]) == 0
    assert capsys.readouterr().out == "1 vial: every row adds up.\n"


def test_a_row_that_somebody_changed_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_engine(f"sqlite:///{data / 'ketamine-pathway.db'}")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER ledger_no_update"))
        changed = ledger.update().where(ledger.c.number == 2)
        body = str(connection.scalar(ledger.select().with_only_columns(ledger.c.body).where(ledger.c.number == 2)))
        connection.execute(changed.values(body=body.replace('"41.00"', '"31.00"')))
    engine.dispose()
    assert main(["ledger", "check", "--data", str(data)]) == 1
    said = capsys.readouterr().out
    assert "demo: vial 1, row 2 (row-dose)" in said
    assert "adds up to 468.50 mg" in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--from", "2026-11-03"], "before the first one"),
        (["--from", "2020-01-01"], "three years at most"),
        (["--ehr", "nowhere"], "nowhere: no vial"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    given = ["ledger", "export", "--data", str(data), "--from", "2026-11-01", "--to", "2026-11-02", *more]
    assert main(given) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_without_a_database_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "check", "--data", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []
    assert "no such database" in capsys.readouterr().err
