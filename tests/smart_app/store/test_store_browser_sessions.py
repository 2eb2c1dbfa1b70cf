"""When time closes a browser's session, what stays of the launch, and where the next one goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from launch.context import LaunchContext
from launch.sessions import End, Why, is_place
from smart_app.store.browser_sessions import SqlBrowserSessions
from smart_app.store.launches import SqlLaunches
from smart_app.store.sealing import Sealer, SealingKey
from smart_app.store.tables import audit
from smart_app.store.unit_of_work import SqlWork
from tests.smart_app.store.stored_records import NOON, a_launch, later, some_tokens

COOKIE = "ef" * 32
IDLE = timedelta(minutes=15)
QUIET = End(at=NOON + IDLE, why=Why.IDLE)


class Kept:
    """Launches and their browser sessions over one database, at a time that a test may move."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now: datetime = NOON
        self.launches = SqlLaunches(engine, Sealer([SealingKey.generate()]), lambda: self.now)
        self.sessions = SqlBrowserSessions(engine, lambda: self.now)

    def launch(self, at: datetime = NOON, place: str = "", **changes: Any) -> LaunchContext:
        context = a_launch(**{"started": at, "expires": at + timedelta(hours=12)} | changes)
        self.launches.complete(context, some_tokens(), COOKIE)
        if place:
            self.sessions.note(context.id, at, place)
        return context

    def place(self, context: LaunchContext) -> str | None:
        return self.sessions.last_place(context, IDLE)

    def actions(self) -> list[str]:
        with self.engine.connect() as connection:
            bodies = connection.scalars(select(audit.c.body).order_by(audit.c.seq)).all()
        return [body for body in bodies if ":launch:" in body]


@pytest.fixture
def kept(engine: Engine) -> Kept:
    return Kept(engine)


def test_a_session_is_as_old_as_its_last_person(kept: Kept) -> None:
    kept.launch()
    session = kept.sessions.session("launch-1", COOKIE)
    assert session is not None
    assert (session.seen, session.place, session.closed) == (NOON, "", None)
    assert session.end(IDLE) == QUIET
    kept.sessions.note("launch-1", later(600), "progress")
    session = kept.sessions.session("launch-1", COOKIE)
    assert session is not None
    assert session.place == "progress"
    assert session.end(IDLE) == End(at=later(600) + IDLE, why=Why.IDLE)


def test_a_clock_that_steps_back_does_not_make_a_session_older(kept: Kept) -> None:
    kept.launch()
    kept.sessions.note("launch-1", later(600), "progress")
    kept.sessions.note("launch-1", later(300), "outcomes")
    session = kept.sessions.session("launch-1", COOKIE)
    assert session is not None
    assert (session.seen, session.place) == (later(600), "outcomes")


def test_the_longest_time_ends_it_whoever_is_there(kept: Kept) -> None:
    kept.launch()
    kept.sessions.note("launch-1", later(43_000), "progress")
    session = kept.sessions.session("launch-1", COOKIE)
    assert session is not None
    assert session.end(IDLE) == End(at=later(43_200), why=Why.LIMIT)


def test_only_its_own_browser_finds_a_session(kept: Kept) -> None:
    kept.launch()
    assert kept.sessions.session("launch-1", "99" * 32) is None
    assert kept.sessions.session("launch-1", "é") is None
    assert kept.sessions.session("launch-2", COOKIE) is None
    kept.launches.end("launch-1")
    assert kept.sessions.session("launch-1", COOKIE) is None


def test_what_time_closed_stays_closed_with_one_record_and_keeps_its_tokens(kept: Kept) -> None:
    kept.launch()
    kept.now = later(1000)
    assert kept.sessions.close("launch-1", QUIET)
    assert not kept.sessions.close("launch-1", End(at=later(2000), why=Why.LIMIT))
    kept.sessions.note("launch-1", later(3000), "progress")
    session = kept.sessions.session("launch-1", COOKIE)
    assert session is not None
    assert (session.closed, session.place) == (QUIET, "")
    assert session.end(timedelta(hours=5)) == QUIET, "a longer limit does not open it again"
    assert kept.launches.tokens("launch-1") is not None, "what was signed is still delivered"
    assert kept.launches.find("launch-1") is not None
    (record,) = kept.actions()
    assert '"app:launch:close"' in record
    assert "12:15:00: nobody had used it" in record
    assert "Practitioner/" in record


