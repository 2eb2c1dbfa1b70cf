"""PHQ-9: bands, response, remission, and what must not be judged."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.outcome_rules import OutcomeRules
from smart_app.clinical.outcomes import ScaleScore, Verdict, outcome, severity

FIRST = date(2026, 11, 2)


def phq(total: int, days: int, item9: int | None = None) -> ScaleScore:
    return ScaleScore(total=total, day=FIRST + timedelta(days=days), watched=item9)


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (0, "minimal"), (4, "minimal"), (5, "mild"), (9, "mild"), (10, "moderate"), (14, "moderate"),
        (15, "moderately severe"), (19, "moderately severe"), (20, "severe"), (27, "severe"),
    ],
)  # fmt: skip
def test_each_total_has_its_severity(total: int, words: str) -> None:
    assert severity(total) == words


@pytest.mark.parametrize(
    ("baseline", "latest", "sentence"),
    [
        pytest.param(21, 9, "PHQ-9 21 → 9 (−57 %): response. Not remission (4 or less).", id="response"),
        pytest.param(21, 10, "PHQ-9 21 → 10 (−52 %): response. Not remission (4 or less).", id="just a response"),
        pytest.param(21, 11, "PHQ-9 21 → 11 (−48 %): partial response. Not remission (4 or less).", id="not quite"),
        pytest.param(20, 10, "PHQ-9 20 → 10 (−50 %): response. Not remission (4 or less).", id="exactly half"),
        pytest.param(20, 15, "PHQ-9 20 → 15 (−25 %): partial response. Not remission (4 or less).", id="a quarter"),
        pytest.param(20, 16, "PHQ-9 20 → 16 (−20 %): no response. Not remission (4 or less).", id="under a quarter"),
        pytest.param(20, 20, "PHQ-9 20 → 20 (0 %): no response. Not remission (4 or less).", id="unchanged"),
        pytest.param(12, 15, "PHQ-9 12 → 15 (+25 %): worse. Not remission (4 or less).", id="worse"),
        pytest.param(21, 4, "PHQ-9 21 → 4 (−81 %): response. Remission (4 or less).", id="remission"),
        pytest.param(21, 5, "PHQ-9 21 → 5 (−76 %): response. Not remission (4 or less).", id="one over remission"),
        pytest.param(
            5, 4, "PHQ-9 5 → 4 (−20 %): no response. Remission (4 or less).", id="remission without response"
        ),
    ],
)
def test_the_sentence_says_change_response_and_remission(baseline: int, latest: int, sentence: str) -> None:
    assert outcome([phq(baseline, 0), phq(latest, 21)], first_session=FIRST).sentence == sentence


@given(st.integers(1, 27), st.integers(0, 27))
def test_response_is_exactly_half_or_more(baseline: int, latest: int) -> None:
    judged = outcome([phq(baseline, 0), phq(latest, 21)], first_session=FIRST)
    assert (judged.verdict is Verdict.RESPONSE) == (latest <= baseline / 2)
    assert judged.remission == (latest < 5)
    assert judged.response_at == baseline // 2


def test_no_score_at_all_is_said() -> None:
    assert outcome([], first_session=FIRST).sentence == "No PHQ-9 in the record yet."


def test_a_score_after_session_1_is_no_baseline() -> None:
    judged = outcome([phq(9, 1)], first_session=FIRST)
    assert judged.verdict is Verdict.UNKNOWN
    assert judged.baseline is None
    assert "No score before session 1" in judged.sentence


def test_a_baseline_alone_is_not_judged() -> None:
    judged = outcome([phq(21, -1)], first_session=FIRST)
    assert judged.sentence == "PHQ-9 21 (severe). No score after baseline yet."
    assert judged.change_percent is None


def test_a_baseline_of_0_cannot_be_compared_with() -> None:
    judged = outcome([phq(0, 0), phq(9, 21)], first_session=FIRST)
    assert judged.verdict is Verdict.UNKNOWN
    assert "baseline is 0" in judged.sentence


def test_a_change_within_a_day_is_not_judged() -> None:
    assert outcome([phq(21, 0), phq(9, 1)], first_session=FIRST).verdict is Verdict.UNKNOWN
    assert outcome([phq(21, 0), phq(9, 2)], first_session=FIRST).verdict is Verdict.RESPONSE
    assert outcome([phq(21, -6), phq(9, 1)], first_session=FIRST).verdict is Verdict.UNKNOWN


def rated(scale: str, total: int, days: int) -> ScaleScore:
    return ScaleScore(scale=scale, total=total, day=FIRST + timedelta(days=days))


@pytest.mark.parametrize(
    ("scale", "baseline", "latest", "verdict", "remission"),
    [
        ("madrs", 32, 16, Verdict.RESPONSE, False),
        ("madrs", 32, 10, Verdict.RESPONSE, True),
        ("madrs", 32, 11, Verdict.RESPONSE, False),
        ("qids-sr16", 18, 9, Verdict.RESPONSE, False),
        ("qids-sr16", 18, 5, Verdict.RESPONSE, True),
        ("qids-sr16", 18, 10, Verdict.PARTIAL, False),
        ("hamd17", 24, 7, Verdict.RESPONSE, True),
        ("hamd17", 24, 8, Verdict.RESPONSE, False),
        ("gad7", 14, 4, Verdict.RESPONSE, True),
        ("gad7", 14, 11, Verdict.NONE, False),
    ],
)
def test_each_scale_has_its_own_remission(
    scale: str, baseline: int, latest: int, verdict: Verdict, remission: bool
) -> None:
    judged = outcome([rated(scale, baseline, -1), rated(scale, latest, 21)], first_session=FIRST, scale=scale)
    assert (judged.verdict, judged.remission) == (verdict, remission)


def test_dissociation_is_told_and_not_judged() -> None:
    judged = outcome([rated("cadss6", 2, -1), rated("cadss6", 9, 0)], first_session=FIRST, scale="cadss6")
    assert (judged.sentence, judged.verdict) == ("CADSS-6 9 on 02 Nov 2026.", Verdict.UNKNOWN)
    assert judged.response_at is None


def test_what_a_clinician_rates_may_be_judged_after_a_day() -> None:
    judged = outcome([rated("madrs", 32, -1), rated("madrs", 10, 1)], first_session=FIRST, scale="madrs")
    assert judged.verdict is Verdict.RESPONSE


def test_another_scale_at_baseline_is_not_comparable() -> None:
    judged = outcome([rated("madrs", 32, -1), phq(4, 21)], first_session=FIRST)
    assert judged.sentence == "PHQ-9 4 (minimal). The baseline was taken with MADRS: not comparable."
    assert judged.verdict is Verdict.UNKNOWN


def test_a_form_without_a_total_counts_for_nothing() -> None:
    judged = outcome([phq(21, -1), ScaleScore(total=None, day=FIRST + timedelta(days=21))], first_session=FIRST)
    assert judged.sentence == "PHQ-9 21 (severe). No score after baseline yet."


def test_the_baseline_is_the_last_score_before_or_on_the_first_day() -> None:
    judged = outcome([phq(9, 28), phq(24, -30), phq(20, 0)], first_session=FIRST)
    assert judged.baseline == phq(20, 0)
    assert judged.latest == phq(9, 28)


@pytest.mark.parametrize(("days", "remarked"), [(-7, False), (-8, True)])
def test_an_old_baseline_is_remarked(days: int, remarked: bool) -> None:
    judged = outcome([phq(21, days), phq(9, 21)], first_session=FIRST)
    assert bool(judged.remark) is remarked
    assert judged.verdict is Verdict.RESPONSE


def test_before_the_first_session_the_latest_score_is_the_baseline() -> None:
    judged = outcome([phq(21, -20), phq(19, -2)], first_session=None)
    assert judged.baseline == phq(19, -2)
    assert judged.remark == ""


@pytest.mark.parametrize(
    ("most", "days", "asked"),
    [(3, 4, "3 days or fewer are asked for"), (3, 3, ""), (1, 2, "1 day or fewer is")],
)
def test_the_age_of_a_baseline_is_that_of_the_course_s_rules(most: int, days: int, asked: str) -> None:
    judged = outcome([phq(21, -days), phq(9, 21)], first_session=FIRST, rules=OutcomeRules(baseline_days=most))
    assert asked in judged.remark
    assert bool(judged.remark) is bool(asked)
