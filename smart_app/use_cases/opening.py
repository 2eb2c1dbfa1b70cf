"""What a session's form is filled with at opening: the planned dose, and the newest weight known."""

from __future__ import annotations

from collections.abc import Sequence

from smart_app.clinical import dosing
from smart_app.clinical.entry import amount, day, readable
from smart_app.use_cases.records import StoredCourse, StoredScreening, StoredSession


def opening_fields(
    course: StoredCourse, earlier: Sequence[StoredSession], screening: StoredScreening | None
) -> dict[str, str]:
    kilograms, weighed = _newest_weight(course, earlier, screening)
    per_kilogram = course.enrolment.get("dose_mg_per_kg", "")
    calculated = dosing.dose(readable(amount, per_kilogram), readable(amount, kilograms))
    planned = dosing.plain(calculated.result) if calculated is not None else course.enrolment.get("dose_mg", "")
    filled = {
        "dose.planned_mg_per_kg": per_kilogram,
        "dose.weight_kg": kilograms,
        "dose.weight_date": weighed,
        "dose.planned_mg": planned,
        "discharge.escort": course.enrolment.get("escort", ""),
    }
    return {name: text for name, text in filled.items() if text}


def _newest_weight(
    course: StoredCourse, earlier: Sequence[StoredSession], screening: StoredScreening | None
) -> tuple[str, str]:
    """Kilograms and day, as text; two empty ones when no dated weight is known."""
    known = [(course.enrolment.get("weight_kg", ""), course.enrolment.get("weight_date", ""))]
    known += [(each.fields.get("dose.weight_kg", ""), each.fields.get("dose.weight_date", "")) for each in earlier]
    if screening is not None and screening.weight is not None:
        known.append((str(screening.weight["kg"]), str(screening.weight["date"])))
    usable = [pair for pair in known if readable(amount, pair[0]) and readable(day, pair[1])]
    return max(usable, key=lambda pair: pair[1], default=("", ""))
