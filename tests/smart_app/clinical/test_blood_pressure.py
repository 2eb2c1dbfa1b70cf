"""Blood pressure, from Observation to finding: the algorithm of the clinical content, 2.2 and 1b."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.finding import State, Status
from tests.builders import (
    LOINC,
    PATIENT,
    SNOMED,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_component,
    a_concept,
    a_condition,
    a_failure,
    a_ketamine_session,
    a_patient,
    a_single_pressure,
    an_observation,
    days_ago,
    finding,
    met_rules,
    mmhg,
    screened,
    states,
)

NOON = f"{days_ago(0)}T12:00:00-06:00"


def status_with(*readings: Json) -> Status:
    return screened(a_chart(*readings, without=["Observation"])).status


def rules_with(*readings: Json) -> set[str]:
    return met_rules(screened(a_chart(*readings, without=["Observation"])))


@pytest.mark.parametrize(
    ("systolic", "diastolic", "expected"),
    [
        pytest.param(139, 99, Status.CANDIDATE, id="both just below"),
        pytest.param(Decimal("139.9"), Decimal("99.9"), Status.CANDIDATE, id="below by a tenth"),
        pytest.param(140, 80, Status.HOLD, id="systolic at the limit"),
        pytest.param(139, 100, Status.HOLD, id="diastolic at the limit"),
        pytest.param(140, 99, Status.HOLD, id="140 over 99"),
        pytest.param(150, 105, Status.HOLD, id="both over"),
        pytest.param(140, None, Status.HOLD, id="systolic alone at the limit"),
        pytest.param(None, 100, Status.HOLD, id="diastolic alone at the limit"),
        pytest.param(120, None, Status.INSUFFICIENT_DATA, id="systolic alone passing"),
        pytest.param(None, 80, Status.INSUFFICIENT_DATA, id="diastolic alone passing"),
        pytest.param(300, 110, Status.HOLD, id="systolic implausible, diastolic failing"),
        pytest.param(mmhg(145, comparator="<"), 101, Status.HOLD, id="systolic with a comparator, diastolic failing"),
    ],
)
def test_limits_of_a_single_reading(systolic: Any, diastolic: Any, expected: Status) -> None:
    assert status_with(a_blood_pressure(systolic, diastolic)) is expected


UNUSABLE = [
    pytest.param(a_blood_pressure(mmhg(120, code=None, unit=None), 80), id="unit missing"),
    pytest.param(a_blood_pressure(mmhg(120, code="cm[H2O]", unit="cmH2O"), 80), id="another unit"),
    pytest.param(a_blood_pressure(mmhg(120, system="urn:local"), 80), id="unit of another system"),
    pytest.param(a_blood_pressure(mmhg(120, comparator="<"), 80), id="comparator"),
    pytest.param(a_blood_pressure(mmhg("120"), 80), id="value is a text"),
    pytest.param(a_blood_pressure(mmhg(True), 80), id="value is a boolean"),
    pytest.param(a_blood_pressure(mmhg(None), 80), id="value missing"),
    pytest.param(a_blood_pressure(59, 40), id="systolic below 60"),
    pytest.param(a_blood_pressure(261, 80), id="systolic over 260"),
    pytest.param(a_blood_pressure(120, 29), id="diastolic below 30"),
    pytest.param(a_blood_pressure(None, 161), id="diastolic over 160"),
    pytest.param(a_blood_pressure(80, 80), id="diastolic equals systolic"),
    pytest.param(a_blood_pressure(80, 90), id="diastolic over systolic"),
    pytest.param(a_blood_pressure(-120, 80), id="negative"),
    pytest.param(a_blood_pressure(120, None), id="diastolic missing"),
    pytest.param(a_blood_pressure(None, 80), id="systolic missing"),
    pytest.param(a_blood_pressure(status="preliminary"), id="preliminary"),
    pytest.param(a_blood_pressure(status="registered"), id="registered"),
    pytest.param(a_blood_pressure(status="unknown"), id="status unknown"),
    pytest.param(a_blood_pressure(status=None), id="status missing"),
    pytest.param(a_blood_pressure(effectiveDateTime=None), id="time missing"),
    pytest.param(a_blood_pressure(when="2026-11"), id="a month that may lie ahead"),
    pytest.param(a_blood_pressure(when="2026"), id="only a year"),
    pytest.param(a_blood_pressure(modifierExtension=[{"url": "urn:x"}]), id="unknown modifier"),
    pytest.param(
        a_blood_pressure(component=[a_component("8480-6", mmhg(120)), a_component("8462-4", mmhg(80))] * 2),
        id="components given twice",
    ),
    pytest.param(
        a_blood_pressure(
            component=[
                a_component("8480-6", mmhg(120), modifierExtension=[{"url": "urn:x"}]),
                a_component("8462-4", mmhg(80)),
            ]
        ),
        id="a component with an unknown modifier",
    ),
    pytest.param(a_blood_pressure(component=None, valueString="130/85"), id="a string in the panel"),
    pytest.param(a_blood_pressure(component=None, valueQuantity=mmhg(130)), id="one value in the panel"),
    pytest.param(a_blood_pressure(component=None), id="nothing in the panel"),
    pytest.param(
        a_blood_pressure(
            component=[
                a_component("8480-6", None, dataAbsentReason=a_concept("masked", LOINC)),
                a_component("8462-4", mmhg(80)),
            ]
        ),
        id="systolic masked",
    ),
]


@pytest.mark.parametrize("reading", UNUSABLE)
def test_an_unusable_reading_is_missing_data_and_no_older_one_stands_in(reading: Json) -> None:
    older = a_blood_pressure(118, 76, when=days_ago(3))
    assert status_with(reading) is Status.INSUFFICIENT_DATA
    assert status_with(older, reading) is Status.INSUFFICIENT_DATA
    assert "MISS-BP" in rules_with(older, reading)


def test_an_unusable_reading_behind_a_later_good_one_does_no_harm() -> None:
    assert status_with(
        a_blood_pressure(mmhg(120, code=None, unit=None), 80, when=days_ago(2)), a_blood_pressure()
    ) is (Status.CANDIDATE)


def test_an_unusable_reading_of_the_same_day_blocks() -> None:
    """The damaged half of a day's mean could have been the failing one."""
    good = a_blood_pressure(120, 80, when=f"{days_ago(0)}T12:00:00-06:00")
    assert status_with(good, a_blood_pressure(mmhg(170, code=None, unit=None), 80)) is Status.INSUFFICIENT_DATA


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": "entered-in-error"}, id="entered in error"),
        pytest.param({"status": "cancelled"}, id="cancelled"),
    ],
)
def test_readings_in_error_are_dropped_not_unusable(changes: Json) -> None:
    result = screened(a_chart(a_blood_pressure(190, 125, **changes)))
    assert result.status is Status.CANDIDATE
    assert "DATA-EIE" in met_rules(result)


