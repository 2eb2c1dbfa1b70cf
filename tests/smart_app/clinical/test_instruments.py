"""The table of questionnaires, and what answers come to: totals, bands, levels of risk, what is missing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.questionnaire import Instrument, Rule
from smart_app.clinical.instruments import is_asked, missing, problems, result

SCORED = [each for each in INSTRUMENTS.values() if each.rule in {Rule.SUM, Rule.GROUPS}]


@pytest.mark.parametrize("form", INSTRUMENTS.values(), ids=INSTRUMENTS.keys())
def test_a_row_of_the_table_holds_together(form: Instrument) -> None:
    assert form.terms
    assert form.asks
    assert [item.number for item in form.items] == list(range(1, len(form.items) + 1))
    ends = [(least, greatest) for least, greatest, _ in form.bands]
    assert not ends or (ends[0][0], ends[-1][1]) == (0, form.highest)
    assert all(after[0] == before[1] + 1 for before, after in pairwise(ends))


@pytest.mark.parametrize("form", SCORED, ids=lambda form: form.key)
def test_the_highest_answers_give_the_highest_total(form: Instrument) -> None:
    spared = {number for pair in form.either for number in pair[1:]}
    most = {item.number: item.options[-1].score for item in form.items if item.number not in spared}
    assert result(form, most).total == form.highest
    assert result(form, dict.fromkeys(most, 0)).total == 0


def test_the_ranges_are_those_of_the_forms() -> None:
    assert {form.name: form.highest for form in SCORED} == {
        "PHQ-9": 27,
        "GAD-7": 21,
        "MADRS": 60,
        "QIDS-SR16": 27,
        "CADSS-6": 24,
    }
    assert INSTRUMENTS["hamd17"].highest == 52
    remission = {key: form.remission for key, form in INSTRUMENTS.items() if form.remission is not None}
    assert remission == {"phq9": 4, "gad7": 4, "madrs": 10, "qids-sr16": 5, "hamd17": 7}


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9))
def test_phq_9_is_the_sum_and_keeps_item_9(scores: list[int]) -> None:
    found = result(INSTRUMENTS["phq9"], dict(enumerate(scores, start=1)))
    assert (found.total, found.watched, found.complete) == (sum(scores), scores[8], True)


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9), st.integers(1, 9))
def test_with_an_item_missing_there_is_no_total_and_the_item_is_named(scores: list[int], gap: int) -> None:
    answers = {number: score for number, score in enumerate(scores, start=1) if number != gap}
    found = result(INSTRUMENTS["phq9"], answers)
    assert found.total is None
    assert not found.complete
    assert f"item {gap} without an answer" in found.words
    assert found.watched == answers.get(9), "item 9 counts although the total does not"


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (0, "minimal"), (4, "minimal"), (5, "mild"), (9, "mild"), (10, "moderate"), (14, "moderate"),
        (15, "moderately severe"), (19, "moderately severe"), (20, "severe"), (27, "severe"),
    ],
)  # fmt: skip
def test_the_bands_of_phq_9(total: int, words: str) -> None:
    assert INSTRUMENTS["phq9"].band(total) == words


def test_qids_counts_the_highest_of_each_group_once() -> None:
    form = INSTRUMENTS["qids-sr16"]
    answers = {1: 3, 2: 1, 3: 2, 4: 0, 5: 1, 7: 2, 8: 3, 10: 1, 11: 0, 12: 0, 13: 2, 14: 1, 15: 1, 16: 2}
    # sleep 3, mood 1, appetite and weight 3, concentration 1, self 0, death 0, interest 2, energy 1, movement 2
    assert result(form, answers).total == 13
    assert missing(form, answers) == ()


def test_qids_wants_one_of_a_pair_and_not_both() -> None:
    form = INSTRUMENTS["qids-sr16"]
    none = dict.fromkeys((1, 2, 3, 4, 5, 8, 10, 11, 12, 13, 14, 15, 16), 0)
    assert missing(form, none) == (6,)
    assert missing(form, none | {7: 1}) == ()
    assert problems(form, none | {6: 1, 7: 1}) == {7: "Answer item 6 or 7, not both."}


NO = dict.fromkeys((1, 2, 6), 0)


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        pytest.param(NO, "none", id="no to all"),
        pytest.param(NO | {1: 1}, "low", id="wish to be dead"),
        pytest.param(NO | {2: 1, 3: 0, 4: 0, 5: 0}, "low", id="thoughts, no method"),
        pytest.param(NO | {2: 1, 3: 1, 4: 0, 5: 0}, "moderate", id="method"),
        pytest.param(NO | {2: 1, 3: 0, 4: 1, 5: 0}, "high", id="intention"),
        pytest.param(NO | {2: 1, 3: 0, 4: 0, 5: 1}, "high", id="plan"),
        pytest.param(NO | {6: 1, 7: 0}, "moderate", id="an act long ago"),
        pytest.param(NO | {6: 1, 7: 1}, "high", id="an act within 3 months"),
    ],
)
def test_the_level_of_risk_is_that_of_the_gravest_yes(answers: dict[int, int], level: str) -> None:
    found = result(INSTRUMENTS["cssrs"], answers)
    assert (found.level, found.complete, found.total) == (level, True, None)


def test_since_the_last_visit_any_act_is_recent() -> None:
    assert result(INSTRUMENTS["cssrs-since"], NO | {6: 1}).level == "high"


@pytest.mark.parametrize(
    ("answers", "gaps"),
    [({}, (1, 2, 6)), ({1: 0, 2: 0, 6: 0}, ()), ({1: 0, 2: 1, 6: 0}, (3, 4, 5)), ({1: 0, 2: 0, 6: 1}, (7,))],
)
def test_the_screener_branches(answers: dict[int, int], gaps: tuple[int, ...]) -> None:
    assert missing(INSTRUMENTS["cssrs"], answers) == gaps


def test_a_missing_answer_hides_no_high_risk_and_makes_no_low_one() -> None:
    form = INSTRUMENTS["cssrs"]
    found = result(form, {2: 1, 4: 1})
    assert (found.level, found.complete) == ("high", False)
    found = result(form, {1: 0, 2: 0})
    assert (found.level, found.complete) == ("", False)


def test_an_answer_that_is_not_asked_is_a_problem() -> None:
    form = INSTRUMENTS["cssrs"]
    assert list(problems(form, NO | {4: 1})) == [4]
    assert is_asked(form.item(4), {2: 1})


def test_codes_that_no_source_bears_out_are_not_there() -> None:
    assert INSTRUMENTS["gad7"].item(7).loinc == ""
    assert not any(item.loinc for item in INSTRUMENTS["cssrs-since"].items)
    coded = {key for key, form in INSTRUMENTS.items() if form.total}
    assert coded == {"phq9", "gad7"}
