"""Questionnaires entered here reach the screening as the chart's do, once, and are replayed with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings import wire
from fhir_mappings.facts.clinical import Area
from fhir_mappings.writing.score_bundle import score_resources
from smart_app.use_cases.outcomes.outcomes import strike_score
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.outcomes.score_messages import filled_in
from smart_app.use_cases.records import FailedFetch, Json, StoredScore, StoredScreening
from smart_app.use_cases.screening.replay_screening import replay
from tests.smart_app.use_cases.a_screened_patient import NAN, Screened, row

NINE = {f"item.{number}": "2" for number in range(1, 10)}
HIGH = {"item.1": "1", "item.2": "1", "item.3": "1", "item.4": "1", "item.5": "0", "item.6": "0"}


def scored(room: Screened, scale: str = "phq9", fields: dict[str, str] | None = None) -> StoredScore:
    typed = NINE if fields is None else fields
    return record_score(room.work, room.clock, NAN, room.ids(), scale, typed, room.ids, room.site)


def references(screening: StoredScreening, rule: str) -> list[str]:
    return [each["reference"] for each in row(screening, rule)["evidence"]]


def test_a_total_settles_that_a_scale_is_missing_and_tells_the_severity() -> None:
    room = Screened()
    before = room.screen()
    room.later(minutes=5)
    score = scored(room)
    after = room.screen()
    assert row(before, "SEV-PHQ9")["state"] == "not-met"
    assert row(after, "SEV-PHQ9")["state"] == "met"
    assert references(after, "SEV-PHQ9") == [f"score/{score.id}"]
    assert row(after, "MISS-PHQ")["state"] == "not-met"


@pytest.mark.parametrize(
    ("scale", "fields", "alerts"),
    [
        pytest.param("phq9", NINE, True, id="item 9"),
        pytest.param("phq9", NINE | {"item.9": "0"}, False, id="item 9 with 0"),
        pytest.param("cssrs", HIGH, True, id="screener, high"),
        pytest.param("cssrs", {"item.1": "0", "item.2": "0", "item.6": "0"}, False, id="screener, none"),
        pytest.param("madrs", {f"item.{n}": "2" for n in range(1, 11)}, True, id="MADRS item 10"),
    ],
)
def test_suicidality_of_our_own_forms_is_evidence(scale: str, fields: dict[str, str], alerts: bool) -> None:
    room = Screened()
    room.screen()
    room.later(minutes=5)
    scored(room, scale, fields)
    found = row(room.screen(), "IND-SI")
    assert (found["state"] != "not-met") is alerts
    assert any("Suicidality" in str(each) for each in room.latest.result["alerts"]) is alerts


def test_what_was_struck_out_is_no_evidence() -> None:
    room = Screened()
    room.screen()
    room.later(minutes=5)
    score = scored(room)
    strike_score(room.work, room.clock, NAN, score.id, "Of another patient.", room.ids, room.site)
    assert row(room.screen(), "SEV-PHQ9")["state"] == "not-met"


def in_the_chart(score: StoredScore) -> Json:
    """The same result as the chart holds it once it was written."""
    made = score_resources(filled_in(score, NAN, None), Screened().site.instance)
    (result,) = (wire.decode(one.body) for one in made if one.resource_type == "Observation")
    return {name: value for name, value in result.items() if name != "derivedFrom"} | {"id": "phq-back"}


def test_what_came_back_from_the_chart_is_evidence_once() -> None:
    room = Screened()
    room.screen()
    room.later(minutes=5)
    made = room.screen(in_the_chart(scored(room)))
    assert references(made, "SEV-PHQ9") == ["Observation/phq-back"]
    assert references(made, "IND-SI") == ["Observation/phq-back"]
    assert made.baseline_scores[0]["identifiers"] == [made.scores[0].identifiers[0]]


def test_an_unread_part_of_the_chart_stays_a_gap_whatever_was_entered_here() -> None:
    room = Screened()
    room.screen()
    room.later(minutes=5)
    scored(room, "cssrs", {"item.1": "0", "item.2": "0", "item.6": "0"})
    failed = FailedFetch(area=Area.SURVEY, reason="the EHR refused it (403)")
    made = room.screen(failures=(failed,))
    assert row(made, "IND-SI")["state"] == "could-not-look"
    assert made.status != "candidate"


def test_a_screening_with_scores_comes_out_the_same_much_later() -> None:
    room = Screened()
    room.screen()
    room.later(minutes=5)
    scored(room)
    made = room.screen()
    room.later(days=3)
    scored(room, "cssrs", HIGH)
    assert replay(room.work, room.clock, made.id, room.settings).changes == ()
    forgotten = replace(made, scores=())
    room.work.kept.screenings[made.id] = forgotten
    assert "SEV-PHQ9" in [each.what for each in replay(room.work, room.clock, made.id, room.settings).changes]
