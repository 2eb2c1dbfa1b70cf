"""Progress, scores and the audit trail."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import smart_app
from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.programme import CourseStatus
from smart_app.pages.trail import WORDS, short
from smart_app.use_cases.follow_course import course_view
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, a_screening, post
from tests.smart_app.pages.treatment import enrolled, signed

pytestmark = pytest.mark.anyio

PAGE = f"/l/{LAUNCH}/progress"


async def read(desk: Desk, path: str = PAGE) -> PageParts:
    async with desk.client() as client:
        response = await client.get(path)
    assert response.status_code == 200, response.text[:500]
    return PageParts(response.text)


async def test_the_sentence_comes_first_then_chart_and_table(desk: Desk) -> None:
    enrolled(desk)
    page = await read(desk)
    assert "PHQ-9 21 (severe). No score after baseline yet." in page.text
    assert [
        attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("aria-labelledby") == "phq9-title phq9-desc"
    ]
    assert page.text.index("No score after baseline") < page.text.index("PHQ-9 as a table")


async def test_a_positive_item_9_stands_on_top(desk: Desk) -> None:
    enrolled(desk)
    page = await read(desk)
    assert page.text.index("C-SSRS due") < page.text.index("PHQ-9 21 (severe)")


@pytest.mark.parametrize("path", [PAGE, f"/l/{LAUNCH}/outcomes"])
async def test_scores_that_could_not_be_read_are_not_said_to_be_missing(desk: Desk, path: str) -> None:
    reason = "the EHR did not allow this app to read questionnaire scores (scope patient/Observation.rs)"
    screening = a_screening(baseline_scores=())
    gaps = [{"reference": "questionnaire scores", "reason": reason}]
    desk.keep(screening=replace(screening, result={**screening.result, "gaps": gaps}))
    page = await read(desk, path)
    assert "No PHQ-9 in the record" not in page.text
    assert "No PHQ-9 was entered in this app, and those of the chart could not be read." in page.text
    assert f"The chart's scores could not be read on 23 Nov 2026 at 14:12: {reason}." in page.text
    assert page.links["Refresh from the EHR on the screening page"].endswith("/screening")


async def test_without_a_course_and_a_score_the_page_says_so(desk: Desk) -> None:
    desk.keep(screening=a_screening(baseline_scores=()))
    page = await read(desk)
    assert "No PHQ-9 in the record yet." in page.text
    assert "No course yet" in page.text


async def test_each_session_has_its_dose_peak_events_and_state(desk: Desk) -> None:
    signed(desk)
    page = await read(desk)
    assert "1 of 6 done, next 26 Nov 2026" in page.text
    assert re.search(r"23 Nov 2026 41 mg 171/101 Dissociation Counted", page.text)
    assert "Session 1: completed" in page.text, "dots are words too"


async def test_a_score_is_saved_once(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(PAGE)).text).form("/progress/score")
        first = await post(client, form, total="9", item9="0", date="2026-11-23")
        second = await post(client, form, total="9", item9="0", date="2026-11-23")
        page = PageParts((await client.get(first.headers["location"])).text)
    assert first.status_code == second.status_code == 303
    assert len(desk.work.kept.scores) == 1
    assert "The score is saved." in page.text


@pytest.mark.parametrize("total", ["28", "-1", "x", ""])
async def test_an_impossible_score_comes_back_with_what_was_typed(desk: Desk, total: str) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(PAGE)).text).form("/progress/score")
        response = await post(client, form, total=total, item9="2", date="2026-11-22")
    page = PageParts(response.text)
    assert response.status_code == 422
    kept = page.form("/progress/score").fields
    assert (kept["total"], kept["item9"], kept["date"]) == (total, "2", "2026-11-22")
    assert "f-total" in page.ids
    assert not desk.work.kept.scores


async def test_the_audit_page_says_who_did_what_newest_first(desk: Desk) -> None:
    signed(desk)
    page = await read(desk, f"/l/{LAUNCH}/audit")
    assert page.text.index("Signed the session") < page.text.index("Opened a session")
    assert "R. Nurse" in page.text
    assert "(UTC−6)" in page.text


async def test_what_was_read_in_one_go_is_folded_after_the_first_four(desk: Desk) -> None:
    read_all = tuple(f"Observation/{number}" for number in range(12))
    with desk.work() as uow:
        record = AuditRecord(
            action="clinician:chart:screen", at=desk.now, patient=a_caller().patient, entities=read_all
        )
        uow.audit.add(record)
        uow.commit()
    page = await read(desk, f"/l/{LAUNCH}/audit")
    assert "8 more" in page.text
    assert all(each in page.text for each in read_all)


def test_every_action_that_is_recorded_has_words() -> None:
    root = Path(smart_app.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in root.rglob("*.py") if path.name != "trail.py")
    used = set(re.findall(r'"((?:clinician|app):[a-z-]+:[a-z-]+)"', code))
    assert used
    assert used - set(WORDS) == set()


def test_long_identifiers_are_shortened_and_short_ones_are_not() -> None:
    assert short("session/00000000-0000-0000-0000-000000000003") == "session/00000000"
    assert short("Observation/12") == "Observation/12"


async def test_looks_in_a_row_are_one_line_with_their_number(desk: Desk) -> None:
    enrolled(desk)
    for _ in range(3):
        desk.now += timedelta(minutes=1)
        course_view(desk.work, desk.deps.clock, a_caller())
    page = await read(desk, f"/l/{LAUNCH}/audit")
    assert page.text.count("Looked at the course") == 1
    assert f"3 times since {desk.now - timedelta(minutes=2):%H:%M}" in page.text
    assert page.text.count("Enrolled the patient") == 1


async def test_a_completed_course_is_said_to_be_completed_and_not_to_be_a_remission(desk: Desk) -> None:
    _end(desk, CourseStatus.COMPLETED)
    page = await read(desk, f"/l/{LAUNCH}/progress")
    assert "The course is completed" in page.text
    assert "not the same as response or remission" in page.text


async def test_after_a_course_the_enrolment_form_says_that_it_starts_a_new_one(desk: Desk) -> None:
    _end(desk, CourseStatus.REVOKED)
    page = await read(desk, f"/l/{LAUNCH}/enrolment")
    assert (
        "An earlier course (intravenous, from 23 Nov 2026) was withdrawn. Enrolling here starts a new one."
        in page.text
    )


def _end(desk: Desk, status: CourseStatus) -> None:
    enrolled(desk)
    with desk.work() as uow:
        (course,) = uow.courses.of_patient(a_caller().patient)
        uow.courses.replace(replace(course, status=status, ended=desk.now.date()))
        uow.audit.add(AuditRecord(action="app:care-plan:update", at=desk.now))
        uow.commit()
