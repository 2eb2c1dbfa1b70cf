"""The alert of item 9 and of the screener: when it stands, and what alone takes it away."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from smart_app.clinical.outcomes import ScaleScore
from smart_app.clinical.suicidality import suicidality_alert

DAY = date(2026, 11, 23)


def at(hhmm: str, day: date = DAY) -> datetime:
    return datetime.combine(day, datetime.strptime(hhmm, "%H:%M").time())  # noqa: DTZ007  # local, as the rule's


def phq(item9: int | None, **changes: Any) -> ScaleScore:
    return ScaleScore(**({"total": 15, "day": DAY, "watched": item9} | changes))


def cssrs(level: str, moment: datetime, **changes: Any) -> ScaleScore:
    values = {"scale": "cssrs", "total": None, "day": moment.date(), "level": level, "moment": moment}
    return ScaleScore(**(values | changes))


@pytest.mark.parametrize(
    ("scores", "due"),
    [
        pytest.param([phq(0)], False, id="0"),
        pytest.param([phq(None)], False, id="not answered"),
        pytest.param([phq(1)], True, id="1"),
        pytest.param([phq(3, total=None, complete=False)], True, id="on an unfinished form"),
        pytest.param([phq(2, scale="madrs")], True, id="another form's item"),
        pytest.param([phq(1, moment=at("09:00")), phq(0, moment=at("10:00"))], True, id="a later 0 takes nothing"),
        pytest.param([phq(1, moment=at("09:00")), cssrs("low", at("09:10"))], False, id="a screener after it"),
        pytest.param([phq(1, moment=at("09:20")), cssrs("low", at("09:10"))], True, id="a screener before it"),
        pytest.param([phq(1), cssrs("none", at("09:10"))], True, id="the order within the day is not known"),
        pytest.param([phq(1, known=at("09:00")), cssrs("none", at("09:10"))], False, id="known before the screener"),
        pytest.param([phq(1), cssrs("none", at("09:10", date(2026, 11, 24)))], False, id="the day after"),
        pytest.param(
            [phq(1, moment=at("09:00")), cssrs("", at("09:10"), complete=False)], True, id="an unfinished screener"
        ),
        pytest.param([cssrs("", at("09:10"), complete=False, watched=1)], True, id="a yes on an unfinished screener"),
    ],
)
def test_a_screener_is_due(scores: list[ScaleScore], due: bool) -> None:
    alert = suicidality_alert(scores)
    assert (alert.due, bool(alert.words)) == (due, due)


def test_the_alert_names_the_answer_and_its_time_and_a_later_result_is_told() -> None:
    alert = suicidality_alert([phq(2, moment=at("09:00"))])
    assert "PHQ-9 item 9 (thoughts of death or self-harm) was 2 on 23 Nov 2026 at 09:00: C-SSRS due" in alert.words
    alert = suicidality_alert([phq(2, moment=at("09:00")), cssrs("low", at("09:10"))])
    assert alert.screened == "C-SSRS screener 23 Nov 2026 at 09:10: low risk"


def test_a_high_risk_alerts_until_a_later_screener_finds_a_lower_one() -> None:
    high = cssrs("high", at("09:10"))
    assert "high risk: do not leave the patient alone" in suicidality_alert([high]).words
    assert suicidality_alert([high, cssrs("high", at("11:00"))]).words
    assert suicidality_alert([high, cssrs("", at("11:00"), complete=False)]).words
    assert not suicidality_alert([high, cssrs("moderate", at("11:00"))]).words


def test_an_unfinished_screener_with_a_high_risk_alerts_too() -> None:
    assert "high risk" in suicidality_alert([cssrs("high", at("09:10"), complete=False)]).words