def test_a_reading_that_was_not_performed_is_absent() -> None:
    reason = {
        "dataAbsentReason": a_concept("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    }
    parts = [a_component(code, None, **reason) for code in ("8480-6", "8462-4")]
    assert status_with(a_blood_pressure(when=days_ago(1)), a_blood_pressure(component=parts)) is Status.CANDIDATE


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_final_statuses_count(status: str) -> None:
    assert status_with(a_blood_pressure(status=status)) is Status.CANDIDATE
    assert status_with(a_blood_pressure(140, status=status)) is Status.HOLD


@pytest.mark.parametrize(
    ("systolic", "diastolic", "expected"),
    [
        pytest.param("18.6", "10.6", Status.CANDIDATE, id="139.5 over 79.5"),
        pytest.param("18.665", "10.6", Status.CANDIDATE, id="just below 140"),
        pytest.param("18.666", "10.6", Status.HOLD, id="140.006 is not below"),
        pytest.param("16", "13.333", Status.HOLD, id="diastolic 100.006 is not below"),
    ],
)
def test_kilopascals_are_converted(systolic: str, diastolic: str, expected: Status) -> None:
    reading = a_blood_pressure(
        mmhg(Decimal(systolic), code="kPa", unit="kPa"), mmhg(Decimal(diastolic), code="kPa", unit="kPa")
    )
    assert status_with(reading) is expected


@pytest.mark.parametrize("unit", ["mmHg", "mm Hg ", "MMHG", "mm[Hg]"])
def test_a_printed_unit_without_a_code_is_accepted(unit: str) -> None:
    printed = mmhg(120, code=None, system=None, unit=unit), mmhg(80, code=None, system=None, unit=unit)
    assert status_with(a_blood_pressure(*printed)) is Status.CANDIDATE


@pytest.mark.parametrize(
    ("days", "systolic", "expected", "rule"),
    [
        pytest.param(30, 120, Status.CANDIDATE, None, id="passing, 30 days: fresh"),
        pytest.param(31, 120, Status.INSUFFICIENT_DATA, "MISS-BP", id="passing, 31 days: stale"),
        pytest.param(90, 120, Status.INSUFFICIENT_DATA, "MISS-BP", id="passing, 90 days: stale"),
        pytest.param(91, 120, Status.INSUFFICIENT_DATA, "MISS-BP", id="passing, 91 days: missing"),
        pytest.param(31, 140, Status.HOLD, "HOLD-BP", id="failing, 31 days: still holds"),
        pytest.param(90, 140, Status.HOLD, "HOLD-BP", id="failing, 90 days: still holds"),
        pytest.param(91, 140, Status.INSUFFICIENT_DATA, "MISS-BP", id="failing, 91 days: missing"),
    ],
)
def test_age_of_the_latest_day(days: int, systolic: int, expected: Status, rule: str | None) -> None:
    reading = a_blood_pressure(systolic, when=days_ago(days))
    assert status_with(reading) is expected
    assert rule is None or rule in rules_with(reading)


def test_no_reading_at_all_is_missing_data() -> None:
    assert rules_with() == {"IND-MDD", "MISS-BP"}
    assert status_with() is Status.INSUFFICIENT_DATA


def test_the_latest_day_decides() -> None:
    assert status_with(a_blood_pressure(160, when=days_ago(40)), a_blood_pressure(118)) is Status.CANDIDATE
    assert status_with(a_blood_pressure(118, when=days_ago(1)), a_blood_pressure(150)) is Status.HOLD


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([(139, 80), (140, 80)], Status.CANDIDATE, id="139.5 is below"),
        pytest.param([(139, 80), (141, 80)], Status.HOLD, id="140 is not below"),
        pytest.param([(130, 99), (130, 100)], Status.CANDIDATE, id="diastolic 99.5 is below"),
        pytest.param([(139, 80), (140, 80), (140, 80)], Status.CANDIDATE, id="139.67 is not rounded up"),
        pytest.param([(140, 80), (Decimal("139.9"), 80)], Status.CANDIDATE, id="139.95 is not rounded up"),
        pytest.param([(120, 80), (150, None)], Status.HOLD, id="a half over the limit is not averaged away"),
    ],
)
def test_a_day_counts_as_the_unrounded_mean(readings: list[tuple[Any, Any]], expected: Status) -> None:
    found = [
        a_blood_pressure(above, below, when=f"{days_ago(0)}T{8 + n:02}:00:00-06:00")
        for n, (above, below) in enumerate(readings)
    ]
    assert status_with(*found) is expected
    assert status_with(*reversed(found)) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("2026-11-23T23:59:59-06:00", Status.HOLD, id="last second of the day in its own offset"),
        pytest.param("2026-11-23T00:00:00+14:00", Status.HOLD, id="first second of the day, far east"),
        pytest.param(
            "2026-11-24T00:00:00+14:00", Status.CANDIDATE, id="tomorrow in its own offset: listed, not used"
        ),
        pytest.param("2026-11-24", Status.CANDIDATE, id="tomorrow's date: listed, not used"),
        pytest.param("2026-08-25T00:00:00Z", Status.CANDIDATE, id="90 days ago, behind a newer pass"),
    ],
)
def test_the_calendar_day_is_that_of_the_readings_own_offset(when: str, expected: Status) -> None:
    chart = a_chart(
        a_blood_pressure(120, when=days_ago(1)), a_blood_pressure(160, when=when), without=["Observation"]
    )
    result = screened(chart)
    assert result.status is expected
    later = [gap for gap in result.gaps if gap.listed_only]
    assert bool(later) == when.startswith("2026-11-24")


