"""Every state in which a clinician meets a page: which desk it needs, where it stands, what is pressed before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fhir_mappings.facts.treatment import Role, Route
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.notes.pdf import pdf_printer
from smart_app.use_cases.care_entries import record_care
from smart_app.use_cases.course.decide_course import decide
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.records import CareKind, MessageState
from smart_app.use_cases.session.record_session import save_fields
from smart_app.use_cases.session.session_entries import add_entry
from smart_app.use_cases.signing.sign_session import sign
from tests.answers import before_answers
from tests.smart_app.pages.desk import Desk, a_caller, a_screening
from tests.smart_app.pages.screening_desk import HARD, REFUSED, with_chart
from tests.smart_app.pages.test_maintenance_page import at_home, ended
from tests.smart_app.pages.treatment import (
    a_dose,
    amended,
    disputed,
    enrolled,
    nurse,
    opened,
    reading,
    ready,
    running,
    signed,
    stocked,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page


def _nothing(_page: Page) -> None:
    """The page is looked at as it opens."""


@dataclass(frozen=True)
class State:
    name: str
    path: str  # below the launch; from the root with a slash in front
    act: Callable[[Page], None] = _nothing  # what is typed and pressed before it is looked at


def _pressed(button: str, then: str = "#problems", **typed: str) -> Callable[[Page], None]:
    """Fill in, press, and wait for what has to be there. A button is pressed with the script's help or without."""

    def act(page: Page) -> None:
        for name, value in typed.items():
            page.fill(f"[name='{name.replace('__', '.')}']", value)
        page.get_by_role("button", name=button).first.click()
        page.wait_for_selector(then)

    return act


def _desk(role: Role = Role.PRESCRIBER) -> Desk:
    desk = Desk()
    desk.open(a_caller() if role is Role.PRESCRIBER else nurse())
    return desk


def _screened() -> tuple[Desk, list[State]]:
    override = "screening/override/ABS-SCZ"
    look = _pressed("Continue", "text=Override as", reason="Revised by two psychiatrists")
    return with_chart(_desk(), *HARD, failures=(REFUSED,)), [
        State("screening, contraindicated", "screening"),
        State("override", override),
        State("override, refused", override, _pressed("Continue", reason="short")),
        State("override, second look", override, look),
        State("enrolment, closed", "enrolment"),
        State("session, not enrolled", "session"),
        State("progress, no course", "progress"),
        State("outcomes, none", "outcomes"),
        State("maintenance, no course", "maintenance"),
        State("audit", "audit"),
        State("rules", "rules"),
        State("about", "about"),
        State("leave", "leave"),
        State("own window", "about", _pressed("Open in its own window", "text=Open the window")),
        State("not found", "no/such/page"),
        State("no connection", "/no-connection"),
        State("policy", "/policy"),
    ]


def _candidate() -> tuple[Desk, list[State]]:
    desk = _desk()
    desk.keep(screening=a_screening())

    def planned(page: Page) -> None:
        page.check("[name=route][value=IV]", force=True)
        page.click("button[value=plan]")
        page.wait_for_selector("#s-days")

    def refused(page: Page) -> None:
        planned(page)
        _pressed("Check", "#problems", weight_kg="8200")(page)

    def checked(page: Page) -> None:
        planned(page)
        for name, value in (
            ("weight_kg", "82.0"),
            ("weight_date", "2026-11-20"),
            ("dose_mg_per_kg", "0.5"),
            ("consent_signed_on", "2026-11-20"),
            ("escort", "B. Friend 555 0101"),
            ("emergency_name", "C. Parent"),
            ("emergency_phone", "555 0102"),
            ("emergency_relation", "Brother"),
        ):
            page.fill(f"[name={name}]", value)
        page.fill("[name=consent]", "paper")
        for name, value in (("place", "clinic"), ("monitoring", "yes"), ("off_label", "yes")):
            page.check(f"[name={name}][value={value}]", force=True)
        _pressed("Check", "button[value=enrol]")(page)

    return desk, [
        State("screening, candidate", "screening"),
        State("enrolment, empty", "enrolment"),
        State("enrolment, form", "enrolment", planned),
        State("enrolment, refused", "enrolment", refused),
        State("enrolment, check", "enrolment", checked),
    ]


