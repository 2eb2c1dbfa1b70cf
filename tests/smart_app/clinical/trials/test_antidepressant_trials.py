"""One antidepressant as a trial: how long, at which dose, in which window, how it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.antidepressants import ANTIDEPRESSANTS, DEXTROMETHORPHAN_BUPROPION
from fhir_mappings.facts.clinical import ClinicalStatus, MedicationUse, Verification
from smart_app.clinical.answers import Said
from smart_app.clinical.finding import State
from smart_app.clinical.programme import day_words
from smart_app.clinical.trials.antidepressant_trials import NO_OUTCOME, NOT_TELLING, Standing
from tests.smart_app.clinical.trials.some_trials import (
    INEFFECTIVE,
    a_depression,
    a_dose,
    a_total,
    a_use,
    ago,
    an_answer,
    an_ongoing_use,
    reviewed,
    the_trial,
)


@pytest.mark.parametrize(
    ("end", "standing"),
    [("2026-02-10", Standing.TOO_SHORT), ("2026-02-11", Standing.FAILED)],
    ids=["41 days", "42 days"],
)
def test_forty_two_days_are_long_enough(end: str, standing: Standing) -> None:
    assert the_trial(a_use(start="2026-01-01", end=end)).standing is standing


def test_a_site_may_ask_for_fewer_days() -> None:
    use = a_use(start="2026-01-01", end="2026-01-28")
    assert the_trial(use).standing is Standing.TOO_SHORT
    assert the_trial(use, limits={"trial_days": 28}).standing is Standing.FAILED


@pytest.mark.parametrize(
    ("again", "standing"),
    [("2026-02-15", Standing.FAILED), ("2026-02-16", Standing.TOO_SHORT)],
    ids=["14 days without", "15 days without"],
)
def test_a_break_of_fourteen_days_is_bridged(again: str, standing: Standing) -> None:
    first = a_use(start="2026-01-01", end="2026-01-31", status="completed", stopped_for=())
    assert the_trial(first, a_use(start=again, end="2026-02-28")).standing is standing


@pytest.mark.parametrize("name", sorted(set(ANTIDEPRESSANTS) - {DEXTROMETHORPHAN_BUPROPION}))
def test_the_minimum_of_every_antidepressant(name: str) -> None:
    reasons = ("depression",)  # without it milnacipran is open
    least = ANTIDEPRESSANTS[name].minimum
    assert the_trial(a_use(name, str(least), reasons=reasons)).standing is Standing.FAILED
    below = the_trial(a_use(name, str(least - 1), reasons=reasons))
    assert below.standing is Standing.DOSE_TOO_LOW
    assert below.counts is False


def test_the_minimum_is_not_the_defined_daily_dose() -> None:
    """Tranylcypromine: 10 mg is the WHO's measure of use, 30 mg the least that is a trial."""
    assert the_trial(a_use("tranylcypromine", "10")).standing is Standing.DOSE_TOO_LOW


@pytest.mark.parametrize(
    ("start", "end", "standing", "missing"),
    [
        # 31 January to 1 April is 61 days at the least.
        ("2026-01", "2026-04", Standing.FAILED, ()),
        # 31 January to 1 March is 30 days at the least, 1 January to 31 March 90 at the most.
        (
            "2026-01",
            "2026-03",
            Standing.NOT_ENOUGH_DATA,
            ("end date only to the month", "start date only to the month"),
        ),
        ("2026-01-15", "2026-03", Standing.FAILED, ()),
        ("2026-01-20", "2026-03", Standing.NOT_ENOUGH_DATA, ("end date only to the month",)),
        ("2026-01", "2026-01", Standing.TOO_SHORT, ()),
        ("2026", "2026-06-01", Standing.NOT_ENOUGH_DATA, ("start date only to the year",)),
        (None, "2026-03-01", Standing.NOT_ENOUGH_DATA, ("no start date",)),
        ("2026-01-01", None, Standing.NOT_ENOUGH_DATA, ("no end date",)),
        (None, None, Standing.NOT_ENOUGH_DATA, ("no end date", "no start date")),
    ],
)
def test_a_stretch_counts_only_when_it_is_surely_long_enough(
    start: str | None, end: str | None, standing: Standing, missing: tuple[str, ...]
) -> None:
    trial = the_trial(a_use(start=start, end=end))
    assert trial.standing is standing
    assert tuple(m for m in trial.missing if "whether" not in m) == missing


