"""Check, sign, stop, miss or take back a session: each in one transaction with course, audit and outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fhir_mappings.facts.treatment import KetamineSession
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, StoredSession
from smart_app.use_cases.session_lines import Missing, SessionView
from smart_app.use_cases.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """S5, page 1. `record` is None while something that is missing keeps it from being made."""

    view: SessionView
    record: KetamineSession | None
    missing: tuple[Missing, ...]
    note: tuple[tuple[str, tuple[str, ...]], ...]  # heading -> lines, as the note will read
    attestation: str  # the sentence that fields["attest"] == "yes" agrees to
    count_question: str  # asked when less than 80 % was given; answered by fields["count"] == "yes"
    may_sign: bool
    why_not: str


def review(work: Work, clock: Clock, caller: Caller, session_id: str, site: Site) -> Review:
    raise NotImplementedError


def sign(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> StoredSession:
    """fields: attest, count. Signing twice gives the session as it was signed first."""
    raise NotImplementedError


def stop_session(
    work: Work, clock: Clock, caller: Caller, session_id: str, fields: Mapping[str, str]
) -> StoredSession:
    """End early, by prescriber or nurse. fields: stop.reason, stop.disposition, stop.time. It is signed as ever."""
    raise NotImplementedError


def not_done(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredSession:
    """The next session was missed. fields: reason, day (the day that was missed), rescheduled (a new day)."""
    raise NotImplementedError


def enter_in_error(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    reason: str,
    ids: Callable[[], str],
    site: Site,
) -> StoredSession:
    raise NotImplementedError