def _enrolled() -> tuple[Desk, list[State]]:
    return enrolled(_desk()), [
        State("enrolled", "enrolment"),
        State("withdraw", "enrolment/withdraw"),
        State("session start", "session"),
        State("session missed", "session/missed"),
        State("progress, no session", "progress"),
        State("course, hold", "course/hold"),
        State("course, nothing to confirm", "course/confirm"),
    ]


def _begun() -> tuple[Desk, list[State]]:
    desk = _desk()
    at = f"session/{opened(desk).id}"
    unusual = _pressed("Save and", "text=Unusual", dose__planned_mg_per_kg="1.2", dose__planned_mg="98.4")
    return desk, [
        State("before, empty", f"{at}/before"),
        State("before, refused", f"{at}/before", _pressed("Save and")),
        State("gate, no reading", f"{at}/gate"),
        State("dose, empty", f"{at}/dose"),
        State("dose, asked back", f"{at}/dose", unusual),
        State("monitor, empty", f"{at}/monitor"),
        State("discharge, empty", f"{at}/discharge"),
        State("end without a dose", f"{at}/stop"),
        State("review, everything missing", f"{at}/sign"),
    ]


def _gate_failing() -> tuple[Desk, list[State]]:
    desk = _desk(Role.NURSE)
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"check.suicidality": "yes", "check.fasting": "no"})
    reading(desk, session, 152, 104, baseline="yes")
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"check.suicidality.finding": "plan"})
    decide_hold(desk)
    at = f"session/{session.id}"
    return desk, [
        State("before, gate failing and on hold", f"{at}/before"),
        State("gate, failing, a nurse", f"{at}/gate"),
        State("dose, gate failing, a nurse", f"{at}/dose"),
    ]


def decide_hold(desk: Desk) -> None:
    course = next(reversed(desk.work.kept.courses.values()))
    told = {"course": course.id, "version": str(course.version), "reason": "The family asked for a break."}
    deps = desk.deps
    decide(desk.work, deps.clock, a_caller(), "hold", told, deps.ids, deps.site)


def _ready_to_dose() -> tuple[Desk, list[State]]:
    desk = _desk()
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, before_answers(Route.IV))
    for _ in range(2):
        reading(desk, session, 128, 78, baseline="yes")
    at = f"session/{session.id}"
    dose = {name: value for name, value in a_dose(desk).items() if name not in {"dose.started", "dose.date"}}
    save_fields(desk.work, desk.deps.clock, a_caller(), session.id, dose)
    return desk, [State("before, passing", f"{at}/before"), State("dose, calculated", f"{at}/dose")]


def _dosed() -> tuple[Desk, list[State]]:
    desk = _desk()
    session = running(desk)
    work, clock, ids = desk.work, desk.deps.clock, desk.deps.ids
    save_fields(work, clock, nurse(), session.id, {"dose.given_mg": "41"})
    medicine = {"drug": "ondansetron", "dose": "4", "unit": "mg", "route": "IV", "reason": "Nausea"}
    add_entry(work, clock, nurse(), session.id, "rescue", ids(), medicine)
    struck = next(entry for entry in session.entries if entry.kind == "reading")
    at = f"session/{session.id}"

    def unusual(page: Page) -> None:
        typed = {"reading.systolic": "240", "reading.diastolic": "110", "reading.heart_rate": "80"}
        for name, value in (typed | {"reading.oxygen_saturation": "97"}).items():
            page.fill(f"[name='{name}']", value)
        _pressed("Save reading", "text=Yes, keep")(page)

    return desk, [
        State("monitor, with a chart", f"{at}/monitor"),
        State("monitor, every form", f"{at}/monitor?add=event&add=rescue&add=infusion"),
        State("monitor, refused", f"{at}/monitor", _pressed("Save reading", reading__systolic="abc")),
        State("monitor, asked back", f"{at}/monitor", unusual),
        State("strike out", f"{at}/strike/{struck.id}"),
        State("stop early", f"{at}/stop"),
        State("stop early, refused", f"{at}/stop", _pressed("Stop the session")),
        State("discharge, in course", f"{at}/discharge"),
        State("review, missing", f"{at}/sign"),
    ]


