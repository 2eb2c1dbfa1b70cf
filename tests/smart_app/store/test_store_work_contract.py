"""What every `Work` keeps, whichever way it keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.treatment import SessionStatus
from smart_app.use_cases.errors import StaleVersion, Unaudited
from smart_app.use_cases.ports import UnitOfWork, Work
from smart_app.use_cases.records import DeviceKey
from tests.smart_app.store.stored_records import (
    ADA,
    BEN,
    NOON,
    WEST,
    a_caller,
    a_course,
    a_score,
    a_screening,
    a_session,
    a_signed_session,
    an_answer,
    an_audit,
    an_override,
    later,
    some_inputs,
)

HOUR = 3600.0  # seconds


def save(uow: UnitOfWork) -> None:
    uow.audit.add(an_audit())
    uow.commit()


def test_a_commit_without_an_audit_record_is_refused_and_keeps_nothing(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        with pytest.raises(Unaudited):
            uow.commit()
    with work() as uow:
        assert uow.courses.get("course-1") is None


def test_leaving_without_commit_rolls_back(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        uow.audit.add(an_audit())
    with work() as uow:
        assert uow.courses.get("course-1") is None
        assert uow.audit.of_patient(ADA) == []


def test_an_exception_rolls_back(work: Work) -> None:
    def break_off() -> None:
        with work() as uow:
            uow.courses.add(a_course())
            uow.audit.add(an_audit())
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    with work() as uow:
        assert uow.courses.get("course-1") is None


def test_a_committed_transaction_takes_nothing_more(work: Work) -> None:
    with work() as uow:
        save(uow)
        with pytest.raises(Exception, match=r"transaction"):
            uow.courses.add(a_course())
    with work() as uow:
        assert uow.courses.get("course-1") is None


def test_a_caller_comes_back_as_kept(work: Work) -> None:
    with work() as uow:
        uow.launches.keep_caller(a_caller(encounter="e1", tenant="t"))
        save(uow)
    with work() as uow:
        assert uow.launches.caller("launch-1") == a_caller(encounter="e1", tenant="t")
        assert uow.launches.caller("launch-2") is None


def test_keeping_a_caller_again_replaces_it(work: Work) -> None:
    with work() as uow:
        uow.launches.keep_caller(a_caller())
        uow.launches.keep_caller(a_caller(may_write=False))
        save(uow)
    with work() as uow:
        caller = uow.launches.caller("launch-1")
        assert caller is not None
        assert not caller.may_write


def test_the_latest_screening_is_the_last_one_added_for_that_patient(work: Work) -> None:
    clock_went_back = later(-3600)
    with work() as uow:
        uow.screenings.add(a_screening())
        uow.screenings.add(a_screening(id="screening-2", at=clock_went_back, weight=None))
        uow.screenings.add(a_screening(id="screening-3", patient=BEN))
        save(uow)
    with work() as uow:
        assert uow.screenings.latest(ADA) == a_screening(id="screening-2", at=clock_went_back, weight=None)
        assert uow.screenings.get("screening-1") == a_screening()
        assert uow.screenings.get("none") is None
        assert uow.screenings.latest("https://ehr.test/fhir/Patient/other") is None


def test_what_a_screening_was_made_from_comes_back_digit_for_digit(work: Work) -> None:
    with work() as uow:
        uow.screenings.keep_inputs(some_inputs())
        save(uow)
    with work() as uow:
        assert uow.screenings.inputs("inputs-1") == some_inputs()
        assert uow.screenings.inputs("none") is None


def test_answers_and_overrides_come_back_in_the_order_they_were_given(work: Work) -> None:
    with work() as uow:
        uow.judgements.add_answer(an_answer())
        uow.judgements.add_answer(an_answer(id="answer-2", said="unknown", at=later(-60)))
        uow.judgements.add_answer(an_answer(id="answer-3", patient=BEN))
        uow.judgements.add_override(an_override())
        save(uow)
    with work() as uow:
        kept = uow.judgements.answers(ADA)
        assert list(kept) == [an_answer(), an_answer(id="answer-2", said="unknown", at=later(-60))]
        assert list(uow.judgements.overrides(ADA)) == [an_override()]
        assert list(uow.judgements.overrides(BEN)) == []


def test_a_read_only_mapping_is_kept_as_what_it_maps(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course(enrolment=MappingProxyType({"weight": "82.0"})))
        save(uow)
    with work() as uow:
        course = uow.courses.get("course-1")
        assert course is not None
        assert dict(course.enrolment) == {"weight": "82.0"}


def test_courses_of_a_patient_come_newest_first(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        uow.courses.add(a_course(id="course-2"))
        uow.courses.add(a_course(id="course-3", patient=BEN))
        save(uow)
    with work() as uow:
        assert [course.id for course in uow.courses.of_patient(ADA)] == ["course-2", "course-1"]
        assert uow.courses.get("course-1") == a_course()


def test_the_screening_of_a_day_is_the_latest_of_that_day_whoever_made_it(work: Work) -> None:
    with work() as uow:
        for number, hours in enumerate((-30, -26, -2, 0), start=1):
            made = a_screening(id=f"screening-{number}", launch=f"launch-{number}", at=NOON + timedelta(hours=hours))
            uow.screenings.add(made)
        save(uow)
    with work() as uow:
        day = NOON.date()
        assert [
            found.id if (found := uow.screenings.of_day(ADA, on)) else None
            for on in (day, day - timedelta(days=1), day - timedelta(days=3))
        ] == ["screening-4", "screening-2", None]
        assert uow.screenings.of_day(BEN, day) is None


def test_a_replaced_course_has_the_next_version(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        save(uow)
    with work() as uow:
        uow.courses.replace(a_course(ended=date(2026, 12, 24)))
        save(uow)
    with work() as uow:
        assert uow.courses.get("course-1") == a_course(ended=date(2026, 12, 24), version=2)


def test_the_second_of_two_course_changes_is_stale(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        save(uow)
    with work() as uow:
        uow.courses.replace(a_course())
        save(uow)
    with work() as uow:
        with pytest.raises(StaleVersion):
            uow.courses.replace(a_course())
        with pytest.raises(StaleVersion):
            uow.courses.replace(a_course(id="never-added"))


def test_a_session_keeps_every_digit_and_every_offset(work: Work) -> None:
    signed = a_session(status=SessionStatus.COMPLETED, signed=a_signed_session())
    with work() as uow:
        uow.sessions.add(signed)
        save(uow)
    with work() as uow:
        kept = uow.sessions.get("session-1")
        assert kept == signed
        assert kept is not None
        assert kept.signed is not None
        assert kept.signed.dose is not None
        assert str(kept.signed.dose.given_mg) == "41.0"
        assert str(kept.signed.dose.mg_per_kg) == "0.50"
        assert kept.opened.isoformat() == "2026-11-23T12:00:00-05:00"


def test_sessions_of_a_course_come_in_order_of_opening(work: Work) -> None:
    with work() as uow:
        uow.sessions.add(a_session(number=2))
        uow.sessions.add(a_session(id="session-0", number=1, opened=later(-60)))
        uow.sessions.add(a_session(id="session-9", course="course-9"))
        save(uow)
    with work() as uow:
        assert [session.id for session in uow.sessions.of_course("course-1")] == ["session-1", "session-0"]


def test_two_people_in_one_session_do_not_overwrite_each_other(work: Work) -> None:
    with work() as uow:
        uow.sessions.add(a_session())
        save(uow)
    with work() as first:
        mine = theirs = first.sessions.get("session-1")
        assert mine is not None
        assert theirs is not None
        first.sessions.replace(replace(mine, fields={"dose.given_mg": "40"}))
        save(first)
    with work() as second, pytest.raises(StaleVersion):
        second.sessions.replace(replace(theirs, fields={"dose.given_mg": "99"}))
    with work() as uow:
        kept = uow.sessions.get("session-1")
        assert kept is not None
        assert (kept.fields["dose.given_mg"], kept.version) == ("40", 2)


def test_a_score_of_the_same_id_is_added_once(work: Work) -> None:
    with work() as uow:
        assert uow.scores.add(a_score())
        assert not uow.scores.add(a_score(total=3))
        save(uow)
    with work() as uow:
        assert not uow.scores.add(a_score(total=3))
        assert uow.scores.of_patient(ADA) == [a_score()]


def test_scores_come_oldest_day_first(work: Work) -> None:
    with work() as uow:
        uow.scores.add(a_score(id="late", day=date(2026, 12, 1)))
        uow.scores.add(a_score(id="early", day=date(2026, 11, 1), course=None, item9=None))
        uow.scores.add(a_score(id="ben", patient=BEN))
        save(uow)
    with work() as uow:
        assert [score.id for score in uow.scores.of_patient(ADA)] == ["early", "late"]


def test_the_audit_of_a_patient_comes_newest_first_and_limited(work: Work) -> None:
    refused = an_audit(action="clinician:course:enrol", outcome=AuditOutcome.REFUSED, role="nurse", detail="role")
    with work() as uow:
        for number in range(3):
            uow.audit.add(an_audit(detail=str(number)))
        uow.audit.add(an_audit(patient=BEN))
        uow.audit.add(refused)
        uow.commit()
    with work() as uow:
        assert uow.audit.of_patient(ADA, limit=3) == [refused, an_audit(detail="2"), an_audit(detail="1")]


def test_the_audit_shows_what_this_transaction_has_added(work: Work) -> None:
    with work() as uow:
        uow.audit.add(an_audit())
        assert uow.audit.of_patient(ADA) == [an_audit()]
        uow.commit()
    with work() as uow:
        assert len(uow.audit.of_patient(ADA)) == 1


def test_a_record_of_the_same_id_is_not_overwritten(work: Work) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        save(uow)
    with pytest.raises(Exception, match=r".") as refusal, work() as uow:
        uow.courses.add(a_course(status="draft"))
    assert ADA not in str(refusal.value)


def test_times_come_back_with_the_offset_they_were_given_in(work: Work) -> None:
    with work() as uow:
        uow.audit.add(an_audit(at=datetime(2026, 3, 1, 8, 30, tzinfo=WEST)))
        uow.commit()
    with work() as uow:
        assert uow.audit.of_patient(ADA)[0].at.isoformat() == "2026-03-01T08:30:00-05:00"


def test_the_keys_of_devices_are_kept_closed_and_destroyed(work: Work) -> None:
    def a_key(name: str, **changes: object) -> DeviceKey:
        key = DeviceKey(
            id=name,
            patient=ADA,
            author="Practitioner/1",
            made=NOON,
            expires=later(72 * HOUR),
            secret=f"secret {name}",
        )
        return replace(key, **changes)  # type: ignore[arg-type]  # forwarded fields

    with work() as uow:
        uow.device_keys.add(a_key("old", made=later(-30 * HOUR), expires=later(42 * HOUR)))
        uow.device_keys.add(a_key("new"))
        uow.device_keys.add(a_key("of-ben", patient=BEN))
        uow.device_keys.add(a_key("of-another", author="Practitioner/2"))
        save(uow)
    with work() as uow:
        assert [key.id for key in uow.device_keys.of(ADA, "Practitioner/1")] == ["new", "old"]
        assert uow.device_keys.of(BEN, "Practitioner/1") == [a_key("of-ben", patient=BEN)]
        uow.device_keys.close(ADA, later(1 * HOUR), later(25 * HOUR))
        uow.device_keys.close(ADA, later(2 * HOUR), later(48 * HOUR))
        save(uow)
    with work() as uow:
        for author in ("Practitioner/1", "Practitioner/2"):
            kept = uow.device_keys.of(ADA, author)
            assert {(key.closed, key.expires) for key in kept} == {(later(1 * HOUR), later(25 * HOUR))}
        assert uow.device_keys.of(BEN, "Practitioner/1") == [a_key("of-ben", patient=BEN)]
        uow.device_keys.destroy(later(25 * HOUR))
        assert uow.device_keys.of(ADA, "Practitioner/1") == []
        assert [key.secret for key in uow.device_keys.of(BEN, "Practitioner/1")] == ["secret of-ben"]


def test_a_draft_is_kept_for_its_author_until_it_is_dropped(work: Work) -> None:
    with work() as uow:
        uow.drafts.keep(ADA, "Practitioner/1", "enrolment", {"escort": "Sam"}, NOON)
        uow.drafts.keep(ADA, "Practitioner/1", "enrolment", {"escort": "Sam", "place": "home"}, NOON)
        uow.audit.add(an_audit())
        uow.commit()
    with work() as uow:
        assert uow.drafts.get(ADA, "Practitioner/1", "enrolment") == {"escort": "Sam", "place": "home"}
        assert uow.drafts.get(ADA, "Practitioner/2", "enrolment") == {}
        assert uow.drafts.get(BEN, "Practitioner/1", "enrolment") == {}
        uow.drafts.drop(ADA, "Practitioner/1", "enrolment")
        assert uow.drafts.get(ADA, "Practitioner/1", "enrolment") == {}