def test_one_moment_on_two_days_counts_on_the_day_that_is_written() -> None:
    """23:30 at -06:00 is the 22nd, though it is the 23rd in UTC: the reading of the 23rd is the latest day."""
    late = a_blood_pressure(160, when="2026-11-22T23:30:00-06:00")
    assert status_with(late, a_blood_pressure(120, when="2026-11-23T01:00:00Z")) is Status.CANDIDATE


PARTIAL = [
    pytest.param("2026-10", 120, Status.INSUFFICIENT_DATA, id="October, passing: some days are stale"),
    pytest.param("2026-10", 150, Status.HOLD, id="October, failing: some days are near enough"),
    pytest.param("2026-11", 150, Status.HOLD, id="this month, failing"),
    pytest.param("2026", 150, Status.HOLD, id="this year, failing"),
    pytest.param("2026-08", 150, Status.HOLD, id="August, failing: the 31st is 84 days ago"),
    pytest.param("2026-07", 150, Status.INSUFFICIENT_DATA, id="July, failing: every day is too old"),
]


@pytest.mark.parametrize(("when", "systolic", "expected"), PARTIAL)
def test_a_partial_date_fires_if_any_day_may_and_helps_only_if_all_do(
    when: str, systolic: int, expected: Status
) -> None:
    assert status_with(a_blood_pressure(systolic, when=when)) is expected