def _in_trouble() -> tuple[Desk, list[State]]:
    desk = _desk()
    session = running(desk)
    work, clock = desk.work, desk.deps.clock
    reading(desk, session, 186, 112)
    save_fields(work, clock, nurse(), session.id, {"dose.ended": ""})
    at = f"session/{session.id}"
    add_entry(work, clock, nurse(), session.id, "event", desk.deps.ids(), {
        "type": "hypertension", "severity": "severe", "serious": "yes", "action": "Infusion stopped"
    })  # fmt: skip
    return desk, [State("monitor, stop card", f"{at}/monitor"), State("before, during", f"{at}/before")]


def _conflict() -> tuple[Desk, list[State]]:
    desk = _desk()
    session = running(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.given_mg": "41.5"})
    save_fields(desk.work, desk.deps.clock, a_caller(), session.id, {"dose.given_mg": "42"}, {"dose.given_mg": "40"})
    at = f"session/{session.id}"
    return desk, [State("dose, two people", f"{at}/dose"), State("monitor, two people", f"{at}/monitor")]


def _complete() -> tuple[Desk, list[State]]:
    desk = _desk()
    at = f"session/{ready(desk).id}"
    return desk, [
        State("discharge, complete", f"{at}/discharge"),
        State("review, complete", f"{at}/sign"),
        State("review, refused", f"{at}/sign", _pressed("Sign as")),
        State("draft", f"{at}/draft"),
    ]


def _asked_to_sign_in() -> tuple[Desk, list[State]]:
    desk = _desk()
    at = f"session/{ready(desk).id}"
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, sign_in_again=timedelta(minutes=5)))
    return desk, [
        State("review, sign in first", f"{at}/sign"),
        State(
            "missed, sign in first", "session/missed", _pressed("Record the", then="text=kept and", reason="Snow.")
        ),
    ]


def _signed() -> tuple[Desk, list[State]]:
    desk = Desk(print_pdf=pdf_printer())
    desk.open()
    session = signed(desk)
    at = f"session/{session.id}"
    desk.open(nurse())
    return desk, [
        State("signed, waiting, a nurse", f"{at}/sign"),
        State("countersign, refused", f"{at}/sign", _pressed("Countersign as")),
        State("progress, a nurse", "progress"),
    ]


def _amended() -> tuple[Desk, list[State]]:
    desk = Desk(print_pdf=pdf_printer())
    desk.open()
    session = amended(desk)
    at = f"session/{session.id}"
    return desk, [
        State("review, an amendment", f"{at}/sign"),
        State("amend, in course", f"{at}/amend"),
        State("addendum, in course", f"{at}/addendum"),
        State("version 1", f"{at}/version/1"),
        State("draft of an amendment", f"{at}/draft"),
        State("before, amending", f"{at}/before"),
    ]


def _disputed() -> tuple[Desk, list[State]]:
    desk = _desk()
    at = f"session/{disputed(desk).id}"
    (message,) = (key for key, each in desk.work.kept.queue.items() if each.message.state is MessageState.CONFLICT)
    return desk, [State("signed, in conflict", f"{at}/sign"), State("both sides", f"delivery/compare/{message}")]


def _amended_again() -> tuple[Desk, list[State]]:
    desk = Desk(print_pdf=pdf_printer())
    desk.open()
    session, deps = amended(desk), desk.deps
    sign(desk.work, deps.clock, a_caller(), session.id, {"attest": "yes"}, deps.ids, deps.site)
    at = f"session/{session.id}"
    return desk, [State("signed, three versions", f"{at}/sign"), State("version 3", f"{at}/version/3")]


def _followed() -> tuple[Desk, list[State]]:
    desk = _desk()
    session = signed(desk)
    deps = desk.deps
    for scale, answers in (("phq9", "2 2 1 1 0 1 1 0 1"), ("madrs", "3 3 2 2 1 2 3 2 1 0")):
        fields = {f"item.{number}": answer for number, answer in enumerate(answers.split(), start=1)}
        record_score(desk.work, deps.clock, a_caller(), deps.ids(), scale, fields, deps.ids, deps.site)

    def total(page: Page) -> None:
        page.click("summary:has-text('total')")
        _pressed("Save", total="99")(page)

    at = f"session/{session.id}"
    scales = ("phq9", "gad7", "cssrs", "madrs", "qids-sr16", "cadss6", "hamd17")
    return desk, [
        State("progress, in course", "progress"),
        State("progress, refused", "progress", total),
        State("outcomes, with scores", "outcomes"),
        *(State(f"questionnaire {scale}", f"outcomes/{scale}") for scale in scales),
        State("questionnaire, refused", "outcomes/phq9", _pressed("Save")),
        State("signed, waiting", f"{at}/sign"),
        State("entered in error", f"{at}/error"),
        State("amend", f"{at}/amend"),
        State("addendum", f"{at}/addendum"),
        State("addendum, refused", f"{at}/addendum", _pressed("Sign as")),
        State("course, dates", "course/dates"),
        State("course, finish", "course/finish"),
        State("course, finish, refused", "course/finish", _pressed("End")),
        State("session start, second", "session"),
        State("audit, long", "audit"),
    ]


