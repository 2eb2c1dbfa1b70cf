"""A questionnaire as far as it is filled in: kept on the server for its author until it is saved."""

from __future__ import annotations

from collections.abc import Mapping

from smart_app.use_cases.access import audited, require_writer
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller

LONGEST = 400  # characters of one field
_KEPT = frozenset({"total", "item9", "source", "date", "time"})


def save_score_draft(work: Work, clock: Clock, caller: Caller, scale: str, fields: Mapping[str, str]) -> None:
    """Keep what changed, as typed, beside what was kept before."""
    now, action = clock(), "clinician:score:save"
    known = {name: text[:LONGEST] for name, text in fields.items() if name in _KEPT or name.startswith("item.")}
    with work() as uow:
        require_writer(uow, caller, now, action)
        kept = {**score_draft(uow, caller, scale), **known}
        uow.drafts.keep(caller.patient, caller.clinician.reference, _form(scale), kept, now)
        uow.audit.add(audited(caller, now, action))
        uow.commit()


def score_draft(uow: UnitOfWork, caller: Caller, scale: str) -> Mapping[str, str]:
    """What this clinician has typed for this patient so far; empty when nothing."""
    return uow.drafts.get(caller.patient, caller.clinician.reference, _form(scale))


def drop_score_draft(uow: UnitOfWork, caller: Caller, scale: str) -> None:
    uow.drafts.drop(caller.patient, caller.clinician.reference, _form(scale))


def _form(scale: str) -> str:
    return f"score/{scale}"


def clear_score_draft(work: Work, clock: Clock, caller: Caller, scale: str) -> None:
    """The form is begun again."""
    now, action = clock(), "clinician:score:save"
    with work() as uow:
        require_writer(uow, caller, now, action)
        drop_score_draft(uow, caller, scale)
        uow.audit.add(audited(caller, now, action, detail="Begun again."))
        uow.commit()
