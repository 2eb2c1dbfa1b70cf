"""A kept screening computed again: the same from what was kept, and what today's settings would say of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from smart_app.clinical.limits import Limits
from smart_app.clinical.rule_settings import DEFAULTS, RuleSettings
from smart_app.use_cases.records import StoredScreening
from smart_app.use_cases.screening.replay_screening import NoReplay, Replay, replay
from tests.builders import a_blood_pressure, a_condition
from tests.smart_app.use_cases.a_screened_patient import HOLM, Screened

STRICT = RuleSettings(limits=Limits(systolic=Decimal(110)))


def replayed(room: Screened, screening: StoredScreening, settings: RuleSettings = DEFAULTS) -> Replay:
    return replay(room.work, room.clock, screening.id, settings)


def tampered(room: Screened, screening: StoredScreening, **changes: object) -> StoredScreening:
    """The record as somebody with hands on the database would leave it."""
    made = replace(screening, **changes)  # type: ignore[arg-type]
    room.work.kept.screenings[screening.id] = made
    return made


def test_a_screening_comes_out_the_same_much_later() -> None:
    room = Screened()
    made = room.screen(a_condition("F20.9", id="scz"))
    room.later(days=900)
    told = replayed(room, made)
    assert (told.changes, told.today) == ((), ())
    assert told.screening == made


def test_with_answers_and_overrides_it_comes_out_the_same() -> None:
    room = Screened()
    room.screen(a_condition("F20.9", id="scz"))
    room.later(minutes=5)
    room.answer(ABS_IC="yes")
    room.override("ABS-SCZ")
    made = room.override("ABS-IC")
    room.later(days=1)
    room.answer(ABS_ICH="yes")  # what was said later belongs to later screenings
    assert made.after_overrides == "needs-review"
    assert replayed(room, made).changes == ()


def test_it_uses_the_limits_of_then_and_tells_what_those_of_today_change() -> None:
    room = Screened(settings=STRICT)
    made = room.screen()
    assert made.status == "hold"
    told = replayed(room, made, DEFAULTS)
    assert told.changes == ()
    assert {change.what: change.now for change in told.today}["status"] == "candidate"
    assert "HOLD-BP" in {change.what for change in told.today}


def test_a_rule_that_was_switched_off_is_told() -> None:
    room = Screened(settings=RuleSettings(off=frozenset({"REV-CV"})))
    made = room.screen(a_condition("I48.91", id="af"))
    told = replayed(room, made, DEFAULTS)
    assert told.changes == ()
    assert {change.what: change.then for change in told.today}["REV-CV"] == "not asked"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": "candidate"}, id="the status"),
        pytest.param({"after_overrides": "needs-review"}, id="what the overrides left"),
    ],
)
def test_a_record_that_was_altered_does_not_come_out_the_same(changes: dict[str, object]) -> None:
    room = Screened()
    made = tampered(room, room.screen(a_condition("F20.9", id="scz")), **changes)
    assert [change.what for change in replayed(room, made).changes] == [
        "status" if "status" in changes else "after overrides"
    ]


def test_a_finding_that_was_removed_is_named() -> None:
    room = Screened()
    made = room.screen(a_condition("F20.9", id="scz"), a_blood_pressure(170, 108, id="high"))
    kept = [finding for finding in made.result["findings"] if finding["rule"] != "ABS-SCZ"]
    made = tampered(room, made, result=made.result | {"findings": kept})
    (change,) = replayed(room, made).changes
    assert (change.what, change.then) == ("ABS-SCZ", "not asked")
    assert "Condition/scz" in change.now


def test_what_cannot_be_computed_again_is_said() -> None:
    room = Screened()
    made = tampered(room, room.screen(), inputs=None)
    with pytest.raises(NoReplay, match="did not keep what it read"):
        replayed(room, made)
    with pytest.raises(NoReplay, match="no such screening"):
        replay(room.work, room.clock, "none", DEFAULTS)


def test_it_leaves_an_audit_record() -> None:
    room = Screened()
    made = room.screen()
    replayed(room, made)
    record = room.audit[0]
    assert (record.action, record.patient, record.entities) == (
        "operator:screening:replay",
        HOLM.patient,
        (f"screening/{made.id}",),
    )