def _ended_course() -> tuple[Desk, list[State]]:
    desk = Desk()
    ended(desk)
    desk.open()
    for kind, told in (
        (CareKind.PRESSURE, {"systolic": "128", "diastolic": "82"}),
        (CareKind.URINARY, {"symptoms": "no"}),
    ):
        record_care(desk.work, desk.deps.clock, a_caller(), desk.deps.ids(), kind, {"day": "2026-11-28"} | told)
    entry = desk.work.kept.care[0].id

    def routed(page: Page) -> None:
        page.check("[name=route][value=IV]", force=True)
        page.click("button[value=route]")
        page.wait_for_selector("#s-dose")

    def refused(page: Page) -> None:
        routed(page)
        _pressed("Plan the booster")(page)

    return desk, [
        State("maintenance", "maintenance"),
        State("booster, empty", "maintenance/booster"),
        State("booster, form", "maintenance/booster", routed),
        State("booster, refused", "maintenance/booster", refused),
        State("liver values", "maintenance/record/liver"),
        State("liver values, refused", "maintenance/record/liver", _pressed("Save")),
        State("urinary symptoms", "maintenance/record/urinary"),
        State("blood pressure", "maintenance/record/pressure"),
        State("strike out an entry", f"maintenance/strike/{entry}"),
        State("progress, course completed", "progress"),
        State("session, course completed", "session"),
    ]


def _at_home() -> tuple[Desk, list[State]]:
    desk = Desk()
    at_home(desk)
    desk.open()
    pages = ("microdosing", "microdosing/log", "microdosing/review")
    return desk, [
        *(State(each, each) for each in pages),
        State("microdosing/log, refused", "microdosing/log", _pressed("Save")),
        State("microdosing/review, refused", "microdosing/review", _pressed("Save")),
        State("progress, at home", "progress"),
    ]


def _ledger() -> tuple[Desk, list[State]]:
    desk = _desk()
    session = stocked(desk)
    return desk, [
        State("ledger", "ledger"),
        State("ledger, receive", f"ledger/receive?session={session.id}"),
        State("ledger, receive, refused", "ledger/receive", _pressed("Receive")),
        State("ledger, a vial", "ledger/vials/one-1"),
        State("ledger, waiting for a witness", "ledger/vials/two-1"),
        State("ledger, waste", "ledger/vials/one-1/waste"),
        State("ledger, count", "ledger/vials/one-1/count"),
        State("ledger, count, refused", "ledger/vials/one-1/count", _pressed("Enter the count")),
        State("dose, with the ledger", f"session/{session.id}/dose"),
    ]


def _bare_ledger() -> tuple[Desk, list[State]]:
    desk = _desk()
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, ledger=LedgerRules()))
    return desk, [State("ledger, empty", "ledger"), State("screening, none", "screening")]


def _ended() -> tuple[Desk, list[State]]:
    desk = _desk()
    return desk, [State("closed", "leave", _pressed("Close", "text=closed"))]


def _too_late() -> tuple[Desk, list[State]]:
    desk = _desk()
    desk.now += timedelta(hours=13)
    return desk, [State("session ended", "screening")]


STAGES = {
    "screened": _screened,
    "candidate": _candidate,
    "enrolled": _enrolled,
    "begun": _begun,
    "gate failing": _gate_failing,
    "ready to dose": _ready_to_dose,
    "dosed": _dosed,
    "in trouble": _in_trouble,
    "conflict": _conflict,
    "complete": _complete,
    "asked to sign in": _asked_to_sign_in,
    "signed": _signed,
    "amended": _amended,
    "disputed": _disputed,
    "amended again": _amended_again,
    "followed": _followed,
    "ended course": _ended_course,
    "at home": _at_home,
    "ledger": _ledger,
    "bare ledger": _bare_ledger,
    "ended": _ended,
    "too late": _too_late,
}
