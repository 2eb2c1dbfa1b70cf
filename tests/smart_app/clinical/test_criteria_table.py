"""The table of rules against the clinical content: which rules, of which origin, with which effect."""

from __future__ import annotations

import pytest

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.criterion import Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.limits import Limits

# The rules whose origin is the clinic's page or safety, and REV-CV; TRD-MET waits for computed trials.
CLINIC = {
    "IND-MDD", "IND-PDD", "IND-PPD", "IND-BPD", "IND-SI", "IND-TRD", "IND-NONE", "ABS-SCZ", "ABS-IC", "ABS-ICH",
    "ABS-ICP", "ABS-CV", "ABS-MI", "HOLD-PSY", "REV-PSYHX", "HOLD-MANIA", "HOLD-BP", "HOLD-HTNCRISIS", "REV-HTN",
    "MISS-BP", "REV-BIPOLAR",
}  # fmt: skip
SAFETY = {
    "IND-UNSPEC", "ABS-ALLERGY", "URG-BP", "HOLD-PREG", "AGE-CHILD", "DATA-EIE", "DATA-REFUTED", "DATA-UNCONF",
    "DATA-TEXT", "DATA-FETCH", "MISS-DOB",
}  # fmt: skip
EFFECTS = {
    Status.CONTRAINDICATED: {"ABS-SCZ", "ABS-IC", "ABS-ICH", "ABS-ICP", "ABS-CV", "ABS-ALLERGY"},
    Status.HOLD: {"ABS-MI", "HOLD-PSY", "HOLD-MANIA", "HOLD-BP", "URG-BP", "HOLD-HTNCRISIS", "HOLD-PREG"},
    Status.NO_INDICATION: {"IND-NONE"},
    Status.INSUFFICIENT_DATA: {"MISS-BP", "DATA-FETCH", "MISS-DOB"},
    Status.NEEDS_REVIEW: {
        "IND-UNSPEC", "REV-PSYHX", "REV-BIPOLAR", "REV-CV", "AGE-CHILD", "DATA-UNCONF", "DATA-TEXT",
    },
}  # fmt: skip


def ids(origin: Origin) -> set[str]:
    return {criterion.id for criterion in CRITERIA if criterion.origin is origin}


def test_every_rule_of_the_clinic_and_of_safety_is_asked() -> None:
    assert ids(Origin.CLINIC) == CLINIC
    assert ids(Origin.SAFETY) == SAFETY
    assert ids(Origin.CONFIG) == {"REV-CV"}
    assert len({criterion.id for criterion in CRITERIA}) == len(CRITERIA)


@pytest.mark.parametrize("status", list(Status))
def test_the_outcome_decides_the_effect(status: Status) -> None:
    assert {criterion.id for criterion in CRITERIA if criterion.effect is status} == EFFECTS.get(status, set())


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.id)
def test_a_rule_is_told_in_clinical_words_with_its_source(criterion: Criterion) -> None:
    assert criterion.title.endswith("?")
    assert criterion.logic.endswith(".")
    assert criterion.source
    no_effect = criterion.kind in (Kind.INDICATION, Kind.CAUTION, Kind.INFORMATION) and criterion.id != "IND-NONE"
    assert (criterion.effect is None) is no_effect


def test_rules_say_what_they_read() -> None:
    reads = {criterion.id: criterion.reads for criterion in CRITERIA}
    assert reads["IND-SI"] == {Area.CONDITION, Area.SURVEY}
    assert reads["HOLD-PREG"] == {Area.CONDITION, Area.LABORATORY, Area.SOCIAL_HISTORY}
    assert reads["HOLD-BP"] == reads["MISS-BP"] == reads["URG-BP"] == {Area.BLOOD_PRESSURE}
    assert reads["ABS-ALLERGY"] == {Area.ALLERGY}
    assert reads["DATA-TEXT"] == {Area.CONDITION, Area.MEDICATION}


def test_the_default_limits_are_those_of_the_clinical_content() -> None:
    limits = Limits()
    assert (limits.systolic, limits.diastolic, limits.urgent_systolic, limits.urgent_diastolic) == (
        140,
        100,
        180,
        120,
    )
    assert (limits.pressure_fresh_days, limits.pressure_max_days, limits.urgent_days) == (30, 90, 7)
    assert (limits.psychosis_days, limits.mania_days, limits.cardiovascular_days, limits.crisis_days) == (
        180, 90, 90, 90,
    )  # fmt: skip
    assert (limits.infarction_days, limits.suicidality_days, limits.suicidality_item_days) == (42, 90, 14)
    assert (limits.postpartum_months, limits.pregnancy_days) == (12, 42 * 7)
    assert (limits.least_years, limits.adult_years) == (13, 18)
