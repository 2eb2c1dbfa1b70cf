"""Launches as launch.context asks for them, and what of them can be read in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select, update

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from launch.context import Handover, LaunchStore
from smart_app.store import audit
from smart_app.store.errors import SealBroken
from smart_app.store.launches import SqlLaunches
from smart_app.store.rows import from_text
from smart_app.store.sealing import Sealer, SealingKey
from smart_app.store.tables import audit as audit_rows
from smart_app.store.tables import handovers, pending_launches, tokens
from smart_app.store.unit_of_work import SqlWork
from tests.smart_app.store.stored_records import (
    NOON,
    a_caller,
    a_launch,
    a_pending_launch,
    an_audit,
    later,
    some_tokens,
)

SESSION = "ef" * 32
OLD, NEW = SealingKey.generate(), SealingKey.generate()


@pytest.fixture
def launches(engine: Engine) -> SqlLaunches:
    return SqlLaunches(engine, Sealer([OLD]), lambda: NOON)


def test_a_begun_launch_is_taken_once(launches: LaunchStore) -> None:
    launches.keep_pending(a_pending_launch())
    assert launches.take_pending("00" * 32) is None
    assert launches.take_pending("ab" * 32) == a_pending_launch()
    assert launches.take_pending("ab" * 32) is None


def test_launches_that_were_never_finished_are_forgotten_after_a_day(engine: Engine, launches: LaunchStore) -> None:
    launches.keep_pending(a_pending_launch())
    launches.keep_pending(a_pending_launch(state_digest="11" * 32, created=later(80_000), expires=later(80_600)))
    assert len(_all(engine, pending_launches)) == 2
    launches.keep_pending(a_pending_launch(state_digest="22" * 32, created=later(90_000), expires=later(90_600)))
    assert {row.state_digest for row in _all(engine, pending_launches)} == {"11" * 32, "22" * 32}


def test_a_granted_launch_comes_back_with_its_tokens(launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    assert launches.find("launch-1") == a_launch()
    assert launches.tokens("launch-1") == some_tokens()
    assert launches.find("launch-2") is None
    assert launches.tokens("launch-2") is None


def test_one_at_a_time_may_refresh_and_a_refresh_ends_the_claim(launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    assert launches.claim_renewal("launch-1", version=1, now=NOON, until=later(30))
    assert not launches.claim_renewal("launch-1", version=1, now=later(29), until=later(59)), "still held"
    assert launches.claim_renewal("launch-1", version=1, now=later(30), until=later(60)), "whoever held it died"
    launches.leave_renewal("launch-1", version=1)
    assert launches.claim_renewal("launch-1", version=1, now=later(31), until=later(61))
    assert launches.replace_tokens("launch-1", some_tokens(version=2))
    assert not launches.claim_renewal("launch-1", version=1, now=later(32), until=later(62)), "the token is spent"
    assert launches.claim_renewal("launch-1", version=2, now=later(32), until=later(62))
    assert not launches.claim_renewal("launch-2", version=1, now=NOON, until=later(30))


def test_a_hand_over_is_taken_once_and_lies_sealed(engine: Engine, launches: LaunchStore) -> None:
    handover = Handover(ehr="demo", iss="https://ehr.example/fhir", launch="LAUNCH-secret", expires=later(60))
    launches.keep_handover("ab" * 32, handover)
    assert "LAUNCH-secret" not in str(_all(engine, handovers))
    assert launches.take_handover("00" * 32) is None
    assert launches.take_handover("ab" * 32) == handover
    assert launches.take_handover("ab" * 32) is None


def test_a_session_that_moves_leaves_its_old_browser_and_an_audit_record(
    engine: Engine, launches: LaunchStore
) -> None:
    framed = replace(a_launch(), need_patient_banner=False)
    launches.complete(framed, some_tokens(), SESSION)
    assert launches.move_session("launch-1", "99" * 32)
    assert launches.find("launch-1") == replace(framed, need_patient_banner=True), "no EHR is around the window"
    assert launches.session_matches("launch-1", "99" * 32)
    assert not launches.session_matches("launch-1", SESSION)
    (row,) = _all(engine, audit_rows)
    assert from_text(AuditRecord, row.body).action == "clinician:launch:move"
    launches.end("launch-1")
    assert not launches.move_session("launch-1", SESSION)


def test_a_launch_belongs_to_one_browser(launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    launches.complete(a_launch(id="launch-2"), some_tokens(), "99" * 32)
    assert launches.session_matches("launch-1", SESSION)
    assert not launches.session_matches("launch-1", "99" * 32)
    assert not launches.session_matches("launch-3", SESSION)
    assert not launches.session_matches("launch-1", "é")


def test_refreshed_tokens_replace_only_the_version_before(launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    second = some_tokens(access_token="second", version=2)
    assert launches.replace_tokens("launch-1", second)
    assert not launches.replace_tokens("launch-1", some_tokens(access_token="also second", version=2))
    assert not launches.replace_tokens("launch-1", some_tokens(access_token="skipped one", version=4))
    assert not launches.replace_tokens("launch-2", second)
    assert launches.tokens("launch-1") == second


def test_an_ended_launch_has_no_tokens_no_session_and_no_caller(engine: Engine, launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    launches.complete(a_launch(id="launch-2"), some_tokens(), SESSION)
    with SqlWork(engine)() as uow:
        uow.launches.keep_caller(a_caller())
        uow.launches.keep_caller(a_caller(launch="launch-2"))
        uow.audit.add(an_audit())
        uow.commit()
    launches.end("launch-1")
    launches.end("launch-1")
    assert launches.find("launch-1") is None
    assert launches.tokens("launch-1") is None
    assert not launches.session_matches("launch-1", SESSION)
    assert not launches.replace_tokens("launch-1", some_tokens(version=2))
    with SqlWork(engine)() as uow:
        assert uow.launches.caller("launch-1") is None
        assert uow.launches.caller("launch-2") == a_caller(launch="launch-2")


def test_the_end_of_a_launch_leaves_one_audit_record(engine: Engine, launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    for launch in ("launch-1", "launch-1", "never-begun"):
        launches.end(launch)
    (row,) = _all(engine, audit_rows)
    record, context = from_text(AuditRecord, row.body), a_launch()
    assert (record.action, record.launch, record.actor) == ("clinician:launch:close", "launch-1", context.fhir_user)
    assert record.patient == f"{context.fhir_base}/Patient/{context.patient}"
    assert audit.verify(engine).whole


def test_a_refused_launch_leaves_an_audit_record(engine: Engine, launches: LaunchStore) -> None:
    reference = launches.record_refusal(ehr="demo", reason="launch-interrupted", launch_id=None)
    (row,) = _all(engine, audit_rows)
    record = from_text(AuditRecord, row.body)
    assert (record.ehr, record.detail, record.outcome) == (
        "demo",
        f"launch-interrupted. Reference {reference}.",
        AuditOutcome.REFUSED,
    )
    assert record.at == NOON
    assert audit.verify(engine).whole


def test_no_token_verifier_or_nonce_can_be_read_in_the_file(tmp_path: Path, sqlite_engine: Engine) -> None:
    launches = SqlLaunches(sqlite_engine, Sealer([OLD]), lambda: NOON)
    launches.keep_pending(a_pending_launch())
    launches.complete(a_launch(), some_tokens(), SESSION)
    launches.replace_tokens("launch-1", some_tokens(access_token="THIRD-CANARY", version=2))
    content = b"".join(path.read_bytes() for path in tmp_path.glob("app.db*"))
    assert b"launch-1" in content
    for secret in ("ACCESS-CANARY", "REFRESH-CANARY", "THIRD-CANARY", "the-code-verifier", "the-nonce", OLD.secret):
        assert secret.encode() not in content


def test_tokens_in_the_row_of_another_launch_are_refused(engine: Engine, launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    launches.complete(a_launch(id="launch-2"), some_tokens(access_token="other"), SESSION)
    first, second = sorted(_all(engine, tokens), key=lambda row: row.launch)
    with engine.begin() as connection:
        connection.execute(update(tokens).where(tokens.c.launch == first.launch).values(sealed=second.sealed))
        connection.execute(update(tokens).where(tokens.c.launch == second.launch).values(sealed=first.sealed))
    for launch in ("launch-1", "launch-2"):
        with pytest.raises(SealBroken):
            launches.tokens(launch)


def test_older_tokens_put_back_are_refused(engine: Engine, launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    (before,) = _all(engine, tokens)
    launches.replace_tokens("launch-1", some_tokens(version=2))
    with engine.begin() as connection:
        connection.execute(update(tokens).values(sealed=before.sealed))
    with pytest.raises(SealBroken):
        launches.tokens("launch-1")


def test_a_launch_id_is_given_once(launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    with pytest.raises(Exception, match=r"(?i)unique"):
        launches.complete(replace(a_launch(), patient="ben"), some_tokens(), "99" * 32)
    assert launches.find("launch-1") == a_launch()


def _all(engine: Engine, table: Table) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(table)))


def signed_in(engine: Engine, launch: str = "launch-1") -> datetime | None:
    with SqlWork(engine).reading() as uow:
        return uow.launches.signed_in(launch)


def test_signing_in_again_is_kept_with_what_the_ehr_said_of_it(engine: Engine, launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    assert signed_in(engine) is None
    assert launches.keep_sign_in("launch-1", SESSION, at=later(60), told=later(58))
    assert signed_in(engine) == later(60)
    (record,) = _audited(engine, "clinician:launch:sign-in-again")
    assert (record.launch, record.actor) == ("launch-1", a_launch().fhir_user)
    assert record.detail == f"The EHR says: signed in at {later(58):%H:%M:%S}."


def test_a_refused_sign_in_stands_in_the_patient_s_trail_without_a_name(
    engine: Engine, launches: LaunchStore
) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    reference = launches.record_refusal(ehr="demo", reason="sign-in-other-user", launch_id="launch-1")
    (record,) = _audited(engine, "app:sign-in-again:refuse")
    assert (record.actor, record.actor_name, record.outcome) == (None, None, AuditOutcome.REFUSED)
    assert record.patient is not None
    assert record.detail == f"sign-in-other-user. Reference {reference}."


def test_signing_in_again_counts_once(engine: Engine, launches: LaunchStore) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    launches.keep_sign_in("launch-1", SESSION, at=later(60), told=later(58))
    with SqlWork(engine)() as uow:
        uow.launches.use_sign_in("launch-1")  # and the signature fails
    assert signed_in(engine) == later(60)
    with SqlWork(engine)() as uow:
        uow.launches.use_sign_in("launch-1")
        uow.audit.add(an_audit())
        uow.commit()
    assert signed_in(engine) is None


def test_signing_in_again_is_good_in_the_browser_that_has_the_launch_open(
    engine: Engine, launches: LaunchStore
) -> None:
    launches.complete(a_launch(), some_tokens(), SESSION)
    assert not launches.keep_sign_in("launch-1", "00" * 32, at=later(60), told=later(58))
    assert signed_in(engine) is None
    launches.keep_sign_in("launch-1", SESSION, at=later(60), told=later(58))
    launches.move_session("launch-1", "ab" * 32)
    assert signed_in(engine) is None
    assert not launches.keep_sign_in("launch-1", SESSION, at=later(70), told=later(68))
    launches.keep_sign_in("launch-1", "ab" * 32, at=later(70), told=later(68))
    launches.end("launch-1")
    assert signed_in(engine) is None
    assert not launches.keep_sign_in("launch-1", "ab" * 32, at=later(80), told=later(78))


def _audited(engine: Engine, action: str) -> list[AuditRecord]:
    with engine.connect() as connection:
        bodies = connection.scalars(select(audit_rows.c.body).order_by(audit_rows.c.seq)).all()
    return [one for one in (from_text(AuditRecord, body) for body in bodies) if one.action == action]