def test_without_a_dose_nothing_is_sure() -> None:
    trial = the_trial(a_use(mg=None))
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert trial.missing == ("no dose",)
    assert trial.counts is None


def test_what_is_taken_as_needed_has_no_daily_dose() -> None:
    trial = the_trial(a_use(as_needed=True))
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert trial.dose is None


def test_an_end_before_the_start_is_not_believed() -> None:
    trial = the_trial(a_use(start="2026-03-01", end="2026-01-01"))
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert "dates that agree" in trial.missing


def test_only_days_at_the_minimum_count() -> None:
    low = a_use(mg="25", start="2026-01-01", end="2026-03-31", stopped_for=(), status="completed")
    high = a_use(mg="100", start="2026-04-01", end="2026-04-20")
    trial = the_trial(low, high)
    assert trial.standing is Standing.TOO_SHORT
    assert trial.stretch is not None
    assert trial.stretch.days == 20


def test_a_smaller_dose_raised_for_want_of_effect_is_no_failure_of_the_larger() -> None:
    low = a_use(mg="25", start="2026-01-01", end="2026-01-31")
    high = a_use(mg="100", start="2026-02-01", end="2026-06-01", stopped_for=(), status="completed")
    assert the_trial(low, high).standing is Standing.OUTCOME_UNKNOWN


def test_a_supply_left_over_does_not_take_the_reason_away_unless_the_dose_was_small() -> None:
    supply = a_supply("2026-02-20", "2026-06-01", daily_mg=(("sertraline", Decimal(100)),))
    order = a_use(reference="MedicationRequest/r", end="2026-03-01")
    assert the_trial(order, supply).failed is True
    assert the_trial(replace(order, daily_mg=(("sertraline", Decimal(25)),)), supply).failed is None


def test_what_is_fetched_again_after_a_failure_is_open_again() -> None:
    again = a_supply("2026-06-01", "2026-08-01")
    assert the_trial(a_use(end="2026-03-01"), again).failed is None


def test_two_doses_at_once_may_add_up() -> None:
    """Venlafaxine 75 mg twice on two prescriptions may be 150 mg; told by a statement too it is one use."""
    orders = [a_use("venlafaxine", "75", reference=f"MedicationRequest/{n}") for n in "ab"]
    assert the_trial(*orders).standing is Standing.NOT_ENOUGH_DATA
    statement = a_use("venlafaxine", "75")
    assert the_trial(orders[0], statement).standing is Standing.DOSE_TOO_LOW


def test_one_after_the_other_does_not_add_up() -> None:
    first = a_use("venlafaxine", "75", start="2026-01-01", end="2026-03-05", stopped_for=())
    assert the_trial(first, a_use("venlafaxine", "75", start="2026-03-01", end="2026-05-01")).standing is (
        Standing.DOSE_TOO_LOW
    )


def test_statement_request_and_dispense_of_one_drug_are_one_trial() -> None:
    uses = [
        a_use(reference="MedicationRequest/r", status="completed", end=None, stopped_for=()),
        a_use(reference="MedicationStatement/s", derived_from=("MedicationRequest/r",)),
        a_use(reference="MedicationDispense/d", status="completed", end="2026-01-30", stopped_for=()),
    ]
    trial = the_trial(*uses)
    assert trial.standing is Standing.FAILED
    assert trial.sources == ("MedicationDispense/d", "MedicationRequest/r", "MedicationStatement/s")
    assert trial.stretch is not None
    assert trial.stretch.days == 60


def test_brand_and_generic_are_one_trial() -> None:
    zoloft = a_use(label="Zoloft 100 mg", start="2026-04-01", end="2026-06-30")
    review = reviewed(a_use(label="sertraline 100 MG"), zoloft)
    assert [trial.ingredient for trial in review.trials] == ["sertraline"]
    assert review.adequate_and_failed == 1
    assert review.answer is State.NOT_MET


