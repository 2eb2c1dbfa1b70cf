"""The limits that the rules use, with their defaults. Sources stand beside each rule in `criteria`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Blood pressure in mmHg, windows in days unless the name says otherwise; all windows include their limit."""

    systolic: Decimal = Decimal(140)  # at or over it is not below
    diastolic: Decimal = Decimal(100)
    pressure_fresh_days: int = 30
    pressure_max_days: int = 90
    urgent_systolic: Decimal = Decimal(180)
    urgent_diastolic: Decimal = Decimal(120)
    urgent_days: int = 7
    psychosis_days: int = 180
    mania_days: int = 90
    cardiovascular_days: int = 90
    infarction_days: int = 42
    crisis_days: int = 90
    suicidality_days: int = 90
    suicidality_item_days: int = 14
    postpartum_months: int = 12
    pregnancy_days: int = 294  # 42 weeks
    adult_years: int = 18
    least_years: int = 13
    greatest_years: int = 120
