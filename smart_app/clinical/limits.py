"""The limits that the rules use: their defaults, and within which bounds a site may set its own.

A limit of a clinic rule can only be made stricter, which its bounds say: one of them is the default. Limits that are
not in `LIMITS` are fixed. Sources stand beside each rule in `criteria`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

LimitValue = int | Decimal | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Blood pressure in mmHg, windows in days unless the name says otherwise; all windows include their limit."""

    systolic: Decimal = Decimal(140)  # at or over it is not below
    diastolic: Decimal = Decimal(100)
    pressure_fresh_days: int = 30
    pressure_max_days: int = 90
    labile_failing: int = 2
    labile_of: int = 3
    label_systolic: Decimal = Decimal(140)  # over it, not at it
    label_diastolic: Decimal = Decimal(90)
    urgent_systolic: Decimal = Decimal(180)
    urgent_diastolic: Decimal = Decimal(120)
    urgent_days: int = 7
    psychosis_days: int = 180
    mania_days: int = 90
    cardiovascular_days: int = 90
    infarction_days: int = 42
    encounter_days: int = 365  # older, a diagnosis of a visit no longer says how things are
    crisis_days: int = 90
    stroke_days: int = 90
    suicidality_days: int = 90
    suicidality_item_days: int = 14
    postpartum_months: int = 12
    bipolar_allowed: bool = True
    pregnancy_days: int = 294  # 42 weeks
    pregnancy_test_days: int = 30
    fertile_from_years: int = 12
    fertile_to_years: int = 50
    lactation_months: int = 12
    lactation_holds: bool = True
    adult_years: int = 18
    least_years: int = 13
    elder_years: int = 65
    greatest_years: int = 120
    severity_phq9: int = 10
    severity_days: int = 30
    weight_days: int = 90
    liver_times_upper: Decimal = Decimal(5)
    liver_days: int = 365
    maoi_days: int = 14
    trials_needed: int = 2
    trial_days: int = 42
    trial_bridge_days: int = 14
    trial_window_months: int = 24
    trials_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How one limit may be set in `[rules.RULE]` of site.toml. A switch (bool) may be set either way."""

    name: str  # of the field of Limits
    rule: str
    key: str  # in the site's table
    words: str
    unit: str
    least: LimitValue | None = None
    greatest: LimitValue | None = None

    @property
    def default(self) -> LimitValue:
        value: LimitValue = getattr(Limits(), self.name)
        return value


def _limit(
    name: str,
    rule: str,
    key: str,
    words: str,
    unit: str = "days",
    least: LimitValue | None = None,
    greatest: LimitValue | None = None,
) -> Limit:
    return Limit(name=name, rule=rule, key=key, words=words, unit=unit, least=least, greatest=greatest)


_MMHG = "mmHg"
LIMITS: tuple[Limit, ...] = (
    _limit("postpartum_months", "IND-PPD", "max_months", "since the onset", "months", 1, 12),
    _limit("bipolar_allowed", "IND-BPD", "allowed", "bipolar depression is an indication", ""),
    _limit("severity_phq9", "SEV-PHQ9", "min", "PHQ-9 total that supports", "points", 5, 20),
    _limit("severity_days", "SEV-PHQ9", "lookback_days", "age of the latest score", "days", 7, 60),
    _limit("trials_needed", "TRD-MET", "trials", "adequate trials", "trials", 2, 5),
    _limit("trial_days", "TRD-MET", "min_days", "at an adequate dose without a break", "days", 42, 84),
    _limit("trial_bridge_days", "TRD-MET", "bridge_days", "a break this short is none", "days", 0, 14),
    _limit("trial_window_months", "TRD-MET", "window_months", "looked back without an onset", "months", 6, 24),
    _limit("trials_required", "TRD-NOT-MET", "review", "too few trials ask for review", ""),
    _limit("cardiovascular_days", "ABS-CV", "lookback_days", "since it was last recorded", "days", 90, 3650),
    _limit("infarction_days", "ABS-MI", "days", "since the infarction", "days", 42, 365),
    _limit("psychosis_days", "HOLD-PSY", "lookback_days", "since it was last recorded", "days", 180, 3650),
    _limit("mania_days", "HOLD-MANIA", "lookback_days", "since it was last recorded", "days", 90, 3650),
    _limit("systolic", "HOLD-BP", "sbp", "systolic, must be below", _MMHG, Decimal(100), Decimal(140)),
    _limit("diastolic", "HOLD-BP", "dbp", "diastolic, must be below", _MMHG, Decimal(60), Decimal(100)),
    _limit("pressure_max_days", "HOLD-BP", "max_days", "age of a reading that still holds", "days", 90, 365),
    _limit("labile_failing", "REV-BP-LABILE", "failing", "days not below the limits", "days", 1, 5),
    _limit("labile_of", "REV-BP-LABILE", "of", "out of so many latest days", "days", 2, 10),
    _limit("label_systolic", "CAU-BP-LABEL", "sbp_gt", "systolic, over", _MMHG, Decimal(100), Decimal(160)),
    _limit("label_diastolic", "CAU-BP-LABEL", "dbp_gt", "diastolic, over", _MMHG, Decimal(60), Decimal(110)),
    _limit("urgent_systolic", "URG-BP", "sbp", "systolic, at or over", _MMHG, Decimal(160), Decimal(200)),
    _limit("urgent_diastolic", "URG-BP", "dbp", "diastolic, at or over", _MMHG, Decimal(100), Decimal(130)),
    _limit("urgent_days", "URG-BP", "lookback_days", "age of the reading", "days", 1, 30),
    _limit("crisis_days", "HOLD-HTNCRISIS", "lookback_days", "since it was last recorded", "days", 90, 365),
    _limit("pressure_fresh_days", "MISS-BP", "fresh_days", "age of a passing reading", "days", 1, 30),
    _limit("stroke_days", "REV-STROKE", "hold_days", "since it was last recorded", "days", 30, 365),
    _limit("pregnancy_days", "HOLD-PREG", "lookback_days", "since the result or entry", "days", 280, 330),
    _limit("lactation_months", "HOLD-LACT", "max_months", "since the entry", "months", 1, 36),
    _limit("lactation_holds", "HOLD-LACT", "hold", "holds treatment, else asks for review", ""),
    _limit("pregnancy_test_days", "MISS-PREG", "lookback_days", "age of a status or test", "days", 1, 90),
    _limit("fertile_from_years", "MISS-PREG", "from_years", "asked from this age", "years", 8, 16),
    _limit("fertile_to_years", "MISS-PREG", "to_years", "asked up to this age", "years", 45, 65),
    _limit("adult_years", "AGE-CHILD", "adult", "review below this age", "years", 18, 21),
    _limit("least_years", "AGE-CHILD", "min", "contraindicated below this age", "years", 12, 18),
    _limit("elder_years", "AGE-65", "from_years", "caution from this age", "years", 55, 80),
    _limit("liver_times_upper", "REV-HEP", "times_upper", "ALT or AST over, times its upper limit", "",
           Decimal(2), Decimal(10)),
    _limit("liver_days", "REV-HEP", "lookback_days", "age of the liver value", "days", 30, 730),
    _limit("maoi_days", "CAU-MAOI", "stopped_days", "since it was stopped", "days", 14, 60),
    _limit("greatest_years", "MISS-DOB", "greatest", "older is not plausible", "years", 110, 130),
    _limit("weight_days", "MISS-WEIGHT", "lookback_days", "age of the weight", "days", 7, 180),
)  # fmt: skip
