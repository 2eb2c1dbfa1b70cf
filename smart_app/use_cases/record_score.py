"""PHQ-9 totals: typed in here, or found in the EHR's chart by the latest screening."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from smart_app.clinical.entry import NotUsable, day, readable, whole
from smart_app.clinical.outcomes import HIGHEST_TOTAL, Phq9
from smart_app.use_cases.access import audited, own_course, require_writer
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json, StoredCourse, StoredScore

OLDEST_SCORE = timedelta(days=730)
_SCORE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def scores_of(uow: UnitOfWork, caller: Caller) -> tuple[Phq9, ...]:
    """What was typed in here and what the latest screening found in the EHR's chart, oldest first."""
    typed = [
        Phq9(total=each.total, day=each.day, item9=each.item9, source=f"typed in by {each.by.name}")
        for each in uow.scores.of_patient(caller.patient)
        if each.ehr == caller.ehr and each.scale == "phq9"
    ]
    screening = uow.screenings.latest(caller.patient)
    charted = [_charted(score) for score in screening.baseline_scores] if screening is not None else []
    return tuple(sorted([*(each for each in charted if each), *typed], key=lambda score: score.day))


def _charted(score: Json) -> Phq9 | None:
    """None: the chart's total or date is not one that can be compared."""
    total, on = _whole(score.get("total")), readable(day, str(score.get("date", ""))[:10])
    if total is None or on is None or total > HIGHEST_TOTAL:
        return None
    return Phq9(total=total, day=on, item9=_whole(score.get("item9")), source=f"EHR, {score.get('reference', '')}")


def _whole(given: object) -> int | None:
    try:
        number = Decimal(str(given))
        return int(number) if number >= 0 and number == int(number) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def record_score(work: Work, clock: Clock, caller: Caller, score_id: str, fields: Mapping[str, str]) -> StoredScore:
    """fields: total (0 to 27), item9 (0 to 3 or empty), date (YYYY-MM-DD or empty: today).

    A known `score_id` adds nothing.
    """
    now, action = clock(), "clinician:score:record"
    with work() as uow:
        require_writer(uow, caller, now, action)
        known = [each for each in uow.scores.of_patient(caller.patient) if each.id == score_id]
        if known:
            return known[0]
        if not _SCORE_ID.fullmatch(score_id):
            raise Refused("This form is not one of this app's. Open the page again.")
        course = own_course(uow, caller)
        score = _typed_score(score_id, fields, course, caller, now)
        if not uow.scores.add(score):
            raise Refused("This form was used already. Open the page again.")
        uow.audit.add(audited(caller, now, action, f"score/{score.id}"))
        uow.commit()
        return score


def _typed_score(
    score_id: str, fields: Mapping[str, str], course: StoredCourse | None, caller: Caller, now: datetime
) -> StoredScore:
    problems: dict[str, str] = {}
    total, item9, on = 0, None, now.date()
    try:
        total = whole(fields.get("total", ""), 0, HIGHEST_TOTAL)
    except NotUsable as error:
        problems["total"] = str(error)
    try:
        item9 = whole(fields["item9"], 0, 3) if fields.get("item9", "").strip() else None
    except NotUsable as error:
        problems["item9"] = str(error)
    try:
        on = day(fields["date"]) if fields.get("date", "").strip() else on
    except NotUsable as error:
        problems["date"] = str(error)
    if not problems and item9 is not None and item9 > total:
        problems["item9"] = "Item 9 is more than the whole. Check both."
    if on > now.date():
        problems["date"] = "This day has not come yet."
    elif now.date() - on > OLDEST_SCORE:
        problems["date"] = "This is more than two years ago."
    if problems:
        raise Refused("Some of this needs another look.", problems=problems)
    return StoredScore(
        id=score_id,
        course=course.id if course is not None else None,
        ehr=caller.ehr,
        patient=caller.patient,
        scale="phq9",
        total=total,
        item9=item9,
        day=on,
        at=now,
        by=caller.clinician,
    )