def test_monthly_supplies_make_one_stretch() -> None:
    supplies = [
        a_use(
            reference=f"MedicationDispense/{month}",
            status="completed",
            start=f"2026-0{month}-01",
            end=f"2026-0{month}-28",
            stopped_for=(),
        )
        for month in (1, 2, 3)
    ]
    trial = the_trial(*supplies)
    assert trial.stretch is not None
    assert (trial.stretch.days, trial.stretch_sure) == (87, True)
    assert trial.standing is Standing.OUTCOME_UNKNOWN


def a_supply(start: str, end: str, **changes: Any) -> MedicationUse:
    values: dict[str, Any] = {
        "reference": f"MedicationDispense/{start}",
        "status": "completed",
        "stopped_for": (),
    }
    return a_use(start=start, end=end, **(values | changes))


@pytest.mark.parametrize(
    ("end", "standing"),
    [("2026-01-20", Standing.TOO_SHORT), (None, Standing.NOT_ENOUGH_DATA), ("2026-04-20", Standing.FAILED)],
    ids=["stopped while the supply lasted", "stopped nobody knows when", "stopped later"],
)
def test_a_supply_does_not_outlast_a_stop(end: str | None, standing: Standing) -> None:
    assert the_trial(a_use(end=end), a_supply("2026-01-01", "2026-03-31")).standing is standing


def test_the_last_supply_of_a_stopped_prescription_is_open_and_those_before_are_not() -> None:
    """A MedicationRequest does not say when it was stopped."""
    order = a_use(reference="MedicationRequest/r", end=None, ended_unknown=True)
    of = ("MedicationRequest/r",)
    first = a_supply("2026-01-01", "2026-02-15", derived_from=of)
    second = a_supply("2026-02-14", "2026-03-31", derived_from=of)
    trial = the_trial(order, first, second)
    assert trial.standing is Standing.FAILED
    assert trial.stretch is not None
    assert trial.stretch.last.isoformat() == "2026-02-14"
    assert the_trial(order, first).standing is Standing.NOT_ENOUGH_DATA
    assert (
        the_trial(order, first, a_supply("2026-04-01", "2026-05-15", derived_from=of)).standing
        is Standing.NOT_ENOUGH_DATA
    )


def an_order(start: str, end: str, **changes: Any) -> MedicationUse:
    """An active prescription whose supply reached so far."""
    values = {"status": "active", "current": True, "end_of_supply": True, "stopped_for": ()}
    return a_use(reference="MedicationRequest/open", start=start, end=end, **(values | changes))


def test_an_active_order_may_run_on_beyond_its_supply() -> None:
    order = an_order("2026-01-01", "2026-01-30")
    trial = the_trial(order)
    assert (trial.standing, trial.ongoing) == (Standing.NOT_ENOUGH_DATA, None)
    assert "whether it went on after its supply" in trial.missing
    assert trial.ended == "not known whether it ended"
    other = a_use("venlafaxine", "150")
    assert reviewed(order, other).answer is State.NOT_ENOUGH_DATA
    for ended in ({"status": "completed"}, {"end_of_supply": False}):
        assert the_trial(an_order("2026-01-01", "2026-01-30", **ended)).standing is Standing.TOO_SHORT


def test_a_supply_that_was_long_enough_is_sure_whether_or_not_it_went_on() -> None:
    trial = the_trial(an_order("2026-01-01", "2026-03-01"))
    assert (trial.adequate, trial.failed) == (True, None)


def test_a_supply_is_not_cut_by_a_prescription_that_it_does_not_carry_out() -> None:
    old = a_use(reference="MedicationRequest/old", start="2025-01-01", end=None, ended_unknown=True)
    supply = a_supply("2026-01-01", "2026-03-31", derived_from=("MedicationRequest/new",))
    assert the_trial(old, supply).adequate is True
    assert the_trial(old, a_supply("2026-01-01", "2026-03-31")).adequate is None


def test_a_supply_that_was_not_handed_over_is_no_evidence() -> None:
    trial = the_trial(a_supply("2026-01-01", "2026-03-31", status="preparation"))
    assert trial.missing[0] == "whether it was handed over"
    assert trial.counts is None


def test_a_repetition_left_active_does_not_outlast_its_original() -> None:
    order = a_use(reference="MedicationRequest/r", start="2026-10-01", end="2026-10-10")
    copy = an_ongoing_use(start="2026-10-01", derived_from=("MedicationRequest/r",))
    trial = the_trial(order, copy)
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert trial.ongoing is None


