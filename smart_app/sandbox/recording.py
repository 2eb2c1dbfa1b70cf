"""Enrols a patient in an IV course and records past sessions, page by page, as a clinician would afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from smart_app.sandbox.clinician import Clinician, LostError, Page, Value

STARTED = 10 * 60  # minutes after midnight
BASELINES = (-20, -15)
READINGS = (0, 10, 20, 30, 40, 55, 70, 85, 100, 115, 120)
OBSERVED = 125
COUNT = 6  # of an IV course
FELT = range(10, 56)  # minutes after the start in which sedation and dissociation are recorded
ASKED = 422  # the page asks for something
LOT = "K24-118"
ESCORT = "June Whitfield, 555 0102"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSession:
    """One IV session of `minutes`; `phq9` only where it was asked that day."""

    day: date
    milligrams: Decimal
    minutes: int
    phq9: int | None
    nausea: bool = False  # felt during the infusion, and over within it


async def record_course(clinician: Clinician, patient_id: str, sessions: Sequence[PlannedSession]) -> None:
    """Enrol the patient, then record and sign the sessions. Raises `LostError` where a page is not as expected.

    The next session is planned for two days after the last recorded one.
    """
    screening = await clinician.launch(patient_id)
    root = screening.url.rpartition("/")[0]
    await enrol(clinician, root, sessions)
    for session in sessions:
        await record_session(clinician, root, session)


async def enrol(clinician: Clinician, root: str, sessions: Sequence[PlannedSession]) -> None:
    """Enrol in the IV programme from the app's pages; `root` is the launch's address without a trailing slash."""
    first = sessions[0].day
    before = (first - timedelta(days=1)).isoformat()
    page = _good(await clinician.open(f"{root}/enrolment"))
    form = _form(page, "/enrolment")
    page = _good(await clinician.submit(page, form, {"route": "IV", "start": first.isoformat()}, button="do=plan"))
    days = [*(session.day for session in sessions), sessions[-1].day + timedelta(days=2)][:COUNT]
    planned: dict[str, Value] = {f"day.{number}": day.isoformat() for number, day in enumerate(days, start=1)}
    answers: dict[str, Value] = {
        "weight_date": before,
        "consent_signed_on": before,
        "consent": "paper",
        "escort": ESCORT,
        "emergency_name": "June Whitfield",
        "emergency_phone": "555 0102",
        "emergency_relation": "Mother",
        "off_label": "yes",
        "monitoring": "yes",
    }
    page = _good(await clinician.submit(page, form, {**planned, **answers}, button="do=check"))
    _good(await clinician.submit(page, form, button="do=enrol"))


async def record_session(clinician: Clinician, root: str, session: PlannedSession) -> None:
    """Record and sign one session on its past day; the first dose receives the vial that all come out of."""
    start = _good(await clinician.open(f"{root}/session"))
    held: dict[str, Value] = {"held": session.day.isoformat()}
    asked = await clinician.submit(start, _form(start, "/session"), held)
    if asked.status == ASKED:  # no screening of that day is kept
        why: dict[str, Value] = {**held, "reason": "Entered afterwards from the paper record."}
        asked = await clinician.submit(asked, _form(asked, "/session"), why)
    opened = _good(asked)
    steps = opened.url.rpartition("/")[0]
    # The time of the dose comes first: the readings are judged against it.
    await _dose(clinician, steps, session)
    await _before(clinician, steps)
    await _monitor(clinician, steps)
    if session.nausea:
        await _nausea(clinician, steps)
    await _discharge(clinician, steps)
    await _sign(clinician, steps)
    if session.phq9 is not None:
        await _score(clinician, root, session)


async def _dose(clinician: Clinician, steps: str, session: PlannedSession) -> None:
    page = _good(await clinician.open(f"{steps}/dose"))
    if LOT not in page.html:
        page = await _receive(clinician, steps, page, session)
    given: dict[str, Value] = {
        "dose.lot": LOT,
        "dose.given_mg": str(session.milligrams),
        "dose.wasted_mg": "0",
        "dose.body_site": "left forearm",
        "dose.second_person": "Tom Reyes",
        "dose.started": _clock(0),
        "dose.ended": _clock(session.minutes),
    }
    # The page now asks for the baseline; that is the next page here.
    await clinician.submit(page, _form(page, "/fields"), given, button="Save and go to monitoring")


async def _receive(clinician: Clinician, steps: str, page: Page, session: PlannedSession) -> Page:
    """A vial of 500 mg that came the day before, from the link of the dose step."""
    form = _good(await clinician.open(page.link("Receive a vial"), on=page))
    vial: dict[str, Value] = {
        "lot": LOT,
        "expiry": f"{session.day.year + 1}-06",
        "concentration": "50",
        "volume": "10",
        "received": (session.day - timedelta(days=1)).isoformat(),
        "supplier": "Riverside Pharmacy",
    }
    _good(await clinician.submit(form, _form(form, "/ledger/receive"), vial))
    return _good(await clinician.open(f"{steps}/dose"))


async def _before(clinician: Clinician, steps: str) -> None:
    page = _good(await clinician.open(f"{steps}/before"))
    for minute in BASELINES:
        page = await _reading(clinician, page, minute)
    checks = _yes(page, "check.")
    checks |= {"check.fasting.solids": "10", "check.fasting.fluids": "4", "check.staff.name": "Tom Reyes"}
    checks |= dict(zip(("check.escort.name", "check.escort.phone"), ESCORT.split(", "), strict=True))
    if "check.pregnancy" in checks:
        checks["check.pregnancy"] = "na"
    await clinician.submit(page, _form(page, "/fields"), checks)


async def _monitor(clinician: Clinician, steps: str) -> None:
    page = _good(await clinician.open(f"{steps}/monitor"))
    for minute in READINGS:
        page = await _reading(clinician, page, minute)


async def _nausea(clinician: Clinician, steps: str) -> None:
    page = _good(await clinician.open(f"{steps}/monitor?add=event"))
    event: dict[str, Value] = {
        "event.type": "nausea",
        "event.severity": "mild",
        "event.serious": "no",
        "event.time": _clock(20),
        "event.resolved": _clock(30),
    }
    _good(await clinician.submit(page, _form(page, "/entries/event"), event))


async def _reading(clinician: Clinician, page: Page, minute: int) -> Page:
    """A rise by some mmHg during the infusion, as ketamine gives it."""
    felt = minute in FELT
    values: dict[str, Value] = {
        "reading.systolic": str(136 if felt else 124),
        "reading.diastolic": str(84 if felt else 78),
        "reading.heart_rate": str(82 if felt else 72),
        "reading.oxygen_saturation": "97",
        "reading.respiratory_rate": "14",
        "reading.sedation": "4" if felt else "5",
        "reading.dissociation": "2" if felt else "0",
        "reading.time": _clock(minute),
    }
    return _good(await clinician.submit(page, _form(page, "/entries/reading"), values))


async def _discharge(clinician: Clinician, steps: str) -> None:
    page = _good(await clinician.open(f"{steps}/discharge"))
    criteria = _yes(page, "discharge.")
    if "discharge.next" in criteria:
        criteria["discharge.next"] = "na"
    leaving: dict[str, Value] = {"discharge.escort": ESCORT, "discharge.ended": _clock(OBSERVED)}
    _good(await clinician.submit(page, _form(page, "/fields"), {**criteria, **leaving}))


async def _sign(clinician: Clinician, steps: str) -> None:
    page = _good(await clinician.open(f"{steps}/sign"))
    form = _form(page, "/sign")
    ticks: dict[str, Value] = dict.fromkeys(page.form(form).choices, "yes")
    _good(await clinician.submit(page, form, ticks))


async def _score(clinician: Clinician, root: str, session: PlannedSession) -> None:
    page = _good(await clinician.open(f"{root}/progress"))
    answers: dict[str, Value] = {"total": str(session.phq9), "date": session.day.isoformat(), "item9": "0"}
    _good(await clinician.submit(page, _form(page, "/progress/score"), answers))


def _clock(minute: int) -> str:
    """The time of day so many minutes after the dose."""
    return f"{(STARTED + minute) // 60:02}:{(STARTED + minute) % 60:02}"


def _form(page: Page, ending: str) -> str:
    """The action of the form that ends so; it holds the launch, which only the page knows."""
    for form in page.forms:
        if form.action.endswith(ending):
            return form.action
    there = [form.action.rpartition("/")[2] for form in page.forms]
    said = page.text.partition("Still missing")[2][:200] or page.title
    raise LostError(f"no form for {ending}; there are {there}; the page says: {said}")


def _yes(page: Page, prefix: str) -> dict[str, Value]:
    """Yes to the questions of the step's own form, and of each list beside one its first entry."""
    choices = page.form(_form(page, "/fields")).choices
    named = {name: values for name, values in choices.items() if name.startswith(prefix)}
    return {name: "yes" if "yes" in values else next(filter(None, values)) for name, values in named.items()}


def _good(page: Page) -> Page:
    if page.status != 200:
        raise LostError(f"{page.url.rpartition('/')[2]} was answered {page.status}")
    return page
