"""The charts, judged by parsing what they draw."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.questionnaire import Instrument
from smart_app.clinical.session_rules import SessionLimits
from smart_app.pages.charts import Limit, ScorePoint, SessionMark, VitalsPoint, score_chart, vitals_chart
from smart_app.pages.charts.drawing import Scale, free_place, tag
from smart_app.pages.session_chart import record_chart
from tests.fhir_mappings.writing.a_session import a_reading, a_session, an_eventful_session

LIMITS = (
    Limit(systolic=140, name="Start", kind="gate"),
    Limit(systolic=160, name="Pause", kind="warn"),
    Limit(systolic=180, name="Stop", kind="stop"),
)
DAY = date(2026, 11, 2)
PHQ9 = INSTRUMENTS["phq9"]
BANDS = ["Minimal", "Mild", "Moderate", "Mod. severe", "Severe"]


def of(total: int | None) -> ScorePoint | None:
    return None if total is None else ScorePoint(day=DAY, total=total)


def a_point(minute: int = 0, systolic: int | None = 128, diastolic: int | None = 78, **changes: int) -> VitalsPoint:
    rest = {"heart_rate": 72, "saturation": 98} | changes
    return VitalsPoint(minute=minute, time=f"14:{minute % 60:02d}", systolic=systolic, diastolic=diastolic, **rest)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own drawing


def of_class(svg: str, name: str) -> list[ElementTree.Element]:
    return [each for each in parse(svg).iter() if name in each.get("class", "").split()]


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in parse(svg).iter("text")]


def test_every_reading_with_a_pressure_is_one_bar() -> None:
    points = [a_point(0), a_point(10, 141, 86), a_point(20, None, None)]
    assert len(of_class(vitals_chart(points, limits=LIMITS), "c-bp")) == 2


def test_limits_stand_at_their_own_height_and_carry_their_value() -> None:
    chart = vitals_chart([a_point()], limits=LIMITS)
    heights = [float(line.get("y1", "")) for line in of_class(chart, "c-limit")]
    grid = {line.get("y1") for line in of_class(chart, "c-grid")}
    assert heights == sorted(heights, reverse=True)
    assert all(f"{height:g}" in grid for height in heights), "140, 160 and 180 lie on grid lines"
    assert {"Start 140", "Pause 160", "Stop 180"} <= set(texts(chart))


@pytest.mark.parametrize(
    ("pressure", "marked"),
    [
        pytest.param("179/109", 0, id="below"),
        pytest.param("180/90", 1, id="systolic at it"),
        pytest.param("150/110", 1, id="diastolic at it"),
    ],
)
def test_a_bar_that_reaches_a_limit_to_stop_is_drawn_otherwise(pressure: str, marked: int) -> None:
    systolic, diastolic = pressure.split("/")
    one = a_reading(3, systolic=Decimal(systolic), diastolic=Decimal(diastolic))
    chart = record_chart(a_session(readings=(one,)), SessionLimits())
    assert len(of_class(chart, "c-reached")) == marked


def test_readings_beyond_the_usual_range_stay_inside_the_drawing() -> None:
    chart = vitals_chart([a_point(-25, 240, 130), a_point(190, 84, 30)], limits=LIMITS)
    _, _, width, height = (float(part) for part in parse(chart).get("viewBox", "").split())
    bars = [line for group in of_class(chart, "c-bp") for line in group.iter("line")]
    assert bars
    for bar in bars:
        assert 0 < float(bar.get("x1", "")) < width
        assert 0 < float(bar.get("y1", "")) < float(bar.get("y2", "")) < height


def test_a_low_saturation_is_marked_with_a_sign_and_not_by_colour_alone() -> None:
    chart = vitals_chart([a_point(0), a_point(40, saturation=91)], limits=LIMITS)
    assert "91!" in texts(chart)
    assert "98" in texts(chart)


def test_the_description_names_first_highest_and_last() -> None:
    chart = vitals_chart([a_point(0), a_point(20, 171, 101), a_point(40, 150, 90)], limits=LIMITS)
    said = parse(chart).findtext("desc") or ""
    assert "3 readings" in said
    assert "First 128/78" in said
    assert "Highest 171/101" in said
    assert "Last 150/90" in said


def test_before_the_dose_the_axis_says_what_it_counts_from() -> None:
    assert "Minutes from the first reading" in texts(vitals_chart([a_point()], limits=LIMITS, from_dose=False))


@pytest.mark.parametrize("last", range(60, 200, 3))
def test_the_last_value_never_lies_on_the_name_of_a_limit(last: int) -> None:
    chart = vitals_chart([a_point(0), a_point(10, last, 50)], limits=LIMITS)
    places = {each.text: float(each.get("y", "")) for each in of_class(chart, "c-name")}
    bp = next(y for words, y in places.items() if words and words.startswith("BP "))
    others = [y for words, y in places.items() if words and not words.startswith("BP ")]
    assert all(abs(bp - y) >= 14.9 for y in others)


def test_an_infusion_is_shaded_from_its_start_to_its_end() -> None:
    chart = vitals_chart([a_point(0), a_point(60)], limits=LIMITS, infusion=[(0, 40)])
    (shade,) = of_class(chart, "c-dose")
    assert float(shade.get("width", "")) == pytest.approx((760 - 48 - 92 - 20) * 40 / 120, abs=0.2)


def test_a_pause_is_not_shaded_and_the_baseline_has_a_band_of_its_own() -> None:
    chart = record_chart(an_eventful_session(), SessionLimits())
    before, pause = of_class(chart, "c-dose")
    assert float(before.get("x", "")) + float(before.get("width", "")) < float(pause.get("x", ""))
    (baseline,) = of_class(chart, "c-before")
    right = float(baseline.get("x", "")) + float(baseline.get("width", ""))
    assert right == pytest.approx(float(before.get("x", "")), abs=0.2)
    assert {"Baseline", "Infusion 0 to 40 min, with pauses"} <= set(texts(chart))


def test_without_readings_there_is_no_chart() -> None:
    assert vitals_chart([], limits=LIMITS) == ""
    assert score_chart(PHQ9, []) == ""


def a_course() -> list[ScorePoint]:
    totals = [(0, 21, 2), (7, 17, 1), (14, 12, 0), (21, 9, 0)]
    return [ScorePoint(day=DAY + timedelta(days=passed), total=total, watched=i9) for passed, total, i9 in totals]


def test_every_score_is_a_point_and_item_9_above_zero_a_diamond() -> None:
    chart = score_chart(PHQ9, a_course(), baseline=of(21))
    assert len(of_class(chart, "c-score-dot")) == 4
    assert len(of_class(chart, "c-item9")) == 2
    titles = [circle.findtext("title") or "" for circle in of_class(chart, "c-score-dot")]
    assert ["item 9 above 0" in title for title in titles] == [True, True, False, False]


@pytest.mark.parametrize(
    ("baseline", "line"), [(21, "Response: 10 or less"), (20, "Response: 10 or less"), (9, "Response: 4 or less")]
)
def test_the_response_line_is_half_the_baseline_rounded_down(baseline: int, line: str) -> None:
    assert any(line in words for words in texts(score_chart(PHQ9, a_course(), baseline=of(baseline))))


def test_two_limits_that_lie_together_share_their_label() -> None:
    assert "Remission: 4 or less. Response: 4 or less" in texts(score_chart(PHQ9, a_course(), baseline=of(9)))


@pytest.mark.parametrize("baseline", [None, 0])
def test_without_a_usable_baseline_there_is_no_response_line(baseline: int | None) -> None:
    chart = score_chart(PHQ9, a_course(), baseline=of(baseline))
    assert not of_class(chart, "c-response")
    assert of_class(chart, "c-remission")


def test_bands_lines_and_days_are_those_of_the_picture() -> None:
    chart = score_chart(PHQ9, a_course(), baseline=of(21))
    words = texts(chart)
    assert [each for each in words if each.startswith("Day ")] == ["Day 0", "Day 7", "Day 14", "Day 21"]
    assert [each for each in words if each in BANDS] == BANDS
    assert {"0", "5", "10", "15", "20", "27"} <= set(words)
    height = {line.get("class"): float(line.get("y1", "")) for line in of_class(chart, "c-limit")}
    top, bottom = 18, 340 - 66
    assert height["c-limit c-remission"] == pytest.approx(bottom - (bottom - top) * 4.5 / 27, abs=0.1)
    assert height["c-limit c-response"] == pytest.approx(bottom - (bottom - top) * 10.5 / 27, abs=0.1)


@pytest.mark.parametrize("form", [each for each in INSTRUMENTS.values() if each.highest], ids=lambda form: form.key)
def test_every_scale_has_a_chart_with_its_own_range_and_lines(form: Instrument) -> None:
    points = [ScorePoint(day=DAY, total=form.highest), ScorePoint(day=DAY + timedelta(days=14), total=0)]
    chart = score_chart(form, points, baseline=points[0])
    assert [float(dot.get("cy", "")) for dot in of_class(chart, "c-score-dot")] == [18, 340 - 66]
    assert str(form.highest) in texts(chart)
    assert len(of_class(chart, "c-band")) == len(form.bands)
    assert bool(of_class(chart, "c-remission")) is (form.remission is not None)


def test_days_before_the_baseline_are_counted_backwards() -> None:
    points = [ScorePoint(day=DAY - timedelta(days=7), total=20), *a_course()]
    assert "Day \N{MINUS SIGN}7" in texts(score_chart(PHQ9, points, baseline=of(21)))


@pytest.mark.parametrize("baseline", [8, 9, 10, 12])
def test_the_words_of_both_lines_never_lie_on_each_other(baseline: int) -> None:
    chart = score_chart(PHQ9, a_course(), baseline=of(baseline))
    places = [float(each.get("y", "")) for each in of_class(chart, "c-note")]
    assert len(places) == 1 or abs(places[0] - places[1]) >= 14.9


def test_sessions_close_together_do_not_cover_each_other() -> None:
    marks = [
        SessionMark(day=DAY + timedelta(days=passed), number=number) for number, passed in enumerate((0, 1, 2, 60), 1)
    ]
    chart = score_chart(PHQ9, a_course(), marks, baseline=of(21))
    places = [
        float(circle.get("cx", "")) for group in of_class(chart, "c-session") for circle in group.iter("circle")
    ]
    assert len(places) == 4
    assert all(abs(a - b) >= 19.9 for i, a in enumerate(places) for b in places[:i])


def test_nothing_in_a_chart_needs_an_inline_style_or_a_script() -> None:
    both = vitals_chart([a_point()], limits=LIMITS) + score_chart(PHQ9, a_course(), baseline=of(21))
    assert not re.search(r"style=|<script|on[a-z]+=", both)


def test_hostile_text_is_escaped_in_elements_and_attributes() -> None:
    drawn = tag("text", "<script>&", class_='"><b>')
    element = parse(drawn)
    assert element.text == "<script>&"
    assert element.get("class") == '"><b>'


def test_a_scale_maps_its_ends() -> None:
    scale = Scale(low=40, high=200, start=300, end=20)
    assert (scale(40), scale(200)) == (300, 20)


def test_a_label_keeps_its_place_when_nothing_is_near() -> None:
    assert free_place(50, [10, 90], gap=15) == 50
    assert free_place(50, [45], gap=15) == 60