def test_signing_in_again_goes_on_where_time_ended_it(kept: Kept) -> None:
    kept.launch(place="session/s-1/monitor")
    kept.now = later(3600)
    assert kept.place(kept.launch(at=kept.now, id="launch-2")) == "session/s-1/monitor"


@pytest.mark.parametrize(
    "changes",
    [
        {"patient": "ben"},
        {"fhir_user": "https://ehr.test/fhir/Practitioner/somebody-else"},
        {"fhir_user": None},
        {"ehr": "another-registration"},
        {"fhir_base": "https://other.test/fhir"},
    ],
    ids=["another patient", "another user", "nobody named", "another registration", "another EHR"],
)
def test_nobody_goes_on_where_somebody_else_was(kept: Kept, changes: dict[str, Any]) -> None:
    kept.launch(place="session/s-1/monitor")
    kept.now = later(3600)
    assert kept.place(kept.launch(at=kept.now, id="launch-2", **changes)) is None


def test_two_users_whom_nobody_named_are_not_the_same(kept: Kept) -> None:
    kept.launch(place="progress", fhir_user=None)
    kept.now = later(3600)
    assert kept.place(kept.launch(at=kept.now, id="launch-2", fhir_user=None)) is None


def test_who_closed_the_app_begins_at_the_beginning(kept: Kept) -> None:
    kept.launch(place="progress")
    kept.launches.end("launch-1")
    kept.now = later(3600)
    assert kept.place(kept.launch(at=kept.now, id="launch-2")) is None


def test_a_session_that_is_still_open_is_not_gone_on_with(kept: Kept) -> None:
    kept.launch(place="progress")
    kept.now = later(600)
    assert kept.place(kept.launch(at=kept.now, id="launch-2")) is None


def test_after_twenty_hours_the_day_begins_anew(kept: Kept) -> None:
    kept.launch(place="progress")
    kept.now = NOON + IDLE + timedelta(hours=20)
    assert kept.place(kept.launch(at=kept.now, id="launch-2")) is None
    kept.now -= timedelta(seconds=1)
    assert kept.place(a_launch(id="launch-2")) == "progress"


def test_only_the_latest_session_counts_and_a_failed_start_is_none(kept: Kept) -> None:
    kept.launch(place="progress")
    kept.launch(at=later(3600), id="launch-2", place="audit")
    kept.launch(at=later(7200), id="launch-3")
    kept.launches.end("launch-3")
    kept.now = later(7300)
    assert kept.place(kept.launch(at=kept.now, id="launch-4")) == "audit"


def test_a_handed_over_launch_stays_on_its_own_page(kept: Kept) -> None:
    kept.launch(place="progress")
    kept.now = later(3600)
    own = kept.launch(at=kept.now, id="launch-2", place="audit")
    assert kept.place(own) == "audit"


@pytest.mark.parametrize("text", ["screening", "session/0a-1/monitor", "screening/override/HOLD-BP", "theme.css"])
def test_a_page_of_ours_is_a_place(text: str) -> None:
    assert is_place(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/screening",
        "//evil.test",
        "https://evil.test",
        "https:/evil.test",
        "session//x",
        "session/../leave",
        "..",
        ".",
        "a/./b",
        "a\\b",
        "a?b=c",
        "a#b",
        "a%2fb",
        "a b",
        "a\n",
        "é",
        "a/" * 150 + "a",
        "screening/",
        "a@evil.test",
    ],
)
def test_nothing_else_is_a_place(text: str) -> None:
    assert not is_place(text)


def test_what_time_closes_forgets_that_its_user_signed_in_again(kept: Kept) -> None:
    context = kept.launch()
    kept.launches.keep_sign_in(context.id, COOKIE, at=later(60), told=later(58))
    kept.sessions.close(context.id, QUIET)
    with SqlWork(kept.engine).reading() as uow:
        assert uow.launches.signed_in(context.id) is None
    assert not kept.launches.keep_sign_in(context.id, COOKIE, at=later(960), told=later(958))
