"""Confirm as a colleague, in a sign-in of one's own, that a dose was checked or that waste was seen destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from smart_app.use_cases.access import audited, refuse, retried
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Entry, StoredSession
from smart_app.use_cases.session.record_session import open_for, with_author
from smart_app.use_cases.session.second_person import ASKED, confirm_problem, confirmed_values


@retried
def confirm(
    work: Work, clock: Clock, caller: Caller, session_id: str, kind: str, entry_id: str, seen: Mapping[str, str]
) -> StoredSession:
    """Keep the caller's word; `seen` are the values that their page showed. A known `entry_id` adds nothing."""
    asked = ASKED.get(kind)
    if asked is None or not entry_id:
        raise Refused("This form is not one of this app's. Open the page again.")
    now = clock()
    with work() as uow:
        session = open_for(uow, caller, now, asked.audit, session_id)
        if any(each.id == entry_id for each in session.entries):
            return session
        values = confirmed_values(session, kind)
        if {name: said for name, said in seen.items() if said} != values:
            raise Refused("This was changed while you looked.", advice="Look again, then confirm.")
        problem = confirm_problem(session, kind, caller.clinician, now)
        if problem:
            refuse(uow, caller, now, asked.audit, Refused(problem))
        entry = Entry(id=entry_id, kind=kind, at=now, entered=now, late=False, by=caller.clinician, fields=values)
        saved = replace(session, entries=(*session.entries, entry), authors=with_author(session, caller.clinician))
        uow.sessions.replace(saved)
        uow.audit.add(audited(caller, now, asked.audit, f"session/{session.id}", f"entry/{entry.id}"))
        uow.commit()
        return replace(saved, version=saved.version + 1)
