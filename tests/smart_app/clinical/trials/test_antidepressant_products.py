"""Products that are judged differently from their ingredient, and uses that are no trial of an antidepressant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_mappings.facts.antidepressants import ANTIDEPRESSANTS as TABLE
from fhir_mappings.facts.antidepressants import AUGMENTERS, DEXTROMETHORPHAN_BUPROPION
from fhir_mappings.facts.clinical import MedicationUse
from smart_app.clinical.finding import State
from smart_app.clinical.trials.antidepressant_trials import Standing
from tests.smart_app.clinical.trials.some_trials import a_use, reviewed, the_trial

PAIN = ("Diabetic neuropathy",)


def a_tablet_of_both(mg: str | None, **changes: object) -> MedicationUse:
    amounts = (("bupropion", Decimal(mg)), ("dextromethorphan", Decimal(90))) if mg else ()
    both = frozenset({"bupropion", "dextromethorphan"})
    return a_use("bupropion", None, ingredients=both, daily_mg=amounts, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mg", "standing"),
    [("210", Standing.FAILED), ("105", Standing.DOSE_TOO_LOW), (None, Standing.NOT_ENOUGH_DATA)],
)
def test_bupropion_with_dextromethorphan_is_judged_by_the_product(mg: str | None, standing: Standing) -> None:
    trial = the_trial(a_tablet_of_both(mg))
    assert (trial.ingredient, trial.standing) == (DEXTROMETHORPHAN_BUPROPION, standing)
    assert trial.why_minimum


def test_the_combination_under_its_own_name_is_known_too() -> None:
    use = a_use(DEXTROMETHORPHAN_BUPROPION, None, daily_mg=(("bupropion", Decimal(210)),))
    assert the_trial(use).standing is Standing.FAILED


def test_bupropion_alone_and_combined_are_one_ingredient() -> None:
    review = reviewed(a_use("bupropion", "300"), a_tablet_of_both("210"))
    assert [trial.standing for trial in review.trials] == [Standing.FAILED, Standing.FAILED]
    assert review.adequate_and_failed == 1
    assert review.answer is State.NOT_MET


def test_fluoxetine_with_olanzapine_counts_as_fluoxetine() -> None:
    both = frozenset({"fluoxetine", "olanzapine"})
    use = a_use("fluoxetine", "50", ingredients=both, label="Symbyax 12/50")
    trial = the_trial(use)
    assert (trial.ingredient, trial.standing) == ("fluoxetine", Standing.FAILED)


@pytest.mark.parametrize(
    ("label", "mg", "standing"),
    [
        ("paroxetine 20 MG Oral Tablet", "20", Standing.FAILED),
        ("24 HR paroxetine 12.5 MG Extended Release Oral Tablet", "24", Standing.DOSE_TOO_LOW),
        ("Paxil CR 25 mg", "25", Standing.FAILED),
        ("Paxil CR", "20", Standing.DOSE_TOO_LOW),
        ("Brisdelle 7.5 mg", "7.5", Standing.EXCLUDED),
    ],
)
def test_paroxetine(label: str, mg: str, standing: Standing) -> None:
    assert the_trial(a_use("paroxetine", mg, label=label)).standing is standing


@pytest.mark.parametrize(
    ("form", "label", "standing"),
    [
        ("transdermal", "selegiline", Standing.FAILED),
        ("", "Emsam 6 mg/24 h", Standing.FAILED),
        ("oral", "selegiline", Standing.EXCLUDED),
        ("", "selegiline 5 MG Oral Tablet", Standing.EXCLUDED),
        ("", "selegiline", Standing.NOT_ENOUGH_DATA),
    ],
)
def test_of_selegiline_only_the_patch_is_a_trial(form: str, label: str, standing: Standing) -> None:
    assert the_trial(a_use("selegiline", "10", form=form, label=label)).standing is standing


@pytest.mark.parametrize(
    ("mg", "form", "label", "standing"),
    [
        ("150", "oral", "doxepin", Standing.FAILED),
        ("6", "oral", "doxepin", Standing.DOSE_TOO_LOW),
        ("6", "oral", "Silenor", Standing.EXCLUDED),
        ("150", "topical", "doxepin", Standing.EXCLUDED),
        ("150", "", "doxepin 5 % cream", Standing.EXCLUDED),
    ],
)
def test_doxepin(mg: str, form: str, label: str, standing: Standing) -> None:
    assert the_trial(a_use("doxepin", mg, form=form, label=label)).standing is standing


def test_a_little_trazodone_for_sleep_is_no_trial() -> None:
    assert the_trial(a_use("trazodone", "100")).standing is Standing.DOSE_TOO_LOW
    assert the_trial(a_use("trazodone", "300", reasons=("Insomnia",))).standing is Standing.EXCLUDED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "Zyban 150 mg"}, "smoking cessation"),
        ({"label": "Contrave"}, "weight"),
        ({"ingredients": frozenset({"bupropion", "naltrexone"})}, "weight"),
        ({"reasons": ("Tobacco use disorder",)}, "smoking cessation"),
    ],
)
def test_bupropion_for_something_else(changes: dict[str, object], reason: str) -> None:
    trial = the_trial(a_use("bupropion", "300", **changes))
    assert trial.standing is Standing.EXCLUDED
    assert reason in trial.reason
    changes = changes | {"reasons": ("Major depression",)}
    assert the_trial(a_use("bupropion", "300", **changes)).standing is Standing.FAILED


def test_duloxetine_for_pain_is_no_trial_and_its_failure_none_either() -> None:
    trial = the_trial(a_use("duloxetine", "60", reasons=PAIN))
    assert (trial.standing, trial.reason, trial.failed) == (Standing.EXCLUDED, "given for pain", None)


def test_an_entry_without_a_reason_beside_one_for_pain_is_open() -> None:
    for_pain = a_use("duloxetine", "60", reasons=PAIN)
    silent = a_use("duloxetine", "60")
    trial = the_trial(for_pain, silent)
    assert (trial.standing, trial.missing) == (Standing.NOT_ENOUGH_DATA, ("what it was given for",))
    said = a_use("duloxetine", "60", reasons=("Depression",))
    assert the_trial(for_pain, said).standing is Standing.FAILED


def test_milnacipran_needs_a_word_of_depression() -> None:
    assert the_trial(a_use("milnacipran", "100")).standing is Standing.NOT_ENOUGH_DATA
    assert the_trial(a_use("milnacipran", "100", reasons=("MDD",))).standing is Standing.FAILED
    assert the_trial(a_use("milnacipran", "100", reasons=("fibromyalgia",))).standing is Standing.EXCLUDED


def test_a_course_of_zuranolone_is_too_short_and_says_so() -> None:
    trial = the_trial(a_use("zuranolone", "50", "2026-01-01", "2026-01-14"))
    assert trial.standing is Standing.TOO_SHORT
    assert "14 days" in trial.note


def test_one_entry_that_may_be_either_of_two_drugs_is_not_two_trials() -> None:
    """Codes that contradict each other give both ingredients."""
    both = a_use(
        "citalopram",
        None,
        ingredients=frozenset({"citalopram", "escitalopram"}),
        daily_mg=(("citalopram", Decimal(40)), ("escitalopram", Decimal(40))),
    )
    review = reviewed(both)
    assert [trial.standing for trial in review.trials] == [Standing.NOT_ENOUGH_DATA] * 2
    assert review.answer is State.NOT_ENOUGH_DATA


def test_the_table_holds_no_augmenter_and_no_esketamine() -> None:
    assert AUGMENTERS.isdisjoint(TABLE)
    assert not {"esketamine", "ketamine"} & TABLE.keys()
    assert len(TABLE) == 34
    assert all(name == drug.name == name.lower() for name, drug in TABLE.items())


def test_a_bare_code_as_the_reason() -> None:
    assert the_trial(a_use("duloxetine", "60", reasons=("M79.7",))).standing is Standing.EXCLUDED
    assert the_trial(a_use("duloxetine", "60", reasons=("F33.1",))).standing is Standing.FAILED
    trial = the_trial(a_use("duloxetine", "60", reasons=("370143000",)))
    assert trial.standing is Standing.NOT_ENOUGH_DATA
    assert "what it was given for" in trial.missing
