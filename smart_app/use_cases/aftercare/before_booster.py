"""What is known of a patient before a booster, from this app's records and from what the last screening read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from fhir_mappings.facts.clinical import Area, LabValue, PartialDate, PatientFacts
from fhir_mappings.facts.titration import Taken
from fhir_mappings.facts.treatment import Answer, KetamineSession, Purpose
from smart_app.clinical.booster import Finding, Known, Pressure
from smart_app.clinical.entry import amount
from smart_app.clinical.exposure import Given
from smart_app.clinical.programme import day_words
from smart_app.clinical.relapse import Relapse
from smart_app.clinical.rules.conditions import KETAMINE_USE, far_over
from smart_app.clinical.units import plain
from smart_app.use_cases.care_entries import entries_of
from smart_app.use_cases.course.course_progress import progress_now
from smart_app.use_cases.course.plans import Plan
from smart_app.use_cases.outcomes.scores import local
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import Caller, CareEntry, CareKind, StoredScreening

URINARY_QUESTION = "REV-URO"  # of the screening
URINARY_CHECK = "urinary"  # of the checklist before a dose
_LIVER = ("alt", "ast")
_SAID = {"no": True, "yes": False}


def facts_of(uow: UnitOfWork, screening: StoredScreening | None) -> PatientFacts | None:
    """What the chart said at a screening; None: nothing of it is kept."""
    inputs = uow.screenings.inputs(screening.inputs) if screening is not None and screening.inputs else None
    return inputs.facts if inputs is not None else None


def known_before(
    uow: UnitOfWork,
    caller: Caller,
    plan: Plan | None,
    sessions: Sequence[KetamineSession],
    entries: Sequence[CareEntry],
    relapse: Relapse | None,
    now: datetime,
    times: Decimal,
) -> Known:
    """`plan` is the one that the booster would follow, `sessions` are those signed of all plans.

    `times` is how far over its limit a liver value may lie.
    """
    screening = uow.screenings.latest(caller.patient)
    screening = screening if screening is not None and screening.ehr == caller.ehr else None
    facts, today = facts_of(uow, screening), now.date()
    return Known(
        course=plan.course.status if plan is not None else None,
        standing=progress_now(plan.course, plan.sessions, None).words if plan is not None else "",
        relapse=relapse if plan is not None else None,
        screened=local(screening.at, now.tzinfo).date() if screening is not None else None,
        screened_as=screening.stands_as if screening is not None else "",
        pressure=_pressure(facts, entries, now),
        last_dose=_last_dose(sessions, entries),
        unread=facts is None or Area.MEDICATION in facts.unclear,
        elsewhere=elsewhere(uow, caller, facts, today),
        urinary=urinary_finding(uow, caller, sessions, entries, today),
        liver=liver_finding(facts, entries, today, times),
    )


def _last_dose(sessions: Sequence[KetamineSession], entries: Sequence[CareEntry]) -> date | None:
    """Given here, or taken alone as the patient said; of a span, its last day."""
    given_on = [each.dose.started.at.date() for each in sessions if each.dose is not None]
    taken = [
        each.until or each.day for each in entries_of(entries, CareKind.LOG) if each.fields["taken"] != Taken.NONE
    ]
    return max([*given_on, *taken], default=None)


def _pressure(facts: PatientFacts | None, entries: Sequence[CareEntry], now: datetime) -> Pressure | None:
    """The latest that can be used, outside of sessions."""
    found: list[tuple[datetime, Pressure]] = []
    for each in facts.blood_pressures if facts is not None else ():
        if each.when is None or not each.when.exact or each.in_session or each.problem:
            continue
        if each.systolic is not None and each.diastolic is not None and not each.when.after(now.date()):
            source = f"EHR, {', '.join(each.references)}"
            taken = Pressure(day=each.when.first, systolic=each.systolic, diastolic=each.diastolic, source=source)
            found.append((each.when.sort_key, taken))
    for entry in entries_of(entries, CareKind.PRESSURE):
        at = datetime.combine(
            entry.day, local(entry.at, now.tzinfo).time() if entry.day == entry.at.date() else time.max
        )
        systolic, diastolic = (amount(entry.fields[name]) for name in ("systolic", "diastolic"))
        source = f"entered by {entry.by.name}"
        found.append((at, Pressure(day=entry.day, systolic=systolic, diastolic=diastolic, source=source)))
    return max(found, key=lambda each: each[0])[1] if found else None


def given(sessions: Sequence[KetamineSession]) -> tuple[Given, ...]:
    """Each session with a dose, also one that was stopped early or does not count."""
    return tuple(
        Given(
            day=each.dose.started.at.date(),
            mg=each.dose.given_mg,
            booster=each.purpose is Purpose.BOOSTER,
        )
        for each in sessions
        if each.dose is not None and each.dose.given_mg > 0
    )


def elsewhere(uow: UnitOfWork, caller: Caller, facts: PatientFacts | None, today: date) -> tuple[str, ...]:
    """What speaks for ketamine that this app did not give: lists of medicines, diagnoses, what the patient said."""
    found: list[str] = []
    if facts is not None:
        ours = _written_here(uow, caller)
        found += [
            f"The list of medicines names {use.label} ({use.reference})."
            for use in facts.medications
            if use.ingredients & _KETAMINE and use.current and use.reference not in ours
        ]
        if any(each.in_any(*KETAMINE_USE) and each.is_active for each in facts.diagnoses):
            found.append("A ketamine or phencyclidine use disorder is on record.")
    said = {each.question: each for each in uow.judgements.answers(caller.patient) if each.ehr == caller.ehr}
    for question, words in _QUESTIONS.items():
        answer = said.get(question)
        if answer is not None and answer.said == "yes" and (today - answer.at.date()).days <= answer.days:
            found.append(f"{words} (asked on {day_words(answer.at.date())} by {answer.by.name}).")
    return tuple(found)


_KETAMINE = frozenset({"ketamine", "esketamine"})
# Questions of the screening whose yes speaks for ketamine from elsewhere.
_QUESTIONS = {
    "CAU-KETOVERLAP": "The patient says: treated with ketamine elsewhere",
    "HOLD-KETUSE": "The patient says: uses ketamine or PCP outside of treatment",
}


def _written_here(uow: UnitOfWork, caller: Caller) -> frozenset[str]:
    """What of the chart's medicines this app wrote, as far as the EHR has said where it is."""
    return frozenset(
        item.reference
        for message in uow.messages.of_patient(caller.ehr, caller.patient)
        for item in message.items
        if item.reference
    )


