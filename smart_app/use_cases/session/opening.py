"""What a session's form is filled with at opening: the planned dose, and the newest weight known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from smart_app.clinical import dosing
from smart_app.clinical.entry import amount, day, readable
from smart_app.clinical.units import plain
from smart_app.use_cases.records import StoredCourse, StoredScreening, StoredSession

_WITH_NUMBER = re.compile(r"(.*?)[,;]? +([0-9+(][0-9 +()/.-]{4,})")


def opening_fields(
    course: StoredCourse,
    earlier: Sequence[StoredSession],
    screening: StoredScreening | None,
    *,
    held: date,
    today: date,
) -> dict[str, str]:
    """`held` is the day of the session: today, or an earlier day that is entered now."""
    kilograms, weighed = _newest_weight(course, earlier, screening, held)
    per_kilogram = course.enrolment.get("dose_mg_per_kg", "")
    calculated = dosing.dose(readable(amount, per_kilogram), readable(amount, kilograms))
    capped = dosing.up_to(calculated, readable(amount, course.enrolment.get("dose_ceiling_mg", "")))
    planned = plain(capped.result) if capped is not None else course.enrolment.get("dose_mg", "")
    filled = {
        "dose.planned_mg_per_kg": per_kilogram,
        "dose.weight_kg": kilograms,
        "dose.weight_date": weighed,
        "dose.planned_mg": planned,
        "dose.date": held.isoformat() if held != today else "",
        "discharge.escort": course.enrolment.get("escort", ""),
        **_escort(course.enrolment.get("escort", "")),
    }
    return {name: text for name, text in filled.items() if text}


def _escort(typed: str) -> dict[str, str]:
    """Name and telephone of the escort plan, which is one line: the number is what it ends with."""
    match = _WITH_NUMBER.fullmatch(typed.strip())
    name, phone = (match[1], match[2]) if match else (typed, "")
    return {"check.escort.name": name, "check.escort.phone": phone}


def _newest_weight(
    course: StoredCourse, earlier: Sequence[StoredSession], screening: StoredScreening | None, held: date
) -> tuple[str, str]:
    """Kilograms and day, as text, of the last weight up to the session's day; two empty ones when none is known."""
    known = [(course.enrolment.get("weight_kg", ""), course.enrolment.get("weight_date", ""))]
    known += [(each.fields.get("dose.weight_kg", ""), each.fields.get("dose.weight_date", "")) for each in earlier]
    if screening is not None and screening.weight is not None:
        known.append((str(screening.weight["kg"]), str(screening.weight["date"])))
    usable = [pair for pair in known if readable(amount, pair[0]) and (readable(day, pair[1]) or date.max) <= held]
    return max(usable, key=lambda pair: pair[1], default=("", ""))
