"""What the page of a decision about a course shows; looking at it leaves an audit record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smart_app.clinical.planned_days import PlannedDay
from smart_app.use_cases.access import audited, own_course, prescriber_refusal
from smart_app.use_cases.course.decide_course import Decision, dates_table, standing, why_not
from smart_app.use_cases.course.opening_conditions import hold_words
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, StoredCourse


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """`why_not`, with `advice`, says why the decision cannot be taken now; empty: it can."""

    course: StoredCourse | None
    standing: str = ""  # "4 of 6 done, 1 missed"
    remarks: tuple[str, ...] = ()  # why it is on hold, and what is out of the ordinary
    dates: tuple[PlannedDay, ...] = ()  # of the decision on dates
    why_not: str = ""
    advice: str = ""


def decision_view(
    work: Work, clock: Clock, caller: Caller, decision: Decision, fields: Mapping[str, str]
) -> DecisionView:
    """`fields` are what was typed on the page so far."""
    now = clock()
    with work() as uow:
        course = own_course(uow, caller)
        entities = (f"course/{course.id}",) if course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:course:read", *entities))
        if course is None:
            uow.commit()
            return DecisionView(course=None)
        found = standing(uow, course, now.date())
        refusal = prescriber_refusal(caller) or why_not(decision, found)
        uow.commit()
    held = (hold_words(course),) if course.held is not None else ()
    return DecisionView(
        course=course,
        standing=found.progress.words,
        remarks=(*held, *found.progress.flags),
        dates=dates_table(found, fields, now.date()) if decision is Decision.DATES else (),
        why_not=refusal.words if refusal is not None else "",
        advice=refusal.advice if refusal is not None else "",
    )
