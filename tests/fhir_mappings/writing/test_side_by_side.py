"""Both sides of an element in words: what differs, whose it is, and nothing that breaks on what an EHR may hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.wire import decode
from fhir_mappings.writing.read_back import holds
from fhir_mappings.writing.session_bundle import session_resources
from fhir_mappings.writing.side_by_side import ELEMENTS, MOST, Unlike, unlike
from tests.fhir_mappings.writing.a_session import INSTANCE, a_course, a_full_session

PLUS_ONE = timezone(timedelta(hours=1))
PLAIN = {"status", "category", "seriousness", "severity", "outcome", "event", "recorder", "activity", "reason"}
PLAIN |= {"signature", "location", "complication", "report", "bodySite", "followUp"}


def only(ours: Any, theirs: Any, **more: Any) -> Unlike:
    (row,) = unlike({"code": ours}, {"code": theirs}, **more)
    return row


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        ({"value": Decimal("41.0"), "unit": "mg"}, {"value": Decimal(39), "unit": "mg"}, ("41.0 mg", "39 mg")),
        ({"value": Decimal(41), "code": "mg"}, {"value": Decimal(41), "code": "g"}, ("41 mg", "41 g")),
        ("2026-11-20", "2026-11-21", ("20 Nov 2026", "21 Nov 2026")),
        ("2026-11-20T14:00:00Z", "2026-11-20T16:00:00+01:00", ("20 Nov 2026 15:00", "20 Nov 2026 16:00")),
        ("2026-13-45", "2026", ("2026-13-45", "2026")),
        ("entered-in-error", "completed", ("entered in error", "completed")),
        ({"text": "Nausea"}, {"text": "Vomiting", "coding": [{"code": "1"}]}, ("Nausea", "Vomiting")),
        (True, False, ("yes", "no")),
        (
            {"start": "2026-11-20T14:00:00+01:00", "end": "2026-11-20T14:40:00+01:00"},
            {"start": "2026-11-20T14:00:00+01:00"},
            ("20 Nov 2026 14:00 to 20 Nov 2026 14:40", "20 Nov 2026 14:00"),
        ),
        (
            [{"reference": "Practitioner/1", "display": "Dr A"}, {"reference": "Practitioner/2", "display": "R. N."}],
            [{"reference": "Practitioner/1"}, {"reference": "Practitioner/3", "display": "Dr B"}],
            ("Dr A; R. N.", "Practitioner/1; Dr B"),
        ),
        ({"text": "Given\nDose 41\nWell"}, {"text": "Given\nDose 39\nWell"}, ("Dose 41", "Dose 39")),
    ],
)
def test_values_are_told_as_people_read_them(ours: Any, theirs: Any, told: tuple[str, str]) -> None:
    row = only(ours, theirs, zone=PLUS_ONE)
    assert (row.ours, row.theirs) == told


def test_two_values_that_read_alike_are_told_apart_by_their_codes() -> None:
    row = only(
        {"coding": [{"system": "urn:a", "code": "1"}], "text": "Nausea"},
        {"coding": [{"system": "urn:a", "code": "2"}], "text": "Nausea"},
    )
    assert row.ours != row.theirs
    assert "2" in row.theirs


def test_what_says_the_same_is_no_difference() -> None:
    ours = {"a": Decimal("1.50"), "b": "2026-11-20T14:00:00Z", "c": [{"x": 1}], "meta": {"versionId": "1"}, "id": "1"}
    theirs = {"a": Decimal("1.5"), "b": "2026-11-20T15:00:00+01:00", "c": [{"y": 2}, {"x": 1, "z": 3}], "d": "theirs"}
    assert unlike(ours, theirs) == ()


def test_what_nobody_else_touched_is_told_apart_from_what_others_changed() -> None:
    before, ours = {"code": "a", "status": "x"}, {"code": "b", "status": "y"}
    mine, theirs = unlike(ours, {"code": "a", "status": "z"}, [before])
    assert (mine.by_others, mine.before) == (False, "")
    assert (theirs.by_others, theirs.ours, theirs.theirs, theirs.before) == (True, "y", "z", "x")


def test_what_an_amendment_takes_out_and_the_ehr_still_holds_is_told() -> None:
    (row,) = unlike({}, {"note": [{"text": "ours"}, {"text": "theirs"}]}, [{"note": [{"text": "ours"}]}])
    assert (row.element, row.ours, row.by_others) == ("Note", "", False)
    assert unlike({}, {"note": [{"text": "theirs"}]}, [{"note": [{"text": "ours"}]}]) == ()


def test_what_was_taken_out_by_others_is_told() -> None:
    (row,) = unlike({"note": "a"}, {}, [{"note": "a"}])
    assert (row.theirs, row.by_others) == ("", True)


def test_an_endless_text_is_cut_and_says_so() -> None:
    row = only("a", "b" * 100_000)
    assert len(row.theirs) < MOST + 20
    assert row.theirs.endswith("(shortened)")


def test_every_element_of_a_session_has_a_name_in_words() -> None:
    """Those that are words already need none."""
    session = replace(a_full_session(), amended="A value was mistyped.", version=2)
    written = {name for one in session_resources(session, a_course(), INSTANCE) for name in decode(one.body)}
    assert written - set(ELEMENTS) - {"resourceType", "id", "meta", "text"} <= PLAIN


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["2026-11-20T14:00:00Z", "0001-01-01T00:00:00+14:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "value", "coding", "start", "url", "reference", "numerator", "time", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ours=ANYTHING, theirs=ANYTHING, before=st.lists(ANYTHING, max_size=2))
def test_whatever_an_ehr_holds_is_told_or_the_same(ours: Any, theirs: Any, before: list[Any]) -> None:
    rows = unlike({"code": ours}, {"code": theirs}, [{"code": one} for one in before], zone=PLUS_ONE)
    assert bool(rows) is not holds(theirs, ours)
