"""What the readings propose about the discharge criteria, at the edges of each."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fhir_mappings.facts.treatment import Reading
from smart_app.clinical.discharge import Proposal, observed, proposals
from smart_app.clinical.session_rules import SessionLimits
from tests.smart_app.clinical.treatments import a_reading, at

LIMITS = SessionLimits()
BASELINE = a_reading("150/98", "14:00", baseline=True, oxygen_saturation=Decimal(97))


def said(key: str, *readings: Reading, baseline: Reading | None = BASELINE) -> Proposal | None:
    taken = [*([baseline] if baseline else []), *readings]
    assert proposals(taken[::-1], dose_at=at("14:10"), limits=LIMITS) == proposals(
        taken, dose_at=at("14:10"), limits=LIMITS
    ), "the order in which readings are kept does not matter"
    return proposals(taken, dose_at=at("14:10"), limits=LIMITS).get(key)


@pytest.mark.parametrize(
    ("pressure", "met"),
    [
        pytest.param("139/99", True, id="below the limit"),
        pytest.param("140/80", False, id="at the limit, and only one number near the baseline"),
        pytest.param("165/98", True, id="10 % over the baseline"),
        pytest.param("166/98", False, id="over 10 %"),
        pytest.param("150/107.8", True, id="diastolic 10 % over"),
        pytest.param("150/108", False, id="diastolic over 10 %"),
    ],
)
def test_blood_pressure_is_below_the_limit_or_near_the_baseline(pressure: str, met: bool) -> None:
    found = said("pressure", a_reading(pressure, "16:00"))
    assert found is not None
    assert found.met is met
    assert f"{pressure} at 16:00, baseline 150/98" in found.words


def test_the_last_standing_reading_since_the_dose_is_meant() -> None:
    found = said(
        "pressure",
        a_reading("170/108", "15:00"),
        a_reading("130/80", "15:30"),
        a_reading("190/110", "16:00", struck="wrong arm"),
    )
    assert found == Proposal(met=True, words="130/80 at 15:30, baseline 150/98: below 140/100.")


def test_without_a_baseline_only_the_limit_counts() -> None:
    found = said("pressure", a_reading("142/80", "15:00"), baseline=None)
    assert found is not None
    assert not found.met
    assert "no baseline" in found.words


@pytest.mark.parametrize(("value", "met"), [(97, True), (95, True), (94, False)])
def test_saturation_is_at_the_baseline_within_what_two_measurements_differ_by(value: int, met: bool) -> None:
    found = said("saturation", a_reading("", "16:00", oxygen_saturation=Decimal(value)))
    assert found == Proposal(met=met, words=f"{value} % at 16:00, baseline 97 %.")


def test_a_low_baseline_does_not_make_a_low_saturation_good() -> None:
    low = a_reading("", "14:00", oxygen_saturation=Decimal(92))
    found = said("saturation", a_reading("", "16:00", oxygen_saturation=Decimal(91)), baseline=low)
    assert found is not None
    assert not found.met


@pytest.mark.parametrize(
    ("key", "changes", "met"),
    [
        ("alert", {"sedation": 5}, True),
        ("alert", {"sedation": 4}, False),
        ("dissociation", {"dissociation": 0}, True),
        ("dissociation", {"dissociation": 1}, False),
    ],
)
def test_alertness_and_dissociation_are_those_measured_last(key: str, changes: dict[str, int], met: bool) -> None:
    found = said(key, a_reading("", "15:00", sedation=3, dissociation=2), a_reading("", "16:00", **changes))
    assert found is not None
    assert found.met is met
    assert "at 16:00" in found.words


@pytest.mark.parametrize("key", ["pressure", "saturation", "alert", "dissociation"])
def test_what_nobody_measured_since_the_dose_is_not_proposed(key: str) -> None:
    assert said(key, a_reading("", "16:00", heart_rate=Decimal(70))) is None


def test_a_baseline_in_the_minute_of_the_dose_is_no_reading_after_it() -> None:
    assert said("pressure", a_reading("128/78", "14:10", baseline=True)) is None


@pytest.mark.parametrize(("minutes", "met"), [(119, False), (120, True)])
def test_time_is_counted_in_whole_minutes(minutes: int, met: bool) -> None:
    found = observed(timedelta(minutes=minutes, seconds=59), 120)
    assert found == Proposal(met=met, words=f"Observed for {minutes} of 120 minutes.")


@pytest.mark.parametrize(("percent", "met"), [(5, True), (4, False), (0, False)])
def test_how_near_the_baseline_is_set_by_the_site(percent: int, met: bool) -> None:
    limits = SessionLimits(near_baseline_percent=percent)
    found = proposals([BASELINE, a_reading("157.5/98", "16:00")], dose_at=at("14:10"), limits=limits)["pressure"]
    assert found.met is met
    assert f"within {percent} % of" in found.words


@pytest.mark.parametrize(("spread", "met"), [(2, True), (1, False)])
def test_so_is_the_spread_of_the_saturation(spread: int, met: bool) -> None:
    limits = SessionLimits(saturation_spread=Decimal(spread))
    readings = [BASELINE, a_reading("", "16:00", oxygen_saturation=Decimal(95))]
    assert proposals(readings, dose_at=at("14:10"), limits=limits)["saturation"].met is met