@pytest.mark.parametrize("status", ["completed", "on-hold", "unknown", ""])
def test_only_an_active_entry_runs_to_today(status: str) -> None:
    assert the_trial(an_ongoing_use(status=status)).standing is Standing.NOT_ENOUGH_DATA


def test_an_end_ahead_of_what_was_stopped_is_no_end() -> None:
    trial = the_trial(a_use(start=ago(90), end=ago(-30)))
    assert trial.standing is Standing.NOT_ENOUGH_DATA


def test_what_begins_later_is_not_taken_yet() -> None:
    assert reviewed(an_ongoing_use(start=ago(-1))).trials == ()
    assert len(reviewed(an_ongoing_use(start=ago(0))).trials) == 1


# The window


def test_before_the_onset_is_outside_and_overlapping_it_is_inside() -> None:
    use = a_use(start="2026-01-01", end="2026-03-01")
    assert the_trial(use, diagnoses=[a_depression("2026-03-02")]).standing is Standing.OUTSIDE
    assert the_trial(use, diagnoses=[a_depression("2026-03-01")]).standing is Standing.FAILED


def test_an_onset_known_to_the_month_leaves_the_window_open() -> None:
    trial = the_trial(a_use(start="2026-01-01", end="2026-03-15"), diagnoses=[a_depression("2026-03")])
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert trial.missing == ("whether it was taken in this episode",)


@pytest.mark.parametrize(("end", "standing"), [("2024-11-22", Standing.OUTSIDE), ("2024-11-23", Standing.FAILED)])
def test_without_an_onset_the_last_24_months_count(end: str, standing: Standing) -> None:
    review = reviewed(a_use(start="2024-06-01", end=end))
    assert review.trials[0].standing is standing
    assert "no active depression has an onset" in review.window_words
    assert "24 months" in review.window_words


def test_the_earliest_onset_of_an_active_depression_opens_the_window() -> None:
    use = a_use(start="2025-02-01", end="2025-05-01")
    later, earlier = a_depression("2026-01-01"), a_depression("2025-04-01")
    ended = a_depression("2020-01-01", status=ClinicalStatus.RESOLVED)
    doubted = a_depression("2020-01-01", verification=Verification.UNCONFIRMED)
    assert the_trial(use, diagnoses=[later, earlier]).counts is True
    assert the_trial(use, diagnoses=[later, ended, doubted]).standing is Standing.OUTSIDE
    words = reviewed(use, diagnoses=[later, earlier]).window_words
    assert words.startswith("since 01 Apr 2025, the onset of Major depressive disorder")


def test_an_encounter_diagnosis_does_not_stretch_the_episode() -> None:
    use = a_use(start="2024-12-01", end="2025-03-01")
    visit = a_depression("2020-01-01", problem_list=False)
    assert the_trial(use, diagnoses=[a_depression("2026-01-01"), visit]).standing is Standing.OUTSIDE


@pytest.mark.parametrize(
    ("score", "day", "standing"),
    [
        (4, "2026-04-01", Standing.OUTSIDE),
        (5, "2026-04-01", Standing.FAILED),
        (4, "2026-02-01", Standing.TOO_SHORT),  # 28 days of the trial are left after it
        (4, "2025-12-31", Standing.FAILED),
    ],
)
def test_a_remission_ends_the_episode(score: int, day: str, standing: Standing) -> None:
    assert the_trial(a_use(), scores=[a_total(score, day)]).standing is standing


def test_a_remission_without_a_date_leaves_all_open() -> None:
    assert the_trial(a_use(), scores=[a_total(3, None)]).standing is Standing.NOT_ENOUGH_DATA


def test_a_diagnosis_in_remission_ends_the_episode() -> None:
    coded = a_depression("2026-04-01", sets=frozenset({"mdd-remission"}), label="Depression in remission")
    assert the_trial(a_use(), diagnoses=[a_depression(), coded]).standing is Standing.OUTSIDE
    by_status = a_depression("2026-04-01", status=ClinicalStatus.REMISSION)
    assert the_trial(a_use(), diagnoses=[a_depression(), by_status]).standing is Standing.OUTSIDE


