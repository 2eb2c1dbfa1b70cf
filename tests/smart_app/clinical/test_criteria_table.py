"""The table of rules against the clinical content: which rules, of which origin, with which effect."""

from __future__ import annotations

import re
from dataclasses import fields
from decimal import Decimal

import pytest

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.criteria import CRITERIA, RULES_VERSION
from smart_app.clinical.criterion import Criterion, Origin
from smart_app.clinical.finding import Kind, Status
from smart_app.clinical.limits import LIMITS, Limit, Limits

_IN_ORDER = """
IND-MDD IND-PDD IND-PPD IND-BPD IND-SI IND-TRD IND-UNSPEC IND-REMISSION IND-NONE SEV-PHQ9 TRD-MET TRD-NOT-MET
TRD-UNKNOWN ABS-SCZ ABS-IC ABS-ICH ABS-ICP ABS-CV ABS-MI ABS-ANEUR ABS-AVM ABS-ALLERGY HOLD-PSY REV-PSYHX HOLD-MANIA
HOLD-BP REV-BP-LABILE CAU-BP-LABEL URG-BP HOLD-HTNCRISIS REV-HTN REV-RESHTN MISS-BP REV-BIPOLAR REV-CV REV-STROKE
HOLD-PREG HOLD-LACT MISS-PREG AGE-CHILD AGE-65 REV-SUD HOLD-KETUSE REV-HEP REV-THYROID REV-GLAUC REV-SEIZURE REV-RESP
REV-NEUROCOG REV-URO CAU-BZD CAU-LAM CAU-STIM CAU-MAOI CAU-OPIOID CAU-THEO CAU-KETOVERLAP DATA-EIE DATA-REFUTED
DATA-UNCONF DATA-TEXT DATA-FETCH MISS-DOB MISS-PHQ MISS-WEIGHT MISS-MEDLIST
"""
IN_ORDER = _IN_ORDER.split()
CLINIC = {
    "IND-MDD", "IND-PDD", "IND-PPD", "IND-BPD", "IND-SI", "IND-TRD", "IND-NONE", "TRD-MET", "ABS-SCZ", "ABS-IC",
    "ABS-ICH", "ABS-ICP", "ABS-CV", "ABS-MI", "HOLD-PSY", "REV-PSYHX", "HOLD-MANIA", "HOLD-BP", "HOLD-HTNCRISIS",
    "REV-HTN", "MISS-BP", "REV-BIPOLAR",
}  # fmt: skip
SAFETY = {
    "IND-UNSPEC", "ABS-ALLERGY", "URG-BP", "HOLD-PREG", "AGE-CHILD", "DATA-EIE", "DATA-REFUTED", "DATA-UNCONF",
    "DATA-TEXT", "DATA-FETCH", "MISS-DOB",
}  # fmt: skip
EFFECTS = {
    Status.CONTRAINDICATED: {
        "ABS-SCZ", "ABS-IC", "ABS-ICH", "ABS-ICP", "ABS-CV", "ABS-ANEUR", "ABS-AVM", "ABS-ALLERGY",
    },
    Status.HOLD: {
        "ABS-MI", "HOLD-PSY", "HOLD-MANIA", "HOLD-BP", "URG-BP", "HOLD-HTNCRISIS", "HOLD-PREG", "HOLD-LACT",
        "HOLD-KETUSE",
    },
    Status.NO_INDICATION: {"IND-REMISSION", "IND-NONE"},
    Status.INSUFFICIENT_DATA: {"MISS-BP", "DATA-FETCH", "MISS-DOB"},
    Status.NEEDS_REVIEW: {
        "IND-UNSPEC", "REV-PSYHX", "REV-BP-LABILE", "REV-RESHTN", "REV-BIPOLAR", "REV-CV", "REV-STROKE", "MISS-PREG",
        "AGE-CHILD", "REV-SUD", "REV-HEP", "REV-THYROID", "REV-GLAUC", "REV-SEIZURE", "REV-RESP", "REV-NEUROCOG",
        "REV-URO", "CAU-MAOI", "CAU-THEO", "CAU-KETOVERLAP", "DATA-UNCONF", "DATA-TEXT",
    },
}  # fmt: skip
# Without effect whenever they are met: severity, trials, cautions, information, and what is merely missing.
WITHOUT_EFFECT = {
    "IND-MDD", "IND-PDD", "IND-PPD", "IND-BPD", "IND-SI", "IND-TRD", "SEV-PHQ9", "TRD-MET", "TRD-NOT-MET",
    "TRD-UNKNOWN", "CAU-BP-LABEL", "REV-HTN", "AGE-65", "CAU-BZD", "CAU-LAM", "CAU-STIM", "CAU-OPIOID", "DATA-EIE",
    "DATA-REFUTED", "MISS-PHQ", "MISS-WEIGHT", "MISS-MEDLIST",
}  # fmt: skip
ASKED_OF_THE_PRESENT = {  # 30 days; of the past: 180
    "HOLD-PSY", "HOLD-MANIA", "HOLD-HTNCRISIS", "ABS-MI", "ABS-CV", "HOLD-PREG", "HOLD-LACT", "HOLD-KETUSE",
    "REV-URO", "CAU-BZD", "CAU-LAM", "CAU-STIM", "CAU-MAOI", "CAU-OPIOID", "CAU-THEO", "CAU-KETOVERLAP",
    "MISS-MEDLIST",
}  # fmt: skip
ASKED_OF_THE_PAST = {
    "ABS-SCZ", "ABS-IC", "ABS-ICH", "ABS-ICP", "ABS-ANEUR", "ABS-AVM", "ABS-ALLERGY", "REV-PSYHX",
    "REV-BIPOLAR", "REV-CV", "REV-STROKE", "REV-SUD", "REV-HEP", "REV-THYROID", "REV-GLAUC", "REV-SEIZURE",
    "REV-RESP",
}  # fmt: skip
BY_ID = {criterion.id: criterion for criterion in CRITERIA}
every_rule = pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.id)


