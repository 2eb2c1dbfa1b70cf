"""Overrides: by a prescriber, with a reason, at a second look where it is a contraindication, seen for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.clinical import Area
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import FailedFetch
from smart_app.use_cases.screening.look_at_screening import look_at_screening
from smart_app.use_cases.screening.override_finding import override_view
from tests.builders import a_blood_pressure, a_condition
from tests.smart_app.use_cases.a_screened_patient import HOLM, NAN, Screened

SCHIZOPHRENIA = a_condition("F20.9", id="scz")
HIGH = a_blood_pressure(170, 108, id="high")


@pytest.fixture
def room() -> Screened:
    made = Screened()
    made.screen(SCHIZOPHRENIA)
    made.later(minutes=5)
    return made


def test_an_overridden_contraindication_leaves_the_patient_for_review(room: Screened) -> None:
    made = room.override("ABS-SCZ")
    assert (made.status, made.stands_as) == ("contraindicated", "needs-review")
    (override,) = made.overrides
    assert (override.rule, override.effect, override.reason) == (
        "ABS-SCZ",
        "contraindicated",
        "seen by two psychiatrists",
    )
    assert override.by == HOLM.clinician
    assert override.evidence[0]["reference"] == "Condition/scz"
    assert room.audit[0].detail == "Overrode ABS-SCZ, which says contraindicated."


def test_a_contraindication_needs_a_second_look_and_a_hold_does_not() -> None:
    room = Screened()
    room.screen(SCHIZOPHRENIA, HIGH)
    assert override_view(room.work, room.clock, HOLM, "ABS-SCZ").needs_second_look
    assert not override_view(room.work, room.clock, HOLM, "HOLD-BP").needs_second_look
    with pytest.raises(Refused, match="second look"):
        room.override("ABS-SCZ", second_look=False)
    assert room.latest.overrides == ()
    assert room.override("HOLD-BP", second_look=False).stands_as == "contraindicated"
    assert room.override("ABS-SCZ").stands_as == "needs-review"


def test_two_clinicians_who_screened_the_same_patient_can_both_go_on(room: Screened) -> None:
    room.screen(SCHIZOPHRENIA, caller=replace(NAN, launch="another-launch"))
    assert room.override("ABS-SCZ").launch == HOLM.launch
    assert room.latest.stands_as == "needs-review"


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "too short",
        "   short    ",
        "short" + " " * 9 + "ly",
        "." * 12,
        "seen\u200b\u200b\u200b\u200b\u200b\u200b\u200b",
    ],
)
def test_a_reason_of_ten_characters_is_needed(room: Screened, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        room.override("ABS-SCZ", reason=reason)
    assert "reason" in refused.value.problems
    assert room.latest.overrides == ()


def test_only_a_prescriber_may(room: Screened) -> None:
    assert override_view(room.work, room.clock, NAN, "ABS-SCZ").why_not
    with pytest.raises(Refused, match="prescriber"):
        room.override("ABS-SCZ", caller=NAN)
    assert room.latest.overrides == ()
    assert room.audit[0].outcome is AuditOutcome.REFUSED


@pytest.mark.parametrize("rule", ["ABS-IC", "IND-MDD", "DATA-FETCH", "no-such-rule"])
def test_only_a_finding_against_treatment_can_be_overridden(rule: str) -> None:
    room = Screened()
    room.screen(failures=(FailedFetch(area=Area.MEDICATION, reason="the EHR refused it (403)"),))
    with pytest.raises(Refused, match="no such finding"):
        override_view(room.work, room.clock, HOLM, rule)


def test_a_finding_that_changed_since_it_was_shown_is_read_again(room: Screened) -> None:
    seen = override_view(room.work, room.clock, HOLM, "ABS-SCZ").seen
    room.later(minutes=1)
    room.screen(SCHIZOPHRENIA, a_condition("F25.0", id="another"))
    with pytest.raises(Refused, match="changed since"):
        room.override("ABS-SCZ", seen=seen)
    assert room.latest.overrides == ()


def test_it_holds_at_the_next_screening_until_something_new_is_found(room: Screened) -> None:
    room.override("ABS-SCZ")
    room.later(days=3)
    assert room.screen(SCHIZOPHRENIA).stands_as == "needs-review"
    room.later(days=1)
    changed = room.screen(SCHIZOPHRENIA, a_condition("F25.0", id="another"))
    assert (changed.stands_as, changed.overrides) == ("contraindicated", ())


def test_one_that_counts_no_more_stays_visible(room: Screened) -> None:
    made = room.override("ABS-SCZ")
    room.later(days=1)
    clean = room.screen()
    assert clean.overrides == ()
    assert look_at_screening(room.work, room.clock, HOLM, clean).overrides == made.overrides


def test_the_same_form_sent_twice_is_one_override(room: Screened) -> None:
    first = room.override("ABS-SCZ")
    assert room.override("ABS-SCZ") == first
    with room.work() as uow:
        assert len(uow.judgements.overrides(HOLM.patient)) == 1


def test_what_was_seen_is_told_by_a_digest_that_says_nothing(room: Screened) -> None:
    seen = override_view(room.work, room.clock, HOLM, "ABS-SCZ").seen
    assert seen.isalnum()
    assert len(seen) == 32
