"""How a session ended early: why, when, where the patient went, who took over and who was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from fhir_mappings.facts.treatment import EarlyStop
from smart_app.clinical.entry import NOT_YET, NotUsable, at_time, day
from smart_app.use_cases.records import StoredCourse, StoredSession
from smart_app.use_cases.session.at_hand import AtHand, end_problem, note_problem
from smart_app.use_cases.session.session_lines import DISPOSITIONS, STOP_CAUSES
from smart_app.use_cases.session.typed_session import ended, value, written


def stop_problems(at_hand: AtHand) -> dict[str, str]:
    """What the early end still asks for, by field."""
    problems: dict[str, str] = {}
    cause = at_hand.text("stop.cause")
    if cause not in STOP_CAUSES:
        problems["stop.cause"] = "Choose why the session ends."
    if cause == "other" and not at_hand.text("stop.reason"):
        problems["stop.reason"] = "Say why the session ends."
    if at_hand.text("stop.disposition") not in DISPOSITIONS:
        problems["stop.disposition"] = "Say where the patient went."
    note_problem(problems, "stop.time", lambda: _time_problem(at_hand, "stop.time", "Enter when the session ended."))
    if at_hand.text("stop.disposition") in {"transfer", "admitted"}:
        problems |= _hand_over(at_hand)
    if not at_hand.text("stop.told"):
        problems["stop.told"] = "Say who was told, or that nobody was."
    if at_hand.not_done:
        note_problem(problems, "stop.rescheduled", lambda: _new_day_problem(at_hand))
        if at_hand.started is not None:
            problems["dose.started"] = "A dose is entered: stop the session again, or take its start out."
    return problems


def _hand_over(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not at_hand.text("stop.destination"):
        problems["stop.destination"] = "Enter where the patient was brought."
    if not at_hand.text("stop.handed_to"):
        problems["stop.handed_to"] = "Name who took the patient over."
    words = "Enter when the patient was handed over."
    note_problem(problems, "stop.handed_at", lambda: _time_problem(at_hand, "stop.handed_at", words))
    return problems


def _time_problem(at_hand: AtHand, name: str, wanted: str) -> str:
    if not at_hand.text(name):
        return wanted
    if at_hand.started is not None:
        return end_problem(at_hand, name)
    moment = at_time(at_hand.session.held_on, at_hand.text(name), at_hand.now)
    return NOT_YET if moment > at_hand.now else ""


def _new_day_problem(at_hand: AtHand) -> str:
    typed = at_hand.text("stop.rescheduled")
    later = not typed or day(typed) > at_hand.session.held_on
    return "" if later else "The new day must come after this session's."


def early_stop(at_hand: AtHand) -> EarlyStop:
    """The early end as it is recorded; what it needs was looked for before."""
    session = at_hand.session
    author = written(session, "stop.cause")
    at = _moment(at_hand, "stop.time")
    if at is None:
        raise LookupError("a time that was checked is not there")
    went = at_hand.text("stop.disposition")
    moved = went in {"transfer", "admitted"}
    return EarlyStop(
        at=at,
        by=author.by if author is not None else session.opened_by,
        cause=STOP_CAUSES[at_hand.text("stop.cause")],
        words=at_hand.text("stop.reason"),
        disposition=DISPOSITIONS[went],
        destination=at_hand.text("stop.destination") if moved else "",
        handed_to=at_hand.text("stop.handed_to") if moved else "",
        handed_at=_moment(at_hand, "stop.handed_at") if moved else None,
        told=at_hand.text("stop.told"),
        rescheduled=rescheduled(session) if at_hand.not_done else None,
    )


def rescheduled(session: StoredSession) -> date | None:
    """The new day of a session that was ended before a dose; None: it is decided later."""
    return value(session, "stop.rescheduled", day)


def with_new_day(course: StoredCourse, number: int, new_day: date | None) -> StoredCourse:
    """The course with the day of one planned session moved; None moves nothing.

    A missed session extends the course: where the new day reaches the next session, all later ones move along.
    """
    old = next((each.day for each in course.planned if each.number == number), None)
    if new_day is None:
        return course
    later = [each for each in course.planned if each.number > number and each.session is None and each.day]
    reached = old is not None and any(each.day is not None and each.day <= new_day for each in later)
    moved = {number: new_day}
    if old is not None and reached:
        moved |= {each.number: each.day + (new_day - old) for each in later if each.day is not None}
    planned = (replace(each, day=moved.get(each.number, each.day)) for each in course.planned)
    return replace(course, planned=tuple(planned))


def _moment(at_hand: AtHand, name: str) -> datetime | None:
    if at_hand.started is not None:
        return ended(at_hand.session, name, at_hand.now)
    try:
        return at_time(at_hand.session.held_on, at_hand.text(name), at_hand.now)
    except NotUsable:
        return None


def stop_words(stop: EarlyStop) -> str:
    """Why, and what became of the patient: the reason of the session's status."""
    said = f"{stop.cause}: {stop.words.rstrip('.')}" if stop.words else stop.cause
    return f"{said}. Disposition: {stop.disposition}."