def test_an_unconfirmed_remission_leaves_it_open() -> None:
    doubtful = a_depression("2026-04-01", sets=frozenset({"mdd-remission"}), verification=Verification.UNCONFIRMED)
    assert the_trial(a_use(), diagnoses=[a_depression(), doubtful]).counts is None


def test_a_refuted_remission_is_none() -> None:
    refuted = a_depression("2026-04-01", sets=frozenset({"mdd-remission"}), verification=Verification.REFUTED)
    assert the_trial(a_use(), diagnoses=[a_depression(), refuted]).standing is Standing.FAILED


# How it ended


@pytest.mark.parametrize(
    ("scores", "standing"),
    [
        ([], Standing.OUTCOME_UNKNOWN),
        ([(10, "2026-03-01")], Standing.FAILED),
        ([(9, "2026-03-01")], Standing.OUTCOME_UNKNOWN),
        ([(10, "2026-03-15")], Standing.FAILED),
        ([(10, "2026-03-16")], Standing.OUTCOME_UNKNOWN),
        ([(10, "2026-02-15")], Standing.FAILED),
        ([(10, "2026-02-14")], Standing.OUTCOME_UNKNOWN),
        ([(12, "2026-02-25"), (8, "2026-03-05")], Standing.OUTCOME_UNKNOWN),
        ([(12, "2026-02-25"), (8, None)], Standing.OUTCOME_UNKNOWN),
        ([(12, "2026-03")], Standing.OUTCOME_UNKNOWN),
        ([(10, ago(30))], Standing.FAILED),
        ([(10, ago(31))], Standing.OUTCOME_UNKNOWN),
        ([(15, ago(20)), (7, ago(2))], Standing.OUTCOME_UNKNOWN),
        ([(7, ago(20)), (15, ago(2))], Standing.FAILED),
        ([(15, ago(2)), (7, None)], Standing.OUTCOME_UNKNOWN),
        ([(15, ago(2)), (None, ago(1))], Standing.OUTCOME_UNKNOWN),
        ([(15, ago(-1))], Standing.OUTCOME_UNKNOWN),
    ],
)
def test_failed_needs_evidence(scores: list[tuple[int, str]], standing: Standing) -> None:
    trial = the_trial(a_use(stopped_for=(), status="completed"), scores=[a_total(*each) for each in scores])
    assert trial.standing is standing
    assert bool(trial.missing) is (standing is Standing.OUTCOME_UNKNOWN)
    assert bool(trial.evidence) is (standing is Standing.FAILED)


@pytest.mark.parametrize(
    ("scores", "standing", "counts"),
    [
        ([(10, ago(5))], Standing.FAILED, True),
        ([(9, ago(5))], Standing.ONGOING, False),
        ([], Standing.ONGOING, None),
        ([(15, ago(31))], Standing.ONGOING, None),
    ],
)
def test_an_ongoing_trial_counts_only_with_a_current_score(
    scores: list[tuple[int, str]], standing: Standing, counts: bool | None
) -> None:
    trial = the_trial(an_ongoing_use(), scores=[a_total(*each) for each in scores])
    assert (trial.standing, trial.counts, trial.ended) == (standing, counts, "ongoing")


@pytest.mark.parametrize(("days", "counts"), [(40, False), (41, True)])
def test_an_ongoing_trial_has_to_be_long_enough(days: int, counts: bool) -> None:
    assert the_trial(an_ongoing_use(start=ago(days)), scores=[a_total(20, ago(1))]).counts is counts


def test_a_supply_at_hand_does_not_make_a_stopped_prescription_ongoing() -> None:
    of = ("MedicationRequest/r",)
    order = a_use(reference="MedicationRequest/r", start=ago(90), end=None, stopped_for=())
    supplies = [a_supply(ago(90), ago(-5), derived_from=of), a_supply(ago(10), ago(-20), derived_from=of)]
    trial = the_trial(order, *supplies, scores=[a_total(8, ago(1))])
    assert (trial.ongoing, trial.failed) == (None, None)


def test_a_reason_of_late_does_not_end_what_may_still_go_on() -> None:
    stopped = a_use(start=ago(90), end=ago(3))
    assert the_trial(stopped).failed is True
    assert the_trial(stopped, an_ongoing_use(status="unknown")).failed is None