def test_a_whole_month_within_thirty_days_helps() -> None:
    chart = a_chart(a_blood_pressure(120, when="2026-11"), without=["Observation"])
    assert screened(chart, as_of=TODAY.replace(day=30)).status is Status.CANDIDATE


def test_an_average_over_several_days_counts_as_one_day() -> None:
    period = {"start": days_ago(5), "end": days_ago(2)}
    parts = [a_component("96608-5", mmhg(128)), a_component("96609-3", mmhg(82))]
    average = a_blood_pressure(panel="96607-7", component=parts, effectiveDateTime=None, effectivePeriod=period)
    assert status_with(average) is Status.CANDIDATE
    failing = a_blood_pressure(150, when=days_ago(4))
    assert status_with(average, failing) is Status.HOLD


def test_a_panel_under_another_code_is_known_by_its_components() -> None:
    assert status_with(a_blood_pressure(panel="55284-4")) is Status.CANDIDATE
    odd = a_blood_pressure(150, 95, code={"text": "Vitals set"}, category=None)
    assert status_with(odd) is Status.HOLD


def test_oid_codes_are_loinc() -> None:
    parts = [
        {"code": a_concept(code, "urn:oid:2.16.840.1.113883.6.1"), "valueQuantity": mmhg(value)}
        for code, value in (("8480-6", 150), ("8462-4", 80))
    ]
    assert status_with(a_blood_pressure(component=parts)) is Status.HOLD


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        pytest.param("12:05:00-06:00", Status.CANDIDATE, id="five minutes: one reading"),
        pytest.param("12:05:01-06:00", Status.INSUFFICIENT_DATA, id="over five minutes: two halves"),
        pytest.param("19:04:00+01:00", Status.CANDIDATE, id="four minutes, in another offset"),
    ],
)
def test_separate_observations_are_paired_by_time(apart: str, expected: Status) -> None:
    upper = a_single_pressure("8480-6", 120, when=NOON)
    lower = a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T{apart}")
    assert status_with(upper, lower) is expected
    assert status_with(lower, upper) is expected


def test_separate_observations_are_paired_by_encounter() -> None:
    visit = {"encounter": {"reference": "Encounter/1"}}
    upper = a_single_pressure("8480-6", 120, when=NOON, **visit)
    lower = a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T14:00:00-06:00", **visit)
    other = lower | {"encounter": {"reference": "Encounter/2"}}
    assert status_with(upper, lower) is Status.CANDIDATE
    assert status_with(upper, other) is Status.INSUFFICIENT_DATA