def ids(origin: Origin) -> set[str]:
    return {criterion.id for criterion in CRITERIA if criterion.origin is origin}


def test_all_66_rules_are_asked_in_the_order_of_the_clinical_content() -> None:
    assert [criterion.id for criterion in CRITERIA] == IN_ORDER
    assert len(IN_ORDER) == len(set(IN_ORDER)) == 66
    assert RULES_VERSION == "1.0"


def test_the_origin_says_what_a_site_may_do() -> None:
    assert ids(Origin.CLINIC) == CLINIC
    assert ids(Origin.SAFETY) == SAFETY
    assert ids(Origin.CONFIG) == set(IN_ORDER) - CLINIC - SAFETY


@pytest.mark.parametrize("status", list(Status))
def test_the_outcome_decides_the_effect(status: Status) -> None:
    assert {criterion.id for criterion in CRITERIA if criterion.effect is status} == EFFECTS.get(status, set())


def test_the_rest_has_no_effect() -> None:
    assert {criterion.id for criterion in CRITERIA if criterion.effect is None} == WITHOUT_EFFECT


KIND_BY_PREFIX = {
    "IND": {Kind.INDICATION, Kind.REVIEW},
    "SEV": {Kind.INFORMATION},
    "TRD": {Kind.INFORMATION},
    "ABS": {Kind.CONTRAINDICATION, Kind.HOLD},
    "HOLD": {Kind.HOLD},
    "URG": {Kind.HOLD},
    "REV": {Kind.REVIEW, Kind.CAUTION},
    "CAU": {Kind.CAUTION, Kind.REVIEW},
    "AGE": {Kind.REVIEW, Kind.CAUTION},
    "MISS": {Kind.MISSING},
    "DATA": {Kind.INFORMATION, Kind.REVIEW, Kind.MISSING},
}
EFFECT_OF_KIND = {
    Kind.CONTRAINDICATION: {Status.CONTRAINDICATED},
    Kind.HOLD: {Status.HOLD},
    Kind.REVIEW: {Status.NEEDS_REVIEW},
    Kind.CAUTION: {None},
    Kind.INFORMATION: {None},
    Kind.INDICATION: {None, Status.NO_INDICATION},
    Kind.MISSING: {None, Status.NEEDS_REVIEW, Status.INSUFFICIENT_DATA},
}


@every_rule
def test_kind_effect_and_name_agree(criterion: Criterion) -> None:
    assert criterion.kind in KIND_BY_PREFIX[criterion.id.partition("-")[0]]
    assert criterion.effect in EFFECT_OF_KIND[criterion.kind]


@every_rule
def test_a_rule_tells_enough_of_itself_to_be_judged(criterion: Criterion) -> None:
    assert criterion.question(Limits()).endswith("?")
    for words in (criterion.logic, criterion.known_limits):
        assert words.endswith(".")
        assert "  " not in words
    assert criterion.source
    assert criterion.source[0].isupper()
    assert re.fullmatch(r"[0-9]+\.[0-9]+", criterion.version)
    assert criterion.uses <= {"sex", "date of birth"}


@every_rule
def test_a_question_can_be_read_aloud_to_a_patient(criterion: Criterion) -> None:
    """Indications are never asked, and neither is what only a chart can tell."""
    expected = {**dict.fromkeys(ASKED_OF_THE_PRESENT, 30), **dict.fromkeys(ASKED_OF_THE_PAST, 180)}
    assert (criterion.ask.days if criterion.ask else None) == expected.get(criterion.id)
    if criterion.ask:
        words = criterion.ask.question(Limits())
        assert words.endswith("?")
        assert re.search(r"\byou\b", words)
        assert not criterion.ask.window or str(getattr(Limits(), criterion.ask.window)) in words
        assert criterion.ask.settles is (criterion.id in {"HOLD-LACT", "MISS-MEDLIST"})