def test_what_was_stopped_today_is_not_ongoing() -> None:
    trial = the_trial(a_use(start=ago(60), end=ago(0)))
    assert (trial.standing, trial.ongoing) == (Standing.FAILED, False)
    assert trial.ended == f"stopped, {day_words(date.fromisoformat(ago(0)))}: Ineffective"


def test_stopped_early_for_intolerance_is_no_trial() -> None:
    early = a_use(end="2026-01-20", stopped_for=("Side effects",))
    trial = the_trial(early)
    assert (trial.standing, trial.counts) == (Standing.EXCLUDED, False)
    assert "not tolerated" in trial.reason
    assert the_trial(a_use(stopped_for=("Side effects",))).standing is Standing.OUTCOME_UNKNOWN
    both = a_use(end="2026-01-20", stopped_for=("Side effects", "Ineffective"))
    assert the_trial(both).standing is Standing.TOO_SHORT


# What the clinician says


def _answers(**said: Said) -> list[Any]:
    return [an_answer("sertraline", what, each) for what, each in said.items()]


@pytest.mark.parametrize(
    ("use", "said", "standing", "differs"),
    [
        (a_use(mg=None), {"adequate": Said.YES}, Standing.FAILED, False),
        (a_use(mg=None), {"adequate": Said.NO}, Standing.NOT_ADEQUATE, False),
        (a_use(mg=None), {"adequate": Said.UNKNOWN}, Standing.NOT_ENOUGH_DATA, False),
        (a_use(mg="25"), {"adequate": Said.YES}, Standing.FAILED, True),
        (a_use(), {"adequate": Said.NO}, Standing.NOT_ADEQUATE, True),
        (a_use(), {"adequate": Said.UNKNOWN}, Standing.NOT_ENOUGH_DATA, True),
        (a_use(), {"failed": Said.NO}, Standing.HELPED, True),
        (a_use(stopped_for=()), {"failed": Said.YES}, Standing.FAILED, False),
        (a_use(stopped_for=()), {"failed": Said.NO}, Standing.HELPED, False),
        (a_use(reasons=("neuropathic pain",)), {"adequate": Said.YES}, Standing.OUTCOME_UNKNOWN, True),
    ],
)
def test_the_clinicians_answer_decides_and_a_difference_is_shown(
    use: MedicationUse, said: dict[str, Said], standing: Standing, differs: bool
) -> None:
    trial = the_trial(use, answers=_answers(**said))
    assert trial.standing is standing
    assert ("the record says" in trial.reason) is differs
    assert "asked by Dr Dee, prescriber" in trial.evidence[-1].text


def test_an_answer_about_another_drug_says_nothing() -> None:
    trial = the_trial(a_use(mg=None), answers=[an_answer("venlafaxine", "adequate", Said.YES)])
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert trial.answers == ()


# What is no trial


@pytest.mark.parametrize("name", ["esketamine", "ketamine", "lithium", "quetiapine", "liothyronine", "buspirone"])
def test_augmenters_and_esketamine_are_no_trials(name: str) -> None:
    assert reviewed(a_use(name, "300")).trials == ()


def test_augmenters_are_listed_apart() -> None:
    review = reviewed(a_use(), an_ongoing_use("lithium", "900"), a_use("esketamine", "84"))
    assert review.augmenters == ("lithium",)
    assert review.adequate_and_failed == 1


def test_the_rows_say_the_dose_of_the_entry_that_was_highest() -> None:
    trial = the_trial(a_use(mg="50"), a_use(mg="150", start="2026-03-02", end="2026-06-01"))
    assert str(trial.dose) == a_dose("amoxapine") == "150"


def test_a_difference_of_dates_by_a_copy_does_not_take_the_reason_away() -> None:
    statement = a_use(reference="MedicationStatement/s", end="2026-03-05", stopped_for=())
    order = a_use(reference="MedicationRequest/r", end="2026-03-01", stopped_for=INEFFECTIVE)
    assert the_trial(statement, order).standing is Standing.FAILED


def test_a_reason_that_does_not_tell_of_failure_is_not_called_missing() -> None:
    assert the_trial(a_use(stopped_for=("Failed to tolerate",))).missing == (NOT_TELLING,)
    assert the_trial(a_use(stopped_for=())).missing == (NO_OUTCOME,)
