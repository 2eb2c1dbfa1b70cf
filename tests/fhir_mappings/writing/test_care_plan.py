"""The course in the EHR: what it says when new, and that an update leaves alone what others wrote."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from fhir_mappings import wire
from fhir_mappings.facts.programme import ActivityStatus, CourseNote, CourseStatus, PlannedSession
from fhir_mappings.facts.treatment import Clinician, Role, Route
from fhir_mappings.writing.care_plan import care_plan, travelling, update
from fhir_mappings.writing.errors import Unwritable
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, INSTANCE, NURSE, a_course, an_id, at

Json = dict[str, Any]
PROCEDURES = {an_id(11): "Procedure/5"}


def _plan(**changes: Any) -> Json:
    return wire.decode(care_plan(a_course(**changes), INSTANCE, procedures=PROCEDURES).body)


@pytest.fixture
def current() -> Json:
    """The plan as the EHR holds it after it was created."""
    created = wire.decode(travelling(care_plan(a_course(), INSTANCE, procedures={}), EHR))
    return {"id": "12", **created, "meta": {**created["meta"], "versionId": "3", "security": [{"code": "R"}]}}


def _updated(current: Json, procedures: dict[str, str] | None = None, **changes: Any) -> Json:
    known = PROCEDURES if procedures is None else procedures
    return wire.decode(update(current, a_course(**changes), INSTANCE, fhir_base=EHR, procedures=known))


def test_a_course_says_what_it_follows_whom_it_is_for_and_how_far_it_came() -> None:
    plan = _plan()
    assert (plan["status"], plan["intent"]) == ("active", "plan")
    assert plan["identifier"] == [{"system": "https://app.example/sid/programme", "value": an_id(9)}]
    assert plan["instantiatesCanonical"] == ["https://ketamine-pathway.example/fhir/PlanDefinition/ketamine-iv|1.0"]
    assert plan["subject"] == {"reference": f"{EHR}/Patient/p1"}
    assert plan["addresses"] == [{"reference": f"{EHR}/Condition/c1"}]
    assert plan["period"] == {"start": "2026-11-12"}
    assert plan["author"]["reference"] == DOCTOR.reference
    assert plan["supportingInfo"][0]["identifier"]["value"] == an_id(10)
    counts = {part["url"]: part["valueUnsignedInt"] for part in plan["extension"][0]["extension"]}
    assert counts == {"planned": 3, "counted": 1, "missed": 0}
    assert "active, 1 of 3 sessions counted; first day 2026-11-12" in plan["description"]
    assert [note["text"] for note in plan["note"]] == ["Consent <signed> & filed"]


def test_each_planned_session_is_an_activity_in_detail_and_not_by_reference() -> None:
    activities = _plan()["activity"]
    assert [one["detail"]["status"] for one in activities] == ["completed", "scheduled", "not-started"]
    assert all("reference" not in one for one in activities)
    assert activities[0]["outcomeReference"][0]["reference"] == "Procedure/5"
    assert "outcomeReference" not in activities[1]
    assert activities[1]["progress"] == [{"text": "moved by a day"}]
    assert activities[1]["detail"]["scheduledPeriod"] == {"start": "2026-11-16", "end": "2026-11-16"}
    assert "scheduledPeriod" not in activities[2]["detail"]
    assert activities[2]["detail"]["code"]["text"] == "Ketamine infusion, session 3"


def test_a_counted_session_that_was_not_sent_yet_is_named_by_its_identifier() -> None:
    plan = wire.decode(care_plan(a_course(), INSTANCE, procedures={}).body)
    (outcome,) = plan["activity"][0]["outcomeReference"]
    assert "reference" not in outcome
    assert outcome["identifier"] == {"system": "https://app.example/sid/session", "value": an_id(11)}


def test_an_open_ended_course_has_no_number_to_reach() -> None:
    plan = _plan(route=Route.SL, planned=(), counted=4)
    assert [part["url"] for part in plan["extension"][0]["extension"]] == ["counted", "missed"]
    assert "4 sessions counted" in plan["description"]


def test_typed_text_is_escaped_in_the_narrative() -> None:
    planned = (PlannedSession(number=1, day=None, note="<script>alert(1)</script> & more"),)
    div = _plan(planned=planned)["text"]["div"]
    assert "<script>" not in div
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in div
    assert "Consent &lt;signed&gt; &amp; filed" in div


def test_an_ended_course_says_when() -> None:
    plan = _plan(status=CourseStatus.REVOKED, ended=date(2026, 11, 25))
    assert plan["period"] == {"start": "2026-11-12", "end": "2026-11-25"}
    assert "ended before it was complete" in plan["description"]
    with pytest.raises(Unwritable) as refused:
        _plan(ended=date(2026, 11, 1))
    assert refused.value.fact == "course.ended"


@pytest.mark.parametrize(
    ("enrolled", "ended", "start"),
    [
        pytest.param(at(9, day=10), date(2026, 11, 11), "2026-11-10", id="the day after the enrolment"),
        pytest.param(at(9, day=10), date(2026, 11, 10), "2026-11-10", id="on the day of the enrolment"),
        pytest.param(at(1, day=11), date(2026, 11, 10), "2026-11-10", id="on that day, in a zone further west"),
    ],
)
def test_a_course_that_is_withdrawn_before_its_first_day_is_still_written(
    enrolled: datetime, ended: date, start: str, profile_errors: Callable[[bytes], list[str]]
) -> None:
    course = a_course(status=CourseStatus.REVOKED, enrolled_at=enrolled, ended=ended)
    written = care_plan(course, INSTANCE, procedures={})
    plan = wire.decode(written.body)
    assert plan["status"] == "revoked"
    assert plan["period"] == {"start": start, "end": ended.isoformat()}
    assert "planned from 2026-11-12, ended 2026-11-1" in plan["description"]
    assert profile_errors(written.body) == []


def test_what_travels_is_relative_and_the_same_each_time() -> None:
    written = care_plan(a_course(), INSTANCE, procedures=PROCEDURES)
    assert travelling(written, EHR) == travelling(written, f"{EHR}/")
    plan = wire.decode(travelling(written, EHR))
    assert plan["subject"]["reference"] == "Patient/p1"
    assert plan["author"]["reference"] == "Practitioner/doctor"


def test_an_update_brings_our_elements_up_to_date(current: Json) -> None:
    planned = (
        *a_course().planned[:1],
        PlannedSession(number=2, day=date(2026, 11, 17), status=ActivityStatus.COMPLETED, session=an_id(12)),
        PlannedSession(number=3, day=date(2026, 11, 19), note="planned by telephone"),
    )
    more = CourseNote(at=at(10, day=17), author=NURSE, text="Second session moved")
    plan = _updated(
        current,
        procedures=PROCEDURES | {an_id(12): "Procedure/6"},
        planned=planned,
        counted=2,
        status=CourseStatus.ON_HOLD,
        notes=(*a_course().notes, more),
    )
    assert (plan["id"], plan["meta"]) == ("12", current["meta"])
    assert plan["status"] == "on-hold"
    assert [one["detail"]["status"] for one in plan["activity"]] == ["completed", "completed", "scheduled"]
    assert [one["outcomeReference"][0]["reference"] for one in plan["activity"][:2]] == ["Procedure/5", "Procedure/6"]
    assert plan["activity"][2]["detail"]["scheduledPeriod"]["start"] == "2026-11-19"
    assert plan["activity"][2]["progress"] == [{"text": "planned by telephone"}]
    assert [note["text"] for note in plan["note"]] == ["Consent <signed> & filed", "Second session moved"]
    assert plan["contributor"] == [{"reference": "Practitioner/nurse", "display": "Ben Iyer"}]
    assert plan["extension"][0]["extension"][1] == {"url": "counted", "valueUnsignedInt": 2}
    assert "on hold, 2 of 3 sessions" in plan["text"]["div"]


def test_an_update_without_news_changes_nothing(current: Json) -> None:
    assert _updated(current, procedures={}) == current
    once = _updated(current)
    assert _updated(once) == once


def test_an_update_keeps_what_others_wrote(current: Json) -> None:
    foreign = copy.deepcopy(current)
    foreign["goal"] = [{"reference": "Goal/1"}]
    foreign["careTeam"] = [{"reference": "CareTeam/1"}]
    foreign["extension"].insert(
        0, {"url": "https://ehr.example/priority", "valueDecimal": wire.decode(b'{"x":1.50}')["x"]}
    )
    foreign["identifier"].append({"system": "urn:ehr", "value": "CP-1"})
    foreign["category"].append({"text": "Mental health"})
    foreign["addresses"].append({"reference": "Condition/other"})
    foreign["note"].insert(0, {"text": "Call the family first"})
    foreign["instantiatesCanonical"].append("https://ehr.example/PlanDefinition/x")
    foreign["activity"][1]["detail"]["performer"] = [{"reference": "Practitioner/nurse"}]
    foreign["activity"][1]["detail"]["status"] = "unknown"
    foreign["activity"][1]["outcomeCodeableConcept"] = [{"text": "tolerated well"}]
    foreign["activity"][1]["progress"].append({"text": "Patient told"})
    foreign["activity"][1]["outcomeReference"] = [{"reference": "Observation/9"}]
    foreign["activity"].insert(0, {"detail": {"status": "scheduled", "description": "Psychotherapy"}})
    foreign["activity"].append({"reference": {"reference": "ServiceRequest/8"}})
    before = copy.deepcopy(foreign)
    plan = _updated(foreign)
    assert foreign == before
    for name in ("goal", "careTeam", "identifier", "category", "addresses", "note"):
        assert plan[name] == before[name]
    assert plan["extension"][0] == before["extension"][0]
    assert b"1.50" in wire.encode(plan)
    assert "https://ehr.example/PlanDefinition/x" in plan["instantiatesCanonical"]
    second = next(one for one in plan["activity"] if one.get("detail", {}).get("description") == "Session 2 of 3")
    assert second["detail"]["performer"] == [{"reference": "Practitioner/nurse"}]
    assert second["detail"]["status"] == "scheduled"
    assert second["outcomeCodeableConcept"] == [{"text": "tolerated well"}]
    assert [one["text"] for one in second["progress"]] == ["moved by a day", "Patient told"]
    assert second["outcomeReference"] == [{"reference": "Observation/9"}]
    assert before["activity"][0] in plan["activity"]
    assert before["activity"][-1] in plan["activity"]
    assert len(plan["activity"]) == 5


def test_the_day_of_a_session_is_said_once(current: Json) -> None:
    second = current["activity"][1]["detail"]
    del second["scheduledPeriod"]
    second["scheduledString"] = "some day next week"
    moved = _updated(current)["activity"][1]["detail"]
    assert "scheduledString" not in moved
    assert moved["scheduledPeriod"]["start"] == "2026-11-16"
    without_day = (a_course().planned[0], replace(a_course().planned[1], day=None), a_course().planned[2])
    detail = _updated(_updated(current), planned=without_day)["activity"][1]["detail"]
    assert "scheduledPeriod" not in detail


def test_words_that_a_person_put_into_the_narrative_stay(current: Json) -> None:
    current["text"]["status"] = "additional"
    assert _updated(current, counted=2)["text"] == current["text"]


def test_a_session_that_no_longer_counts_loses_its_outcome(current: Json) -> None:
    counted = _updated(current)
    for outcome in counted["activity"][0]["outcomeReference"]:
        outcome.pop("identifier")  # as an EHR leaves it that keeps only the literal reference
    planned = (replace(a_course().planned[0], session=None, status=ActivityStatus.SCHEDULED), *a_course().planned[1:])
    plan = _updated(counted, planned=planned, counted=0)
    assert "outcomeReference" not in plan["activity"][0]
    assert plan["activity"][0]["detail"]["status"] == "scheduled"


def test_an_ehr_that_rewrites_displays_does_not_gain_notes_twice(current: Json) -> None:
    current["note"][0]["authorReference"]["display"] = "Okafor, Ada"
    current["note"][0]["time"] = "2026-11-11T14:30:00.000Z"
    assert len(_updated(current)["note"]) == 1


def _other_patient(plan: Json) -> None:
    plan["subject"]["reference"] = "Patient/p2"


def _other_plan(plan: Json) -> None:
    plan["identifier"][0]["value"] = an_id(8)


def _unnumbered(plan: Json) -> None:
    del plan["id"]


@pytest.mark.parametrize("change", [_other_patient, _other_plan, _unnumbered])
def test_another_plan_is_never_overwritten(current: Json, change: Any) -> None:
    change(current)
    with pytest.raises(Unwritable):
        _updated(current)


def test_a_note_by_somebody_whom_the_ehr_did_not_name_has_a_name_and_no_reference() -> None:
    author = Clinician(reference="", name="Name not given by the EHR", role=Role.NONE)
    note = CourseNote(at=a_course().notes[0].at, author=author, text="On hold: found at a screening")
    plan = _plan(notes=(note,))
    assert plan["note"][0]["authorString"] == "Name not given by the EHR"
    assert "contributor" not in plan
