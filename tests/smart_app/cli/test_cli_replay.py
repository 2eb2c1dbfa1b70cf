"""`ketamine-pathway replay` over a real database: its words, its exit codes, and its audit record."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text

from smart_app.cli import main
from smart_app.store.engine import open_engine
from smart_app.store.opened import Store, open_store
from smart_app.use_cases.records import StoredScreening
from smart_app.use_cases.screening.screen_patient import screen_patient
from tests.builders import a_chart, a_condition
from tests.smart_app.use_cases.a_screened_patient import HOLM, OneChart, Screened

BASE_URL = "https://pathway.example"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KP_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def screening(data: Path) -> StoredScreening:
    """Made by a server that has stopped since."""
    store = opened(data)
    chart = OneChart(*a_chart(a_condition("F20.9", id="scz")))

    async def run() -> StoredScreening:
        return await screen_patient(store.work, Screened().clock, HOLM, chart, Screened().site)  # type: ignore[arg-type]

    try:
        made = anyio.run(run)
    finally:
        store.close()
    return made


def opened(data: Path) -> Store:
    return open_store(
        f"sqlite:///{data / 'ketamine-pathway.db'}",
        base_url=BASE_URL,
        sealing_keys=data / "sealing.keys",
        client_secrets=data / "client-secrets",
        clock=Screened().clock,
    )


def test_the_same_screening_comes_out_again(screening: StoredScreening, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", screening.id]) == 0
    told = capsys.readouterr().out
    assert f"Screening {screening.id}: contraindicated as of 2026-11-23" in told
    assert "with the site's settings of then: the same." in told
    assert "of today: nothing differs." in told


def test_what_today_s_settings_change_is_told(
    data: Path, screening: StoredScreening, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "site.toml").write_text("[rules.HOLD-BP]\nsbp = 110\n")
    assert main(["replay", screening.id, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"] is True
    assert "HOLD-BP" in [change["what"] for change in told["today"]]


def test_a_record_that_was_altered_is_told_by_the_exit_code(
    data: Path, screening: StoredScreening, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(f"sqlite:///{data / 'ketamine-pathway.db'}")
    with engine.begin() as connection:
        changed = (
            'UPDATE screenings SET body = replace(body, \'"status":"contraindicated"\', \'"status":"candidate"\')'
        )
        connection.execute(text(changed))
    engine.dispose()
    assert main(["replay", screening.id]) == 1
    told = capsys.readouterr().out
    assert "NOT the same" in told
    assert "then: candidate" in told


def test_a_damaged_record_is_one_line_without_what_it_holds(
    data: Path, screening: StoredScreening, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(f"sqlite:///{data / 'ketamine-pathway.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE screenings SET body = substr(body, 1, length(body) - 9)"))
    engine.dispose()
    assert main(["replay", screening.id]) == 2
    told = capsys.readouterr().err
    words = "a StoredScreening in the database cannot be read: it is damaged"
    assert told == f"ketamine-pathway: {screening.id}: {words}\n"


def test_it_leaves_an_audit_record(data: Path, screening: StoredScreening) -> None:
    main(["replay", screening.id])
    store = opened(data)
    try:
        with store.work() as uow:
            newest = uow.audit.of_patient(HOLM.patient)[0]
    finally:
        store.close()
    assert newest.action == "operator:screening:replay"


def test_a_copy_of_the_folder_serves_as_well(
    data: Path, screening: StoredScreening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KP_DATA")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "ketamine-pathway.db").write_bytes((data / "ketamine-pathway.db").read_bytes())
    (copy / "ketamine-pathway.db").chmod(0o600)
    assert main(["replay", screening.id, "--data", str(copy)]) == 0


def test_asking_makes_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "any", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("ketamine-pathway.db: there is no such database\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("screening")
def test_an_unknown_screening_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "no-such-id"]) == 2
    assert capsys.readouterr().err == "ketamine-pathway: no-such-id: there is no such screening\n"


def test_a_running_server_keeps_its_database(
    data: Path, screening: StoredScreening, capsys: pytest.CaptureFixture[str]
) -> None:
    server = opened(data)
    try:
        assert main(["replay", screening.id]) == 2
    finally:
        server.close()
    assert "another process has this database open" in capsys.readouterr().err