def test_separate_observations_with_a_date_alone_are_paired() -> None:
    upper, lower = (
        a_single_pressure(code, value, when=days_ago(1)) for code, value in (("8480-6", 120), ("8462-4", 80))
    )
    assert status_with(upper, lower) is Status.CANDIDATE
    assert status_with(upper, lower, a_single_pressure("8462-4", 80, effectiveDateTime=None)) is (
        Status.INSUFFICIENT_DATA
    )


def test_each_half_is_paired_once_and_with_the_nearest() -> None:
    upper = [a_single_pressure("8480-6", 120, when=f"{days_ago(0)}T12:0{minute}:00-06:00") for minute in (0, 3)]
    lower = [a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T12:0{minute}:00-06:00") for minute in (0, 4)]
    assert status_with(*upper, *lower) is Status.CANDIDATE
    assert status_with(*upper, lower[0]) is Status.INSUFFICIENT_DATA


def test_a_pair_must_be_plausible_together() -> None:
    upper, lower = a_single_pressure("8480-6", 90, when=NOON), a_single_pressure("8462-4", 95, when=NOON)
    assert status_with(upper, lower) is Status.INSUFFICIENT_DATA


def test_a_pair_with_an_unusable_half_is_unusable() -> None:
    upper = a_single_pressure("8480-6", 120, when=NOON)
    lower = a_single_pressure("8462-4", 80, when=NOON, valueQuantity=mmhg(80, code=None, unit=None))
    assert status_with(a_blood_pressure(when=days_ago(2)), upper, lower) is Status.INSUFFICIENT_DATA


def test_a_standing_half_is_no_half_of_a_seated_pair() -> None:
    upper = a_single_pressure("8480-6", 120, when=NOON, method={"text": "standing"})
    lower = a_single_pressure("8462-4", 80, when=NOON)
    assert status_with(upper, lower) is Status.INSUFFICIENT_DATA


def test_a_pair_with_one_half_in_a_session_counts() -> None:
    visit = {"encounter": {"reference": "Encounter/1"}}
    upper = a_single_pressure("8480-6", 150, when=f"{days_ago(0)}T09:58:00-06:00", **visit)
    lower = a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T10:01:00-06:00", **visit)
    session = a_ketamine_session(f"{days_ago(0)}T10:00:00-06:00", f"{days_ago(0)}T12:00:00-06:00")
    assert status_with(a_blood_pressure(when=days_ago(2)), upper, lower, session) is Status.HOLD


STANDING = [
    pytest.param({"component": [a_component("8460-8", mmhg(118)), a_component("8454-1", mmhg(76))]}, id="by codes"),
    pytest.param({"method": {"text": "Standing, left arm"}}, id="by method"),
    pytest.param(
        {
            "component": [
                a_component("8480-6", mmhg(118)),
                a_component("8462-4", mmhg(76)),
                {"code": a_concept("8361-8", LOINC), "valueCodeableConcept": {"text": "Standing"}},
            ]
        },
        id="by the body-position component",
    ),
    pytest.param(
        {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition",
                    "valueCodeableConcept": {"coding": [{"system": SNOMED, "display": "Orthostatic body position"}]},
                }
            ]
        },
        id="by the body-position extension",
    ),
]


@pytest.mark.parametrize("changes", STANDING)
def test_standing_readings_neither_clear_nor_hold(changes: Json) -> None:
    assert status_with(a_blood_pressure(118, 76, **changes)) is Status.INSUFFICIENT_DATA
    assert status_with(a_blood_pressure(when=days_ago(1)), a_blood_pressure(118, 76, **changes)) is Status.CANDIDATE


def test_a_single_standing_systolic_is_left_out() -> None:
    assert status_with(a_blood_pressure(when=days_ago(1)), a_single_pressure("8460-8", 160)) is Status.CANDIDATE


DURING = f"{days_ago(0)}T10:30:00-06:00"
SESSION = a_ketamine_session(f"{days_ago(0)}T10:00:00-06:00", f"{days_ago(0)}T12:00:00-06:00", id="session-1")
PART = {"partOf": [{"reference": "Procedure/session-1"}]}


