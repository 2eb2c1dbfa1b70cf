"""What the screening page shows beside the screening itself; looking at it leaves an audit record."""

from __future__ import annotations

from dataclasses import dataclass

from smart_app.use_cases.access import audited
from smart_app.use_cases.course.course_events import open_course_of
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, StoredOverride, StoredScreening


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningView:
    """`overrides` are all that were ever made for this patient, newest first, whether they count now or not."""

    screening: StoredScreening
    overrides: tuple[StoredOverride, ...]
    enrolled: bool  # nothing of the course is told


def look_at_screening(work: Work, clock: Clock, caller: Caller, screening: StoredScreening) -> ScreeningView:
    with work() as uow:
        view = ScreeningView(
            screening=screening,
            overrides=tuple(reversed(uow.judgements.overrides(caller.patient))),
            enrolled=open_course_of(uow, caller) is not None,
        )
        uow.audit.add(audited(caller, clock(), "clinician:screening:read", f"screening/{screening.id}"))
        uow.commit()
    return view
