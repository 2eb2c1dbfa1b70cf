"""Record what the patient said where the record holds nothing, and judge the screening again with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from fhir_mappings.facts.treatment import Role
from smart_app.clinical.answers import Said
from smart_app.use_cases.access import audited, refuse, retried
from smart_app.use_cases.course.course_events import hold_by_screening
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json, StoredAnswer, StoredScreening
from smart_app.use_cases.screening.judge_screening import judged, own_screening
from smart_app.use_cases.site import Site

PREFIX = "answer."  # of the form's fields: "answer.ABS-IC"
TRIAL_DAYS = 180  # how long a clinician's tick beside a trial holds

_ACTION = "clinician:screening:answer"


def may_answer(caller: Caller) -> bool:
    """Who treats may ask; it writes nothing to the EHR, so no scope is needed."""
    return caller.role in {Role.PRESCRIBER, Role.NURSE}


@retried
def answer_questions(
    work: Work,
    clock: Clock,
    caller: Caller,
    typed: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> StoredScreening:
    """`typed` are the form's fields. Refused when none is an answer, or one is to a question that is not open.

    An answer that the same clinician gave today already is not kept twice.
    """
    now = clock()
    with work() as uow:
        if not may_answer(caller):
            refuse(uow, caller, now, _ACTION, Refused("Only prescribers and nurses can do this."))
        screening, inputs = own_screening(uow, caller)
        given = {name.removeprefix(PREFIX): said for name, said in typed.items() if name.startswith(PREFIX) and said}
        open_now = _open_questions(screening)
        if not given:
            raise Refused("No answer was chosen.", problems={"": "Choose an answer to at least one question."})
        if not given.keys() <= open_now.keys() or not set(given.values()) <= {said.value for said in Said}:
            refuse(uow, caller, now, _ACTION, Refused("One of these questions is not open any more: look again."))
        fresh = [
            StoredAnswer(
                id=ids(),
                ehr=caller.ehr,
                patient=caller.patient,
                question=question,
                said=said,
                at=now,
                by=caller.clinician,
                days=open_now[question][said],
            )
            for question, said in given.items()
            if not _said_today(uow, caller, question, said, now)
        ]
        if not fresh:
            return screening
        for answer in fresh:
            uow.judgements.add_answer(answer)
        made = judged(uow, inputs, caller, at=now, settings=site.rules, compared_with=screening.compared_with)
        uow.screenings.add(made)
        hold_by_screening(uow, made, caller, now, site)
        detail = "Asked: " + ", ".join(f"{answer.question} {answer.said}" for answer in fresh) + "."
        entities = (f"screening/{made.id}", *(f"answer/{answer.id}" for answer in fresh))
        uow.audit.add(audited(caller, now, _ACTION, *entities, detail=detail))
        uow.commit()
        return made


def _open_questions(screening: StoredScreening) -> dict[str, dict[str, int]]:
    """The questions of the page, with how many days each answer holds."""
    asked: dict[str, dict[str, int]] = {each["rule"]: each["days"] for each in screening.result.get("questions", ())}
    trials: Json = screening.result.get("trials") or {}
    for trial in trials.get("trials", ()):
        asked |= {each["key"]: dict.fromkeys(Said, TRIAL_DAYS) for each in trial.get("questions", ())}
    return asked


def _said_today(uow: UnitOfWork, caller: Caller, question: str, said: str, now: datetime) -> bool:
    before = [answer for answer in uow.judgements.answers(caller.patient) if answer.question == question]
    return bool(before) and (before[-1].said, before[-1].by, before[-1].at.date()) == (
        said,
        caller.clinician,
        now.date(),
    )