def with_session(reading: Json, session: Json = SESSION) -> Status:
    return status_with(a_blood_pressure(120, when=days_ago(1)), reading, session)


@pytest.mark.parametrize(
    "reading",
    [
        pytest.param(a_blood_pressure(165, when=DURING), id="within its time"),
        pytest.param(a_blood_pressure(165, when=f"{days_ago(0)}T16:00:00Z"), id="at its first second, in UTC"),
        pytest.param(a_blood_pressure(165, when=days_ago(0), **PART), id="part of it"),
        pytest.param(
            a_blood_pressure(
                165,
                identifier=[{"system": "https://ketamine-pathway.example/fhir/sid/reading", "value": "1"}],
            ),
            id="one of our own session readings",
        ),
    ],
)
def test_readings_inside_a_ketamine_session_are_left_out(reading: Json) -> None:
    assert with_session(reading) is Status.CANDIDATE


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(SESSION | {"code": {"text": "Cataract surgery"}}, id="no ketamine"),
        pytest.param(SESSION | {"status": "not-done"}, id="not done"),
        pytest.param(SESSION | {"status": "entered-in-error"}, id="entered in error"),
        pytest.param(SESSION | {"subject": {"reference": "Patient/other"}}, id="of another patient"),
        pytest.param(SESSION | {"subject": None}, id="of nobody"),
        pytest.param(
            SESSION | {"performedPeriod": {"start": "2020-01-01T00:00:00Z", "end": "2030-01-01T00:00:00Z"}},
            id="ten years long",
        ),
        pytest.param(SESSION | {"performedPeriod": {"start": "x", "end": []}}, id="at no readable time"),
        pytest.param(
            SESSION
            | {"performedPeriod": {"start": f"{days_ago(0)}T11:00:00-06:00", "end": f"{days_ago(0)}T09:00:00Z"}},
            id="ending before it starts",
        ),
    ],
)
def test_only_a_real_session_hides_a_reading(session: Json) -> None:
    assert with_session(a_blood_pressure(165, when=DURING), session) is Status.HOLD


def test_a_dose_of_ketamine_marks_its_session_too() -> None:
    dose = SESSION | {
        "resourceType": "MedicationAdministration",
        "code": None,
        "medicationCodeableConcept": {"text": "ketamine 50 mg/mL"},
        "partOf": [{"reference": "Procedure/visit"}],
        "performedPeriod": None,
        "effectivePeriod": SESSION["performedPeriod"],
    }
    assert with_session(a_blood_pressure(165, when=DURING), dose) is Status.CANDIDATE
    part = {"partOf": [{"reference": "Procedure/visit"}]}
    assert with_session(a_blood_pressure(165, when=days_ago(0), **part), dose) is Status.CANDIDATE


@pytest.mark.parametrize(
    ("systolic", "diastolic", "days", "urgent"),
    [
        pytest.param(180, 90, 0, True, id="systolic 180"),
        pytest.param(179, 119, 0, False, id="just below both"),
        pytest.param(150, 120, 0, True, id="diastolic 120"),
        pytest.param(180, None, 0, True, id="systolic alone"),
        pytest.param(180, 90, 7, True, id="seven days ago"),
        pytest.param(180, 90, 8, False, id="eight days ago"),
    ],
)
def test_a_hypertensive_crisis_within_a_week_raises_an_alert(
    systolic: Any, diastolic: Any, days: int, *, urgent: bool
) -> None:
    reading = a_blood_pressure(systolic, diastolic, when=days_ago(days))
    result = screened(a_chart(reading, without=["Observation"] if days == 0 else []))
    assert ("URG-BP" in met_rules(result)) is urgent
    assert ([alert.rule for alert in result.alerts] == ["URG-BP"]) is urgent
    assert (result.status is Status.HOLD) is (urgent or days == 0)


def test_words_never_say_above() -> None:
    reason = finding(screened(a_chart(a_blood_pressure(150), without=["Observation"])), "HOLD-BP").reason
    assert "Not below 140/100" in reason
    assert "above" not in reason.lower()


