"""The conditions of a booster at their limits: met, not met or unknown, and unknown is never met."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.programme import CourseStatus
from smart_app.clinical.booster import Condition, Finding, Known, Pressure, State, barred, conditions, unmet
from smart_app.clinical.maintenance_rules import BOUNDS, MaintenanceRules, maintenance_rules
from smart_app.clinical.relapse import Relapse, Standing
from smart_app.clinical.site_table import Number, SettingsRefused

TODAY = date(2026, 12, 20)
LIMIT = Decimal(140), Decimal(100)
RULES = MaintenanceRules()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def a_pressure(systolic: str, diastolic: str, day: date = TODAY) -> Pressure:
    return Pressure(day=day, systolic=Decimal(systolic), diastolic=Decimal(diastolic), source="nurse")


def a_finding(days: int, *, clear: bool | None = True) -> Finding:
    return Finding(day=ago(days), clear=clear, words="Asked")


READY = Known(
    course=CourseStatus.COMPLETED,
    standing="6 of 6 done",
    relapse=Relapse(standing=Standing.RELAPSE, words="Relapse."),
    screened=TODAY,
    screened_as="candidate",
    pressure=a_pressure("139", "99"),
    last_dose=ago(7),
    urinary=a_finding(0),
    liver=a_finding(0),
)


def judged(on: date = TODAY, **changes: Any) -> dict[str, Condition]:
    found = conditions(replace(READY, **changes), on=on, today=TODAY, limit=LIMIT, rules=RULES)
    return {each.key: each for each in found}


def test_everything_met_bars_nothing() -> None:
    assert unmet(tuple(judged().values())) == ()


@pytest.mark.parametrize(
    ("key", "changes", "state"),
    [
        ("programme", {"course": None}, State.UNKNOWN),
        ("programme", {"course": CourseStatus.REVOKED}, State.NOT_MET),
        ("relapse", {"relapse": None}, State.UNKNOWN),
        ("relapse", {"relapse": Relapse(standing=Standing.NO_RESPONSE, words="None yet.")}, State.UNKNOWN),
        ("relapse", {"relapse": Relapse(standing=Standing.HOLDS, words="Holds.")}, State.NOT_MET),
        ("relapse", {"relapse": Relapse(standing=Standing.SUSPECTED, words="Perhaps.")}, State.NOT_MET),
        ("relapse", {"relapse": Relapse(standing=Standing.LOST, words="Lost.")}, State.MET),
        ("screening", {"screened": ago(30)}, State.MET),
        ("screening", {"screened": ago(31)}, State.UNKNOWN),
        ("screening", {"screened": None}, State.UNKNOWN),
        ("screening", {"screened_as": "needs-review"}, State.MET),
        ("screening", {"screened_as": "insufficient-data"}, State.UNKNOWN),
        ("screening", {"screened_as": "hold"}, State.NOT_MET),
        ("screening", {"screened_as": "contraindicated"}, State.NOT_MET),
        ("screening", {"screened_as": "of a later release"}, State.UNKNOWN),
        ("pressure", {"pressure": a_pressure("140", "80")}, State.NOT_MET),
        ("pressure", {"pressure": a_pressure("120", "100")}, State.NOT_MET),
        ("pressure", {"pressure": a_pressure("120", "80", ago(1))}, State.UNKNOWN),
        ("pressure", {"pressure": None}, State.UNKNOWN),
        ("spacing", {"last_dose": ago(6)}, State.NOT_MET),
        ("spacing", {"last_dose": None}, State.UNKNOWN),
        ("spacing", {"unread": True}, State.UNKNOWN),
        ("spacing", {"unread": True, "last_dose": ago(6)}, State.NOT_MET),
        ("spacing", {"elsewhere": ("The list of medicines names ketamine.",)}, State.UNKNOWN),
        ("urinary", {"urinary": a_finding(30)}, State.MET),
        ("urinary", {"urinary": a_finding(31)}, State.UNKNOWN),
        ("urinary", {"urinary": a_finding(0, clear=None)}, State.UNKNOWN),
        ("urinary", {"urinary": a_finding(300, clear=False)}, State.NOT_MET),
        ("liver", {"liver": a_finding(90)}, State.MET),
        ("liver", {"liver": a_finding(91)}, State.UNKNOWN),
        ("liver", {"liver": a_finding(1, clear=False)}, State.NOT_MET),
        ("liver", {"liver": None}, State.UNKNOWN),
    ],
)
def test_each_at_its_limits(key: str, changes: dict[str, Any], state: State) -> None:
    found = judged(**changes)
    assert found[key].state is state
    assert found[key].todo or state is State.MET, "where it is not met, the line says what to do"
    assert {each.state for name, each in found.items() if name != key} == {State.MET}


def test_only_the_screening_takes_no_reason_here() -> None:
    found = judged(screened_as="hold", course=None, last_dose=None, urinary=None, liver=None, pressure=None)
    assert [each.key for each in barred(tuple(found.values()))] == ["screening"]


def test_for_a_later_day_the_days_are_counted_to_it_and_the_pressure_is_left_to_it() -> None:
    later = judged(on=TODAY + timedelta(days=10), last_dose=ago(0), screened=ago(25), pressure=None)
    assert later["pressure"].state is State.ON_THE_DAY
    assert later["spacing"].state is State.MET
    assert later["screening"].state is State.UNKNOWN


def test_a_site_may_only_be_stricter() -> None:
    assert maintenance_rules({}) == RULES
    for bound in (each for each in BOUNDS if isinstance(each, Number)):
        shipped = getattr(RULES, bound.key)
        assert shipped in {bound.least, bound.most}, "as shipped is the laxest"
        for value in (bound.least, bound.most):
            assert getattr(maintenance_rules({"maintenance": {bound.key: value}}), bound.key) == value
        for value in (bound.least - 1, bound.most + 1, "7", True):
            with pytest.raises(SettingsRefused, match=rf"\[maintenance\] {bound.key}: must be a whole number"):
                maintenance_rules({"maintenance": {bound.key: value}})
    for table in ({"wrong": 1}, []):
        with pytest.raises(SettingsRefused, match=r"\[maintenance\] wrong: there is no such key|is not a table"):
            maintenance_rules({"maintenance": table})
