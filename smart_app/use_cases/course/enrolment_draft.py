"""The enrolment form as far as it is typed: kept on the server for its author until the patient is enrolled."""

from __future__ import annotations

from collections.abc import Mapping

from smart_app.use_cases.access import audited, require_prescriber
from smart_app.use_cases.course.enrolment_form import FIELDS
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller

FORM = "enrolment"
LONGEST = 4000  # characters of one field
_KEPT = frozenset(FIELDS) - {"confirm"}  # an answer to questions of that moment


def save_draft(work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], *, whole: bool) -> None:
    """Keep values as typed, valid or not. `whole`: this is all of the form; else only what changed."""
    now, action = clock(), "clinician:enrolment:save"
    known = {name: text[:LONGEST] for name, text in fields.items() if name in _KEPT or name.startswith("day.")}
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        before = {} if whole else draft_of(uow, caller)
        uow.drafts.keep(caller.patient, caller.clinician.reference, FORM, {**before, **known}, now)
        uow.audit.add(audited(caller, now, action))
        uow.commit()


def draft_of(uow: UnitOfWork, caller: Caller) -> Mapping[str, str]:
    """What this clinician has typed for this patient so far; empty when nothing."""
    return uow.drafts.get(caller.patient, caller.clinician.reference, FORM)


def drop_draft(uow: UnitOfWork, caller: Caller) -> None:
    uow.drafts.drop(caller.patient, caller.clinician.reference, FORM)