def test_the_evidence_is_the_reading_its_day_and_its_value() -> None:
    readings = [a_blood_pressure(140, 80, id="bp-1"), a_blood_pressure(141, 80, when=NOON, id="bp-2")]
    evidence = finding(screened(a_chart(*readings, without=["Observation"])), "HOLD-BP").evidence
    assert [(e.reference, e.date, e.text) for e in evidence] == [
        ("Observation/bp-2", days_ago(0), "140.5/80 mmHg, mean of 2 readings")
    ]


def test_known_hypertension_with_a_passing_pressure_is_a_caution() -> None:
    result = screened(a_chart(a_condition("I10")))
    assert result.status is Status.CANDIDATE
    assert finding(result, "REV-HTN").state is State.MET
    for reading in (a_blood_pressure(140), a_blood_pressure(when=days_ago(40))):
        failing = screened(a_chart(a_condition("I10"), reading, without=["Observation"]))
        assert finding(failing, "REV-HTN").state is not State.MET


@pytest.mark.parametrize(
    ("readings", "hold", "missing"),
    [
        pytest.param([], "not-enough-data", "could-not-look", id="nothing came"),
        pytest.param([a_blood_pressure()], "could-not-look", "could-not-look", id="a passing one came"),
        pytest.param([a_blood_pressure(150)], "met", "could-not-look", id="a failing one came"),
    ],
)
def test_a_failed_page_of_vital_signs(readings: list[Json], hold: str, missing: str) -> None:
    result = screened(a_chart(*readings, without=["Observation"]), a_failure(Area.BLOOD_PRESSURE))
    assert (states(result)["HOLD-BP"], states(result)["MISS-BP"]) == (hold, missing)
    assert result.status is (Status.HOLD if hold == "met" else Status.INSUFFICIENT_DATA)


def test_a_blood_pressure_under_a_local_code_is_not_overlooked() -> None:
    local = {"coding": [{"system": "urn:lab", "code": "BP1"}], "text": "Blood pressure"}
    assert screened(a_chart(an_observation("x", "vital-signs", code=local, valueString="170/110"))).status is (
        Status.INSUFFICIENT_DATA
    )


def test_where_a_pressure_was_taken_is_no_pressure() -> None:
    local = {"coding": [{"system": "urn:flowsheet", "code": "301"}], "text": "BP location"}
    arm = an_observation("x", "vital-signs", code=local, valueCodeableConcept={"text": "left arm"})
    assert screened(a_chart(arm)).status is Status.CANDIDATE


def test_a_reading_of_a_version_of_the_patient_is_the_patients() -> None:
    reading = a_blood_pressure(150, subject={"reference": f"{PATIENT}/_history/3"})
    assert screened(a_chart(reading, without=["Observation"])).status is Status.HOLD


def test_a_reading_of_another_patient_is_refused() -> None:
    for subject in ({"reference": "Patient/other"}, {"display": "Ada"}, None, PATIENT):
        result = screened(a_chart(a_blood_pressure(when=days_ago(2), subject=subject)))
        assert result.status is Status.INSUFFICIENT_DATA


def test_the_same_reading_twice_is_one_reading() -> None:
    low, high = a_blood_pressure(120, when=NOON), a_blood_pressure(150)
    assert status_with(low, high) is Status.CANDIDATE
    assert status_with(low, high, high, high) is Status.CANDIDATE


def test_the_newest_version_of_a_reading_counts_and_a_conflict_blocks() -> None:
    versions = [a_blood_pressure(n, id="bp", meta={"versionId": v}) for n, v in ((150, "9"), (120, "10"))]
    assert status_with(*versions) is status_with(*reversed(versions)) is Status.CANDIDATE
    torn = [a_blood_pressure(n, id="bp", meta={"versionId": "1"}) for n in (150, 120)]
    assert status_with(*torn) is status_with(torn[1], torn[0], torn[1]) is Status.INSUFFICIENT_DATA


def test_without_a_patient_the_reading_cannot_clear() -> None:
    assert screened([a_condition(), a_blood_pressure()]).status is Status.INSUFFICIENT_DATA
    assert screened([a_patient(), a_condition(), a_blood_pressure()]).status is Status.CANDIDATE
