"""Typed values beside an answer: refused, asked back, or put into words."""

from __future__ import annotations

from datetime import date

import pytest

from fhir_mappings.facts.checklists import DISCHARGE, THERAPY
from fhir_mappings.facts.programme import CheckItem, Detail
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Route
from smart_app.clinical.check_details import detail_problem, detail_words

TODAY = date(2026, 11, 23)
LINES = (*PROGRAMMES[Route.IV].checks, *DISCHARGE, *THERAPY)


def detail(line: str, key: str, lines: tuple[CheckItem, ...] = LINES) -> Detail:
    (item,) = (each for each in lines if each.key == line)
    (found,) = (each for each in item.details if each.key == key)
    return found


@pytest.mark.parametrize(
    ("line", "key", "typed", "problem"),
    [
        ("identity", "which", "name-birth", ""),
        ("identity", "which", "", "Choose: which two."),
        ("identity", "which", "guess", "Choose: which two."),
        ("fasting", "solids", "", "Enter last solids in h."),
        ("fasting", "solids", "8", ""),
        ("fasting", "solids", "7.5", ""),
        ("fasting", "solids", "8 h", "Enter a number, with a point for decimals, such as 0.5."),
        ("fasting", "solids", "7,5", "Enter a number, with a point for decimals, such as 0.5."),
        ("fasting", "solids", "24", ""),
        ("fasting", "solids", "24.5", "Check: last solids 24.5 h. Is that right?"),
        ("fasting", "solids", "72", "Check: last solids 72 h. Is that right?"),
        ("fasting", "solids", "72.1", "Enter 0 to 72 h."),
        ("escort", "name", "Sam Sister", ""),
        ("escort", "name", "555 0100", "Enter a person's name."),
        ("escort", "phone", "555 0100", ""),
        ("escort", "phone", "+1 (312) 555-0100 ext 12", ""),
        ("escort", "phone", "12", "Enter a telephone number, such as 555 0101."),
        ("escort", "phone", "call Sam", "Enter a telephone number, such as 555 0101."),
        ("pregnancy", "day", "", ""),
        ("pregnancy", "day", "2026-11-23", ""),
        ("pregnancy", "day", "2026-11-16", ""),
        ("pregnancy", "day", "2026-11-15", "Check: 15 Nov 2026 is 8 days before the session. Is that right?"),
        ("pregnancy", "day", "2026-09-01", "Enter a day that is at most 60 days before the session."),
        ("pregnancy", "day", "2026-11-24", "This day lies after the session."),
        ("next", "day", "2026-11-22", "This day lies before the session."),
        ("next", "day", "2026-11-23", "Check: 23 Nov 2026 is the day of the session. Is that right?"),
        ("next", "day", "2026-11-24", ""),
        ("next", "day", "2027-11-24", "Enter a day that is at most 365 days after the session."),
        ("preparation", "minutes", "0", "Enter 1 to 480 min."),
        ("preparation", "minutes", "4", "Check: time 4 min. Is that right?"),
    ],
)
def test_what_is_said_about_a_value(line: str, key: str, typed: str, problem: str) -> None:
    asked = detail(line, key)
    assert detail_problem(asked, typed, TODAY, confirmed=False) == problem
    kept = "" if problem.startswith("Check:") else problem
    assert detail_problem(asked, typed, TODAY, confirmed=True) == kept, (
        "a yes keeps what is unusual, not what cannot be"
    )


@pytest.mark.parametrize(
    ("line", "key", "typed", "words"),
    [
        ("identity", "which", "name-mrn", "Name and MRN"),
        ("fasting", "solids", "8.50", "last solids 8.50 h"),
        ("next", "day", "2026-11-26", "date of the visit 26 Nov 2026"),
        ("escort", "name", " Sam Sister ", "Sam Sister"),
        ("escort", "name", " ", ""),
    ],
)
def test_how_the_record_says_a_value(line: str, key: str, typed: str, words: str) -> None:
    assert detail_words(detail(line, key), typed) == words


def test_keys_of_a_checklist_are_unique_and_fit_the_form() -> None:
    for definition in PROGRAMMES.values():
        for items in (definition.checks, definition.discharge, THERAPY):
            keys = [item.key for item in items]
            assert len(keys) == len(set(keys))
            assert all(key.isascii() and key.replace("_", "").isalnum() for key in keys)
            texts = [item.text for item in items]
            assert len(texts) == len(set(texts)), "a note tells its lines apart by their words"
