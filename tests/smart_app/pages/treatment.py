"""Brings a desk's patient to a point of the treatment: enrolled, in a session, ready to sign, signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Thread

import anyio

from fhir_mappings.facts.treatment import Role, Route
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.use_cases.course.enrol import enrol
from smart_app.use_cases.delivery.deliver_outbox import deliver_next
from smart_app.use_cases.delivery.delivery_verdict import Limits
from smart_app.use_cases.ledger.ledger_acts import count_vial, waste_rest
from smart_app.use_cases.ledger.receive_vials import asked_about, receive_vials
from smart_app.use_cases.outcomes.goals import progress_of
from smart_app.use_cases.records import Caller, StoredSession
from smart_app.use_cases.session.record_session import open_session, save_fields
from smart_app.use_cases.session.session_entries import add_entry
from smart_app.use_cases.signing.amend_session import add_addendum, begin_amendment
from smart_app.use_cases.signing.sign_session import sign
from tests.answers import before_answers, discharge_answers
from tests.fakes import FakeOutbox
from tests.smart_app.pages.desk import Desk, a_caller, a_clinician, a_screening
from tests.smart_app.use_cases.scripted_ehr import ScriptedEhr

READINGS = ((2, 141, 86), (10, 152, 92), (20, 163, 98), (30, 171, 101), (40, 158, 95), (55, 150, 90))


def nurse() -> Caller:
    return a_caller(clinician=a_clinician(Role.NURSE, "R. Nurse"))


def enrolment_fields(desk: Desk) -> dict[str, str]:
    today = desk.now.date()
    days = {f"day.{number}": offset for number, offset in enumerate((0, 3, 7, 10, 14, 17), start=1)}
    return {
        "route": "IV",
        "start": today.isoformat(),
        "place": "clinic",
        "weight_kg": "82.0",
        "weight_date": "2026-11-20",
        "dose_mg_per_kg": "0.5",
        "monitoring": "yes",
        "consent_signed_on": "2026-11-20",
        "consent": "paper",
        "escort": "B. Friend 555 0101",
        "emergency_name": "C. Parent",
        "emergency_phone": "555 0102",
        "emergency_relation": "Brother",
        "off_label": "yes",
    } | {name: (today + timedelta(days=offset)).isoformat() for name, offset in days.items()}


def enrolled(desk: Desk) -> Desk:
    desk.keep(screening=a_screening(at=desk.now - timedelta(minutes=20)))
    deps = desk.deps
    enrol(deps.work, deps.clock, a_caller(), enrolment_fields(desk), deps.ids, deps.site)
    return desk


def opened(desk: Desk) -> StoredSession:
    """A session with nothing in it."""
    enrolled(desk)
    return open_session(desk.work, desk.deps.clock, nurse(), desk.deps.ids, desk.deps.site)


def running(desk: Desk) -> StoredSession:
    """An hour into session 1: checks answered, dose given, seven readings, an event and a note."""
    end = desk.now
    desk.now = end - timedelta(minutes=75)
    session = opened(desk)
    work, clock, ids = desk.work, desk.deps.clock, desk.deps.ids
    save_fields(work, clock, nurse(), session.id, before_answers(Route.IV))
    reading(desk, session, 130, 80, baseline="yes", respiratory_rate="14")
    desk.now += timedelta(minutes=5)
    reading(desk, session, 128, 78, baseline="yes")
    desk.now = end - timedelta(minutes=62)
    start = desk.now
    save_fields(work, clock, a_caller(), session.id, a_dose(desk))
    for minute, systolic, diastolic in READINGS:
        desk.now = start + timedelta(minutes=minute)
        reading(desk, session, systolic, diastolic)
    save_fields(work, clock, nurse(), session.id, {"dose.ended": f"{start + timedelta(minutes=40):%H:%M}"})
    event = {"type": "dissociation", "severity": "moderate", "action": "Reassured"}
    add_entry(work, clock, nurse(), session.id, "event", ids(), event)
    add_entry(work, clock, nurse(), session.id, "note", ids(), {"text": "Eye mask on."})
    desk.now = end
    return desk.work.kept.sessions[session.id]


def a_dose(desk: Desk) -> dict[str, str]:
    return {
        "dose.planned_mg_per_kg": "0.5",
        "dose.weight_kg": "82.0",
        "dose.weight_date": "2026-11-20",
        "dose.planned_mg": "41",
        "dose.given_mg": "41",
        "dose.wasted_mg": "0",
        "dose.concentration": "50",
        "dose.volume_ml": "0.82",
        "dose.lot": "K4411",
        "dose.expiry": "2027-05",
        "dose.started": f"{desk.now:%H:%M}",
        "dose.date": desk.now.date().isoformat(),
        "dose.body_site": "left forearm",
    }


def reading(desk: Desk, session: StoredSession, systolic: int, diastolic: int, **more: str) -> str:
    entry = desk.deps.ids()
    values = {"systolic": str(systolic), "diastolic": str(diastolic), "heart_rate": "80", "oxygen_saturation": "97"}
    add_entry(desk.work, desk.deps.clock, nurse(), session.id, "reading", entry, values | more)
    return entry


def ready(desk: Desk) -> StoredSession:
    """Two hours after the dose, everything answered: nothing blocks signing."""
    session = running(desk)
    desk.now += timedelta(minutes=60)
    reading(desk, session, 129, 79, sedation="5", dissociation="0")
    answers = discharge_answers(Route.IV)
    answers |= {f"event.{each.id}.resolved": "14:50" for each in session.entries if each.kind == "event"}
    answers |= {"discharge.escort": "B. Friend", "discharge.ended": f"{desk.now:%H:%M}"}
    return save_fields(desk.work, desk.deps.clock, nurse(), session.id, answers)


def signed(desk: Desk) -> StoredSession:
    session = ready(desk)
    deps = desk.deps
    return sign(deps.work, deps.clock, a_caller(), session.id, {"attest": "yes"}, deps.ids, deps.site)


def disputed(desk: Desk) -> StoredSession:
    """An amendment that met somebody else's edit in the EHR: a dose of 39 mg where 41 mg had been written."""
    session = signed(desk)
    ehr = ScriptedEhr(fhir_base=a_caller().fhir_base, now=desk.deps.clock)
    delivered(desk, ehr)
    (dose,) = ehr.held("MedicationAdministration")
    dose["dosage"]["dose"]["value"] = Decimal(39)
    dose["meta"] |= {"lastUpdated": (desk.now + timedelta(minutes=20)).isoformat(), "source": "urn:pharmacy"}
    ehr.put(dose)
    deps = desk.deps
    begin_amendment(deps.work, deps.clock, a_caller(), session.id, "The dose was mistyped.")
    amounts = {"dose.given_mg": "40.5", "dose.volume_ml": "0.81"}
    save_fields(deps.work, deps.clock, a_caller(), session.id, amounts)
    again = sign(deps.work, deps.clock, a_caller(), session.id, {"attest": "yes"}, deps.ids, deps.site)
    delivered(desk, ehr)
    desk.deps = replace(deps, ehr_of=lambda _launch: ehr)
    return again


