"""Keeps when a person last used a launch, on which page, and when time closed its browser's session."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, case, literal, null, select, update

from fhir_mappings.facts.audit import AuditRecord
from launch.context import LaunchContext
from launch.sessions import SAME_STEP, BrowserSession, End, Why, is_place
from smart_app.store import audit
from smart_app.store.engine import reading, writing
from smart_app.store.launches import live, of_launch, patient_of
from smart_app.store.rows import from_text
from smart_app.store.tables import launches

_LONGEST_SESSION = timedelta(hours=24)  # what a site may allow at most


class SqlBrowserSessions:
    """The `BrowserSessions` of launch.sessions; each call is its own transaction."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def session(self, launch_id: str, session_digest: str) -> BrowserSession | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(launches).where(live(launch_id))).one_or_none()
        if row is None or not hmac.compare_digest(row.session_digest.encode(), session_digest.encode()):
            return None
        return _session_of(row)

    def note(self, launch_id: str, seen: datetime, place: str) -> None:
        open_one = live(launch_id) & launches.c.closed.is_(null())
        # Clocks step back, and requests overtake each other: nobody is gone for longer than they are.
        latest = case((launches.c.seen > seen, launches.c.seen), else_=literal(seen, launches.c.seen.type))
        with writing(self._engine) as connection:
            connection.execute(update(launches).where(open_one).values(seen=latest, place=place))

    def close(self, launch_id: str, end: End) -> bool:
        open_one = live(launch_id) & launches.c.closed.is_(null())
        closing = update(launches).where(open_one).values(closed=end.at, closed_by=end.why.value, signed_in=None)
        with writing(self._engine) as connection:
            body = connection.scalar(closing.returning(launches.c.body))
            if body is not None:
                audit.append(connection, _closed_by_time(from_text(LaunchContext, body), end, self._clock()))
        return body is not None

    def last_place(self, context: LaunchContext, idle: timedelta) -> str | None:
        now = self._clock()
        # The longest session and the time for which its place counts; an older one cannot matter.
        since = now - SAME_STEP - _LONGEST_SESSION
        earlier = (launches.c.patient == patient_of(context)) & (launches.c.started >= since)
        newest_first = select(launches).where(earlier).order_by(launches.c.started.desc())
        with reading(self._engine) as connection:
            rows = connection.execute(newest_first).all()
        for row in rows:
            session = _session_of(row)
            if row.id == context.id:
                if session.place:
                    return session.place
                continue
            never_opened = row.ended is not None and not session.place
            if _same_user(session.context, context) and not never_opened:
                at = session.end(idle).at
                by_time = row.ended is None and at <= now < at + SAME_STEP
                return session.place or None if by_time else None
        return None


def _closed_by_time(context: LaunchContext, end: End, now: datetime) -> AuditRecord:
    """Written when it is noticed; the detail says when it was."""
    at = f"{end.at.astimezone(now.tzinfo):%H:%M:%S}"
    why = (
        "nobody had used it for the time that the site allows" if end.why is Why.IDLE else "its longest time was over"
    )
    return replace(of_launch(context, "app:launch:close", now), detail=f"Closed at {at}: {why}.")


def _session_of(row: Row[Any]) -> BrowserSession:
    context = from_text(LaunchContext, row.body)
    closed = None if row.closed is None else End(at=row.closed, why=Why(row.closed_by))
    place = row.place if row.place and is_place(row.place) else ""  # what is led to is checked again
    return BrowserSession(context=context, seen=row.seen or context.started, place=place, closed=closed)


def _same_user(earlier: LaunchContext, now: LaunchContext) -> bool:
    """A user whom the EHR did not name is never the same."""
    return now.fhir_user is not None and (earlier.ehr, earlier.fhir_user) == (now.ehr, now.fhir_user)
