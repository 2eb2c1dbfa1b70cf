"""Amendments and addenda: the signed version stands until the next one is signed, and stays readable after."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.treatment import KetamineSession, SessionStatus
from smart_app.use_cases.course.course_progress import progress_now
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, MessageKind, OutboxMessage, SessionVersion, StoredSession
from smart_app.use_cases.session.record_session import session_view
from smart_app.use_cases.session.session_entries import add_entry, strike_entry
from smart_app.use_cases.session.stop_session import stop_session
from smart_app.use_cases.signing.amend_session import add_addendum, begin_amendment, drop_amendment
from smart_app.use_cases.signing.missed_session import not_done
from smart_app.use_cases.signing.sign_session import review
from smart_app.use_cases.signing.take_back_session import enter_in_error
from smart_app.use_cases.signing.versions import changes
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, MONDAY, NAN, Clinic, a_caller

WHY = "The dose was mistyped."


@pytest.fixture
def clinic() -> Clinic:
    made = Clinic()
    made.enrolled()
    return made


def amending(clinic: Clinic, session: StoredSession, caller: Caller = DEE, reason: str = WHY) -> StoredSession:
    return begin_amendment(clinic.work, clinic.clock, caller, session.id, reason)


def added(clinic: Clinic, session: StoredSession, caller: Caller = DEE, **fields: str) -> StoredSession:
    typed = {"text": "The escort was his sister.", "reason": "It was left out.", "attest": "yes"} | fields
    return add_addendum(clinic.work, clinic.clock, caller, session.id, typed, clinic.ids, clinic.site)


def versions(clinic: Clinic) -> list[SessionVersion]:
    return list(clinic.work.kept.versions.values())


def made(session: StoredSession) -> KetamineSession:
    assert session.signed is not None
    return session.signed


def sent(clinic: Clinic, kind: MessageKind) -> OutboxMessage:
    return next(each for each in reversed(clinic.messages) if each.kind is kind)


class TestAmending:
    def test_the_signed_version_stands_while_the_next_one_is_typed(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.save(session, {"dose.given_mg": "20"})
        held = clinic.session(session.id)
        assert held.signed == session.signed
        progress = progress_now(clinic.course, [held], clinic.now.date())
        assert progress.counted == 1
        assert len(versions(clinic)) == 1
        assert clinic.kinds.count(MessageKind.AMEND_SESSION) == 0

    def test_every_step_is_open_with_the_values_that_were_signed(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        view = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site)
        assert view.editable
        assert (view.fields["dose.given_mg"], view.fields["dose.lot"]) == ("41", "L-77")
        assert all(step.done for step in view.steps)

    def test_signing_makes_the_next_version_and_keeps_the_old_one(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("09:00", MONDAY + timedelta(days=1))
        amending(clinic, session)
        clinic.save(session, {"dose.given_mg": "40.50"})
        again = clinic.sign(clinic.session(session.id))
        first, second = versions(clinic)
        assert (first.number, second.number) == (1, 2)
        assert first.record == session.signed
        assert second.record == made(again)
        assert (made(again).version, made(again).amended) == (2, WHY)
        assert made(again).signature.at == clinic.now
        assert made(again).signature.meaning == "authorship of the amended record"
        assert again.amendment is None
        (change,) = [each for each in changes(first.record, second.record) if each.name == "Given"]
        assert "Ketamine 41 mg" in change.before
        assert "Ketamine 40.50 mg" in change.after

    def test_a_second_click_signs_nothing_more(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.save(session, {"dose.lot": "L-78"})
        held = clinic.session(session.id)
        first, second = clinic.sign(held, version=str(held.version)), clinic.sign(held, version=str(held.version))
        assert first.signed == second.signed
        assert len(versions(clinic)) == 2

    def test_signing_without_a_change_is_refused(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("17:00")
        amending(clinic, session)
        with pytest.raises(Refused, match="Nothing was changed"):
            clinic.sign(clinic.session(session.id))

    def test_the_review_offers_no_signature_before_something_is_changed(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("17:00")
        amending(clinic, session)
        found = review(clinic.work, clinic.clock, DEE, session.id, clinic.site)
        assert not found.may_sign
        assert found.why_not.startswith("Nothing is changed yet.")

    def test_giving_it_up_brings_the_signed_values_back(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.save(session, {"dose.given_mg": "1"})
        add_entry(clinic.work, clinic.clock, NAN, session.id, "note", "n-1", {"text": "Draft."})
        drop_amendment(clinic.work, clinic.clock, DEE, session.id)
        held = clinic.session(session.id)
        assert replace(held, version=0, given_up=()) == replace(session, version=0)
        (draft,) = held.given_up
        assert draft.fields["dose.given_mg"] == "1", "nothing that was typed is lost"
        assert [entry.id for entry in draft.entries][-1] == "n-1"

    def test_what_was_struck_out_or_added_travels_so(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        reading = [each for each in session.entries if each.kind == "reading"][-1]
        amending(clinic, session)
        strike_entry(clinic.work, clinic.clock, DEE, session.id, reading.id, "Wrong arm")
        clinic.read(session, "135/81", time="14:30")
        clinic.sign(clinic.session(session.id))
        message = sent(clinic, MessageKind.AMEND_SESSION)
        gone = [item for item in message.items if not item.body]
        assert {item.value.startswith(reading.id[:8]) or reading.id in item.value for item in gone} == {True}
        assert {item.resource_type for item in gone} == {"Observation"}
        assert any("135" in item.body for item in message.items)
        assert clinic.kinds[-1] is MessageKind.UPDATE_CARE_PLAN

    def test_what_this_launch_may_not_write_is_not_taken_out_of_the_chart(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.save(session, {"dose.lot": "L-78"})
        clinic.sign(clinic.session(session.id), replace(DEE, not_granted=frozenset({"Observation"})))
        kinds = {item.resource_type for item in sent(clinic, MessageKind.AMEND_SESSION).items}
        assert kinds == {"Procedure", "MedicationAdministration", "Provenance"}

    def test_an_amendment_can_uncount_a_session_and_reopen_the_course(self, clinic: Clinic) -> None:
        days = [MONDAY + timedelta(days=offset) for offset in (0, 3, 7, 10, 14, 17)]
        sessions = [clinic.signed(day) for day in days]
        assert clinic.course.status is CourseStatus.COMPLETED
        clinic.at("18:00")
        amending(clinic, sessions[-1])
        clinic.save(sessions[-1], {"dose.given_mg": "10"})
        clinic.save(sessions[-1], {"dose.confirm": "yes"})
        clinic.sign(clinic.session(sessions[-1].id))
        assert clinic.course.status is CourseStatus.ACTIVE
        assert clinic.course.notes[-1].text.startswith("Reopened: a session was taken back or amended.")

    def test_a_running_session_is_not_held_up_by_an_amendment(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.at("14:00", MONDAY + timedelta(days=3))
        other = clinic.opened()
        assert other.id != session.id

    def test_taking_a_session_back_ends_its_amendment(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        enter_in_error(clinic.work, clinic.clock, DEE, session.id, "The wrong patient.", clinic.ids, clinic.site)
        held = clinic.session(session.id)
        assert (held.amendment, held.status) == (None, SessionStatus.ENTERED_IN_ERROR)
        assert not session_view(clinic.work, clinic.clock, DEE, session.id, clinic.site).editable

    def test_a_stopped_session_is_amended_as_a_stopped_one(self, clinic: Clinic) -> None:
        session = clinic.recorded(MONDAY)
        stop = {
            "stop.cause": "adverse",
            "stop.told": "Dr Dee",
            "stop.reason": "Vomiting",
            "stop.disposition": "home",
            "stop.time": "14:30",
        }
        stop_session(clinic.work, clinic.clock, NAN, session.id, stop)
        clinic.save(session, {"dose.ended": "14:30"})
        clinic.save(session, {"dose.confirm": "yes"})
        signed = clinic.sign(clinic.session(session.id))
        amending(clinic, signed)
        clinic.save(session, {"stop.reason": "Vomiting twice"})
        again = clinic.sign(clinic.session(session.id))
        assert made(again).status is SessionStatus.STOPPED
        assert "Vomiting twice" in made(again).reason

    @pytest.mark.parametrize("reason", ["", "typo", "..........."])
    def test_a_reason_is_needed(self, clinic: Clinic, reason: str) -> None:
        session = clinic.signed(MONDAY)
        with pytest.raises(Refused) as refused:
            amending(clinic, session, reason=reason)
        assert set(refused.value.problems) == {"reason"}

    def test_what_cannot_be_amended_says_why_and_leaves_a_trace(self, clinic: Clinic) -> None:
        running = clinic.recorded(MONDAY)
        for caller, words in (
            (BENS_DOCTOR, "another patient"),
            (a_caller(may_write=False), "did not allow"),
            (DEE, "not signed yet"),
        ):
            with pytest.raises(Refused, match=words):
                amending(clinic, running, caller)
        assert clinic.refusals[-3:] == ["clinician:session:amend"] * 3

    def test_a_missed_session_takes_an_addendum_only(self, clinic: Clinic) -> None:
        missed = not_done(clinic.work, clinic.clock, DEE, {"reason": "Fever."}, clinic.ids, clinic.site)
        with pytest.raises(Refused, match="missed session cannot be amended"):
            amending(clinic, missed)
        assert made(added(clinic, missed)).version == 2

    def test_the_review_shows_the_next_version_before_it_is_signed(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.save(session, {"dose.lot": "L-78"})
        found = review(clinic.work, clinic.clock, DEE, session.id, clinic.site)
        assert found.may_sign
        assert found.record is not None
        assert found.record.version == 2
        assert "L-78" in found.note
        assert f"Amended because: {WHY}" in found.note

    def test_a_session_signed_by_an_earlier_release_keeps_its_first_version(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.work.kept.versions.clear()
        amending(clinic, session)
        (first,) = versions(clinic)
        assert first.record == session.signed
        assert {item.resource_type for item in first.resources} >= {"Procedure", "Provenance"}


class TestWhoDidWhat:
    def test_whoever_corrects_the_time_of_the_dose_did_not_give_it(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        amending(clinic, session)
        clinic.save(session, {"dose.started": "14:09"}, DEE)
        dose = made(clinic.sign(clinic.session(session.id))).dose
        assert dose is not None
        assert (f"{dose.started.at:%H:%M}", dose.given_by) == ("14:09", NAN.clinician)

    def test_a_reading_that_was_struck_out_stays_readable_in_the_note(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        reading = [each for each in session.entries if each.kind == "reading"][-1]
        amending(clinic, session)
        strike_entry(clinic.work, clinic.clock, DEE, session.id, reading.id, "Wrong arm")
        clinic.read(session, "137/84", time="14:30")
        after = made(clinic.sign(clinic.session(session.id)))
        (line,) = [each for each in changes(made(session), after) if each.section == "Struck out"]
        assert "Struck out by Dr Dee at 16:20: Wrong arm" in line.after


class TestAddenda:
    def test_it_adds_words_and_changes_nothing_that_stood_there(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("18:00")
        again = added(clinic, session)
        (change,) = changes(made(session), made(again))
        assert (change.section, change.before, change.after) == ("Addenda", "", "The escort was his sister.")
        assert made(again).signature.meaning == "addendum to the signed record"
        assert sent(clinic, MessageKind.AMEND_SESSION).session == session.id

    def test_sent_twice_it_is_added_once(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("18:00")
        first, second = added(clinic, session, version="1"), added(clinic, session, version="1")
        assert first.signed == second.signed
        assert len(made(second).addenda) == 1

    def test_a_record_that_changed_meanwhile_is_read_again_first(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("18:00")
        added(clinic, session, version="1")
        with pytest.raises(Refused, match="changed after you read it"):
            added(clinic, session, version="1", text="Something else.")

    @pytest.mark.parametrize("name", ["text", "reason", "attest"])
    def test_each_part_is_asked_for(self, clinic: Clinic, name: str) -> None:
        session = clinic.signed(MONDAY)
        with pytest.raises(Refused) as refused:
            added(clinic, session, **{name: ""})
        assert set(refused.value.problems) == {name}

    def test_a_nurse_does_not_sign_addenda(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        with pytest.raises(Refused, match="Only a prescriber"):
            added(clinic, session, NAN)

    def test_addenda_stay_through_later_amendments(self, clinic: Clinic) -> None:
        session = clinic.signed(MONDAY)
        clinic.at("18:00")
        added(clinic, session)
        clinic.at("18:30")
        amending(clinic, session)
        clinic.save(session, {"dose.lot": "L-78"})
        third = made(clinic.sign(clinic.session(session.id)))
        assert third.version == 3
        assert [each.text for each in third.addenda] == ["The escort was his sister."]
        assert not third.only_added