def delivered(desk: Desk, ehr: ScriptedEhr) -> None:
    """The worker has done what it can."""
    deps, outbox = desk.deps, FakeOutbox(desk.work)

    async def drain() -> None:
        while await deliver_next(
            outbox,
            desk.work,
            lambda _launch: ehr,
            deps.clock,
            deps.site.instance,
            progress_of=progress_of(desk.work, deps.clock),
            uniform=lambda least, _most: least,
            pauses={},
            limits=Limits(read_again=()),
        ):
            pass

    thread = Thread(target=anyio.run, args=(drain,))  # a test may have a loop of its own
    thread.start()
    thread.join()


def amended(desk: Desk) -> StoredSession:
    """Two signed versions behind it, and a third on its way."""
    session = signed(desk)
    work, clock, ids, site = desk.work, desk.deps.clock, desk.deps.ids, desk.deps.site
    added = {"text": "Her sister took her home.", "reason": "It was left out.", "attest": "yes"}
    add_addendum(work, clock, a_caller(), session.id, added, ids, site)
    begin_amendment(work, clock, a_caller(), session.id, "The lot was mistyped.")
    save_fields(work, clock, a_caller(), session.id, {"dose.lot": "K4412"})
    return session


VIAL = {
    "product": "Ketamine hydrochloride injection",
    "lot": "K4411",
    "expiry": "2027-05",
    "concentration": "50",
    "volume": "10",
    "vials": "1",
    "received": "2026-11-20",
    "supplier": "Riverside Pharmacy",
    "entry": "one",
}


def stocked(desk: Desk) -> StoredSession:
    """A session that waits for its dose, a counted vial, and an expired one whose waste wants a witness."""
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, ledger=LedgerRules()))
    session = opened(desk)
    work, clock, ids, site = desk.work, desk.deps.clock, desk.deps.ids, desk.deps.site
    receive_vials(work, clock, nurse(), VIAL, ids, site)
    old = VIAL | {"lot": "OLD-7", "expiry": "2026-10", "entry": "two"}
    old["confirmed"] = asked_about(old)
    receive_vials(work, clock, nurse(), old, ids, site)
    colleague = replace(a_clinician(Role.NURSE, "C. League"), reference="https://ehr.example/fhir/Practitioner/col")
    waste = {"wasted": "500", "method": "Charcoal pouch", "reason": "Expired last month", "entry": "three"}
    waste_rest(work, clock, a_caller(clinician=colleague), "two-1", waste, site)
    told = {"counted": "499.5", "reason": "Lost in the hub of the needle", "confirm": "yes", "entry": "four"}
    count_vial(work, clock, nurse(), "one-1", told, site)
    return session
