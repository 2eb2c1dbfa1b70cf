"""Which checks apply to whom and where, and what the screening adds to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.clinical import Area, Gap, MedicationUse, PatientFacts
from fhir_mappings.facts.treatment import Place
from smart_app.use_cases.records import ScreeningInputs, StoredSession
from smart_app.use_cases.session.at_hand import AtHand
from smart_app.use_cases.session.checklist import against_the_dose, before_items, open_stopping, reasons_wanted
from smart_app.use_cases.session.record_session import session_view
from smart_app.use_cases.session.session_steps import check_step
from tests.smart_app.use_cases.a_clinic import BASE, DEE, ENROLMENT, NAN, Clinic, before_fields

HOME_KIT = {"monitor", "oxygen", "suction", "airway", "rescue"}


def a_use(name: str, *classes: str, **changes: Any) -> MedicationUse:
    use = MedicationUse(
        reference=f"MedicationRequest/{name}",
        label=name,
        ingredients=frozenset({name}),
        classes=frozenset(classes),
        current=True,
    )
    return replace(use, **changes)


def a_session_of(*uses: MedicationUse, gaps: tuple[Gap, ...] = (), **enrolment: str) -> tuple[Clinic, StoredSession]:
    """A session opened after a screening that read these medicines."""
    clinic = Clinic()
    clinic.enrolled(**enrolment)
    facts = PatientFacts(person=None, medications=uses, gaps=gaps)
    with clinic.work() as uow:
        uow.screenings.keep_inputs(
            ScreeningInputs(id="inputs-1", ehr="demo", patient=f"{BASE}/Patient/ada", at=clinic.now, facts=facts)
        )
        uow.audit.add(AuditRecord(action="test:inputs:keep", at=clinic.now))
        uow.commit()
    clinic.screened(inputs="inputs-1")
    clinic.at("14:00")
    return clinic, clinic.opened()


def at_hand(clinic: Clinic, session: StoredSession) -> AtHand:
    return AtHand.of(clinic.session(session.id), clinic.course, clinic.now, clinic.site.limits)


def texts(clinic: Clinic, session: StoredSession) -> list[str]:
    return [item.text for item in before_items(at_hand(clinic, session)) if item.key.startswith("held")]


class TestMedicines:
    def test_each_that_matters_is_asked_about_by_name(self) -> None:
        clinic, session = a_session_of(
            a_use("lorazepam", "benzodiazepine"),
            a_use("phenelzine", "maoi", "antidepressant"),
            a_use("sertraline", "antidepressant"),
            a_use("diazepam", "benzodiazepine", current=False),
        )
        assert texts(clinic, session) == [
            "Lorazepam held today (benzodiazepine)",
            "Phenelzine held today (MAO inhibitor)",
        ]

    def test_one_that_could_not_be_resolved_may_be_any(self) -> None:
        clinic, session = a_session_of(a_use("Herbal mixture", ingredients=frozenset()))
        assert texts(clinic, session) == ["Herbal mixture held today (not known what it holds)"]

    @pytest.mark.parametrize("whole_search", [True, False])
    def test_a_list_that_could_not_be_read_is_no_empty_list(self, whole_search: bool) -> None:
        gap = Gap(area=Area.MEDICATION, reference="", reason="timed out", fetch_failed=whole_search)
        clinic, session = a_session_of(a_use("lorazepam", "benzodiazepine"), gaps=(gap,))
        assert [words.partition(" held")[0] for words in texts(clinic, session)] == [
            "Lorazepam",
            "Sedatives, stimulants and MAO inhibitors",
        ]

    def test_a_list_read_whole_without_such_a_medicine_asks_nothing(self) -> None:
        assert texts(*a_session_of(a_use("sertraline", "antidepressant"))) == []

    def test_no_field_and_no_audit_record_names_a_medicine(self) -> None:
        clinic, session = a_session_of(a_use("lorazepam", "benzodiazepine"))
        clinic.save(session, {"check.held_1": "no"})
        assert clinic.trail[-1].detail == "fields: check.held_1"
        record = before_items(at_hand(clinic, session))
        assert "lorazepam" not in " ".join(item.key for item in record)

    def test_a_screening_after_the_opening_does_not_change_what_was_asked(self) -> None:
        clinic, session = a_session_of(a_use("lorazepam", "benzodiazepine"))
        clinic.screened()
        assert texts(clinic, session) == ["Lorazepam held today (benzodiazepine)"]


class TestWhoAndWhere:
    @pytest.mark.parametrize(("gender", "asked"), [("male", False), ("female", True), ("other", True), ("", True)])
    def test_pregnancy_is_asked_unless_the_chart_says_male(self, gender: str, asked: bool) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.screened(person={"family": "Test", "gender": gender})
        session = clinic.opened()
        keys = {item.key for item in before_items(at_hand(clinic, session))}
        assert ("pregnancy" in keys) is asked

    @pytest.mark.parametrize("place", Place)
    def test_at_home_each_piece_of_the_kit_is_named(self, place: Place) -> None:
        clinic, session = a_session_of(place=place, address_confirmed="yes")
        keys = {item.key for item in before_items(at_hand(clinic, session))}
        assert keys & {*HOME_KIT, "equipment"} == (HOME_KIT if place is Place.HOME else {"equipment"})

    def test_a_tablet_taken_at_night_needs_no_fasting_and_nobody_who_stays(self) -> None:
        clinic, session = a_session_of(route="SL", dose_mg_per_kg="", dose_mg="30")
        keys = {item.key for item in before_items(at_hand(clinic, session))}
        assert keys.isdisjoint({"fasting", "escort", "staff", "access", "equipment"})

    def test_one_blood_pressure_is_enough_where_no_monitoring_is_planned(self) -> None:
        clinic, session = a_session_of(route="SL", dose_mg_per_kg="", dose_mg="30")
        clinic.read(session, "128/78")
        assert at_hand(clinic, session).gate().open


class TestStartingTheDose:
    def test_every_stopping_check_has_to_be_answered(self) -> None:
        clinic, session = a_session_of()
        unasked = open_stopping(at_hand(clinic, session))
        assert {"check.identity", "check.consent", "check.psychosis", "check.staff"} <= set(unasked)
        assert "check.driving" not in unasked
        assert reasons_wanted(at_hand(clinic, session)) == ("gate.reason", "check.reason")

    def test_with_all_answered_and_measured_nothing_is_wanted(self) -> None:
        clinic, session = a_session_of()
        clinic.save(session, before_fields(clinic.course.route))
        clinic.read(session, "128/78")
        clinic.read(session, "126/80")
        assert reasons_wanted(at_hand(clinic, session)) == ()
        assert check_step(clinic.session(session.id), "before", clinic.course, clinic.now, clinic.site.limits) == {}

    @pytest.mark.parametrize(
        ("solids", "fluids", "stops"),
        [("6", "2", False), ("5.9", "2", True), ("6", "1.9", True), ("0", "0", True), ("x", "2", False)],
        ids=["as asked", "solids short", "fluids short", "not at all", "unreadable is asked for, not judged"],
    )
    def test_hours_of_fasting_are_compared_with_the_programme_s(self, solids: str, fluids: str, stops: bool) -> None:
        clinic, session = a_session_of()
        typed = {"check.fasting.solids": solids, "check.fasting.fluids": fluids}
        clinic.save(session, before_fields(clinic.course.route) | typed)
        assert bool(against_the_dose(at_hand(clinic, session))) is stops

    @pytest.mark.parametrize(("weighed", "said"), [("2026-10-03", False), ("2026-10-02", True)])
    def test_a_yes_to_an_old_weight_is_contradicted(self, weighed: str, said: bool) -> None:
        clinic, session = a_session_of()
        clinic.save(session, before_fields(clinic.course.route) | {"dose.weight_date": weighed})
        found = check_step(clinic.session(session.id), "before", clinic.course, clinic.now, clinic.site.limits)
        assert ("check.weight" in found) is said
        clinic.save(session, {"check.weight": "no"})
        found = check_step(clinic.session(session.id), "before", clinic.course, clinic.now, clinic.site.limits)
        assert "check.weight" not in found, "no is an answer"

    def test_a_nurse_s_reason_sets_nothing_aside(self) -> None:
        clinic, session = a_session_of()
        clinic.save(session, before_fields(clinic.course.route) | {"check.consent": "no"})
        clinic.save(session, {"check.reason": "A reason that is long enough"}, NAN)
        assert "check.reason" in reasons_wanted(at_hand(clinic, session))
        clinic.save(session, {"check.reason": "A prescriber's reason, long enough"}, DEE)
        assert "check.reason" not in reasons_wanted(at_hand(clinic, session))
        clinic.at("14:05")
        clinic.save(session, {"check.sober": "no"}, NAN)
        assert "check.reason" in reasons_wanted(at_hand(clinic, session)), "it was given for something else"


def test_a_session_entered_afterwards_is_asked_about_its_own_day() -> None:
    clinic = Clinic()
    clinic.enrolled(ENROLMENT)
    clinic.at("14:00", date(2026, 11, 5))
    session = clinic.opened(held="2026-11-02")
    clinic.save(session, before_fields(clinic.course.route) | {"check.pregnancy.day": "2026-11-03"})
    view = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site)
    (before,) = (state for state in view.steps if state.key == "before")
    assert before.problems["check.pregnancy.day"] == "This day lies after the session."


@pytest.mark.parametrize(
    ("planned", "name", "phone"),
    [
        ("B. Friend 555 0101", "B. Friend", "555 0101"),
        ("June Whitfield, 555 0102", "June Whitfield", "555 0102"),
        ("Sam +1 (312) 555-0100", "Sam", "+1 (312) 555-0100"),
        ("Sam Sister", "Sam Sister", ""),
        ("Sam, room 12", "Sam, room 12", ""),
    ],
)
def test_the_escort_of_the_enrolment_stands_in_the_form(planned: str, name: str, phone: str) -> None:
    _, session = a_session_of(escort=planned)
    assert session.fields["check.escort.name"] == name
    assert session.fields.get("check.escort.phone", "") == phone
    assert session.fields["discharge.escort"] == planned