def urinary_finding(
    uow: UnitOfWork, caller: Caller, sessions: Sequence[KetamineSession], entries: Sequence[CareEntry], today: date
) -> Finding | None:
    """What was said last, here, at the screening or before a dose. Of one day, symptoms stand."""
    found = [
        Finding(day=check.at.date(), clear=check.answer is Answer.YES, words=_urinary_words(check.answer, check.note))
        for session in sessions
        for check in session.checks
        if check.key == URINARY_CHECK and check.answer is not Answer.NOT_APPLICABLE
    ]
    found += [
        Finding(
            day=answer.at.date(),
            clear=_SAID.get(answer.said),
            words=f"Asked at the screening by {answer.by.name}: {answer.said}",
        )
        for answer in uow.judgements.answers(caller.patient)
        if answer.question == URINARY_QUESTION and answer.ehr == caller.ehr
    ]
    found += [
        Finding(day=entry.day, clear=_SAID.get(entry.fields["symptoms"]), words=_entered_words(entry))
        for entry in entries_of(entries, CareKind.URINARY)
    ]
    past = [each for each in found if each.day <= today]
    return max(past, key=lambda each: (each.day, each.clear is not True, each.clear is False), default=None)


def _urinary_words(answer: Answer, note: str) -> str:
    said = "no urinary symptoms" if answer is Answer.YES else "urinary symptoms"
    return f"Before a dose: {said}" + (f", {note}" if note else "")


def _entered_words(entry: CareEntry) -> str:
    symptoms = entry.fields["note"] or "symptoms"
    said = "no urinary symptoms" if entry.fields["symptoms"] == "no" else f"urinary symptoms: {symptoms}"
    return f"Asked by {entry.by.name}: {said}"


def liver_finding(
    facts: PatientFacts | None, entries: Sequence[CareEntry], today: date, times: Decimal
) -> Finding | None:
    """The newest ALT and AST of the chart or entered here; one without a day is not looked at."""
    values = [*(facts.labs if facts is not None else ()), *_entered_values(entries)]
    newest: list[tuple[date, LabValue]] = []
    for name in _LIVER:
        dated = [
            (each.when.first, each)
            for each in values
            if each.name == name and each.when is not None and each.when.last <= today
        ]
        if dated:
            last = max(day for day, _ in dated)
            newest += [each for each in dated if each[0] == last]
    if not newest:
        return None
    judged = {far_over(each, times) for _, each in newest}
    clear = False if True in judged else None if None in judged else True
    words = ", ".join(f"{each.name.upper()} {each.comparator}{plain(each.value)} {each.unit}" for _, each in newest)
    return Finding(day=max(day for day, _ in newest), clear=clear, words=words)


def _entered_values(entries: Sequence[CareEntry]) -> Iterator[LabValue]:
    for entry in entries_of(entries, CareKind.LIVER):
        when = PartialDate(text=entry.day.isoformat(), first=entry.day, last=entry.day)
        for name in _LIVER:
            if entry.fields[name]:
                yield LabValue(
                    reference=f"care/{entry.id}",
                    name=name,
                    when=when,
                    value=amount(entry.fields[name]),
                    unit="U/L",
                    upper=amount(entry.fields[f"{name}_upper"]),
                )