def test_which_rules_use_who_the_patient_is() -> None:
    assert {criterion.id: set(criterion.uses) for criterion in CRITERIA if criterion.uses} == {
        "MISS-PREG": {"sex", "date of birth"},
        "AGE-CHILD": {"date of birth"},
        "AGE-65": {"date of birth"},
        "MISS-DOB": {"date of birth"},
    }


def test_rules_say_what_they_read() -> None:
    reads = {criterion.id: criterion.reads for criterion in CRITERIA}
    assert reads["IND-SI"] == {Area.CONDITION, Area.SURVEY}
    assert reads["HOLD-PREG"] == {Area.CONDITION, Area.LABORATORY, Area.SOCIAL_HISTORY}
    assert reads["MISS-PREG"] == {Area.PATIENT, Area.LABORATORY, Area.SOCIAL_HISTORY}
    assert reads["REV-HEP"] == {Area.CONDITION, Area.LABORATORY}
    assert reads["ABS-ALLERGY"] == {Area.ALLERGY}
    assert reads["DATA-TEXT"] == {Area.CONDITION}
    trials = {Area.CONDITION, Area.MEDICATION, Area.SURVEY}
    assert reads["TRD-MET"] == reads["TRD-NOT-MET"] == reads["TRD-UNKNOWN"] == trials
    for rule in ("HOLD-BP", "MISS-BP", "URG-BP", "REV-BP-LABILE", "CAU-BP-LABEL"):
        assert reads[rule] == {Area.BLOOD_PRESSURE}
    for rule in [rule for rule in IN_ORDER if rule.startswith("CAU-") and rule != "CAU-BP-LABEL"]:
        assert reads[rule] == {Area.MEDICATION}
    assert {rule for rule, areas in reads.items() if not areas} == {
        "DATA-EIE",
        "DATA-REFUTED",
        "DATA-FETCH",
        "MISS-DOB",
    }


DEFAULTS = {
    "systolic": 140, "diastolic": 100, "pressure_fresh_days": 30, "pressure_max_days": 90, "labile_failing": 2,
    "labile_of": 3, "label_systolic": 140, "label_diastolic": 90, "urgent_systolic": 180, "urgent_diastolic": 120,
    "urgent_days": 7, "psychosis_days": 180, "mania_days": 90, "cardiovascular_days": 90, "infarction_days": 42,
    "encounter_days": 365,
    "crisis_days": 90, "stroke_days": 90, "suicidality_days": 90, "suicidality_item_days": 14,
    "postpartum_months": 12, "bipolar_allowed": True, "pregnancy_days": 42 * 7, "pregnancy_test_days": 30,
    "fertile_from_years": 12, "fertile_to_years": 50, "lactation_months": 12, "lactation_holds": True,
    "adult_years": 18, "least_years": 13, "elder_years": 65, "greatest_years": 120, "severity_phq9": 10,
    "severity_days": 30, "weight_days": 90, "liver_times_upper": 5, "liver_days": 365, "maoi_days": 14,
    "trials_needed": 2, "trial_days": 42, "trial_bridge_days": 14, "trial_window_months": 24,
    "trials_required": False,
}  # fmt: skip


def test_the_default_limits_are_those_of_the_clinical_content() -> None:
    limits = Limits()
    assert {field.name: getattr(limits, field.name) for field in fields(Limits)} == DEFAULTS


def test_every_limit_belongs_to_a_rule_and_its_default_lies_within_its_bounds() -> None:
    assert {limit.rule for limit in LIMITS} <= set(IN_ORDER)
    assert len({(limit.rule, limit.key) for limit in LIMITS}) == len(LIMITS)
    for limit in LIMITS:
        if isinstance(limit.default, (int, Decimal)) and not isinstance(limit.default, bool):
            assert limit.least is not None
            assert limit.greatest is not None
            assert limit.least <= limit.default <= limit.greatest


NUMBERS = [limit for limit in LIMITS if not isinstance(limit.default, bool)]


@pytest.mark.parametrize("limit", NUMBERS, ids=lambda limit: f"{limit.rule} {limit.key}")
def test_the_words_of_a_rule_name_its_default_limits(limit: Limit) -> None:
    """A number that stands in the code alone would be one that a user cannot judge."""
    row = BY_ID[limit.rule]
    number = {"pregnancy_days": "42 weeks", "trials_needed": "Two"}.get(limit.name, str(limit.default))
    assert re.search(rf"\b{number}\b", f"{row.question(Limits())} {row.logic}")
