"""After a course, in a real Chromium: a booster with its conditions, then doses at home, as the EHR holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_app.sandbox.clinician import Clinician
from smart_app.sandbox.recording import PlannedSession, record_course
from tests.browser import CHROMIUM
from tests.journeys.conftest import Clinic, eventually
from tests.journeys.in_chromium import Tablet, app_frame, chromium, open_chart, run_session, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the browser journey is left out"),
]
AFTERNOON = 14  # here: a session from 10:00 to 12:05 is over, and the day is the one of UTC
PATIENT = "two-failed-trials"
REASON = "Both of us want it after what we talked about."


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """With a patient who had one session of a course; recorded before the browser is there."""
    ahead = AFTERNOON - datetime.now(UTC).hour
    monkeypatch.setenv("KP_ZONE", f"Etc/GMT{-ahead:+d}")  # these names count the other way round
    made = Clinic(data=tmp_path)
    try:
        made.start()
        asyncio.run(_one_session(made, made.patient(PATIENT), datetime.now(UTC).date() - timedelta(days=12)))
        yield made
    finally:
        made.stop()


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[Tablet]:
    with chromium(tmp_path, viewport={"width": 1024, "height": 1366}) as context:
        yield Tablet(context.new_page(), tmp_path)


def test_a_booster_counts_for_itself_and_doses_at_home_are_what_the_patient_says(
    clinic: Clinic, tablet: Tablet
) -> None:
    patient, today = clinic.patient(PATIENT), datetime.now(UTC).date()
    sign_in(clinic, tablet.page)
    open_chart(clinic, tablet.page)
    app_frame(tablet.page, "/screening")
    _finish_the_course(tablet)
    _plan_a_booster(tablet, today.isoformat())
    tablet.follow("Session")
    tablet.press("Open")
    tablet.app.wait_for_url("**/before*")
    run_session(tablet)
    tablet.app.locator("form[action$='/sign'] input[type=checkbox]").first.check(force=True)
    tablet.press("Sign as")
    eventually(lambda: _statuses(clinic, "CarePlan", patient) == ["completed", "completed"])
    course, booster = sorted(clinic.chart("CarePlan", patient), key=lambda plan: len(plan["activity"]), reverse=True)
    assert [each["detail"]["status"] for each in course["activity"]].count("completed") == 1, "as before the booster"
    assert [each["detail"]["status"] for each in booster["activity"]] == ["completed"]
    assert course["identifier"][0] in [each.get("identifier") for each in booster["supportingInfo"]]
    _see_the_plans(tablet)
    given = len(clinic.chart("MedicationAdministration", patient))
    _take_doses_home(tablet)
    (statement,) = eventually(lambda: _ours(clinic, "MedicationStatement", patient))
    assert statement["effectivePeriod"]["start"][:10] == today.isoformat()
    assert statement["informationSource"]["reference"] == f"Patient/{patient}"
    assert len(clinic.chart("MedicationAdministration", patient)) == given == 2
    assert tablet.complaints == []
    assert tablet.violations == []


async def _one_session(clinic: Clinic, patient: str, day: Any) -> None:
    session = PlannedSession(day=day, milligrams=Decimal("36.0"), minutes=40, phq9=6)
    async with Clinician(clinic.ehr_url) as doctor:
        await record_course(doctor, patient, [session])


def _finish_the_course(tablet: Tablet) -> None:
    tablet.follow("Progress")
    tablet.follow("End early")
    tablet.choose("finish", "remission")
    tablet.fill(reason=REASON)
    tablet.app.locator("form[action*='/course/'] button").first.click()
    tablet.app.wait_for_url("**/progress*")
    assert "1 of 6 done" in tablet.app.inner_text("main")


def _plan_a_booster(tablet: Tablet, today: str) -> None:
    tablet.follow("After the course")
    tablet.look("maintenance")
    tablet.follow("Plan a single booster")
    tablet.fill(**{"day.1": today})
    tablet.press("Take this route and day")
    tablet.look("booster")
    said = _card(tablet, "s-conditions")
    assert "The programme is completed Met 1 of 6 done; the course is completed." in said
    assert "The last dose is at least 7 days ago Met" in said
    assert "Liver values of the last 90 days are not far over their limit Unknown" in said
    tablet.choose("monitoring", "yes")
    tablet.choose("off_label", "yes")
    tablet.fill(override=REASON)
    tablet.press("Plan the booster")


def _see_the_plans(tablet: Tablet) -> None:
    tablet.follow("Progress")
    tablet.follow("After the course")
    plans = _card(tablet, "s-plans")
    assert "1 of 6 done" in plans
    assert "Booster: " in plans
    assert "1 of 1 done" in plans


def _take_doses_home(tablet: Tablet) -> None:
    tablet.follow("Move to sublingual maintenance")
    assert tablet.app.is_checked("[name=route][value=SL]")
    tablet.choose("place", "home")
    tablet.choose("address_confirmed", "yes")
    tablet.fill(dose_mg="25", escort="Sam Larsen, 555 0100", emergency_name="Sam Larsen", emergency_phone="555 0100")
    tablet.fill(
        emergency_relation="Brother", consent_signed_on=tablet.app.input_value("[name=start]"), consent="paper"
    )
    tablet.choose("off_label", "yes")
    tablet.press("Check before you enrol")
    tablet.app.locator("button[value='enrol']").click()
    tablet.app.wait_for_url("**done=1*")
    tablet.follow("Progress")
    tablet.follow("Doses taken at home")
    tablet.follow("Write down what the patient says")
    tablet.choose("taken", "taken")
    tablet.choose("more", "no")
    tablet.choose("source", "phone")
    tablet.look("log")
    tablet.press("Save")
    assert "1 of 1" in _card(tablet, "s-log")


def _card(tablet: Tablet, heading: str) -> str:
    """The words of the card under this heading."""
    return " ".join(tablet.app.inner_text(f"section[aria-labelledby={heading}]").split())


def _statuses(clinic: Clinic, kind: str, patient: str) -> list[str]:
    return [str(one["status"]) for one in clinic.chart(kind, patient)]


def _ours(clinic: Clinic, kind: str, patient: str) -> list[dict[str, Any]]:
    return [one for one in clinic.chart(kind, patient) if "/sid/" in str(one.get("identifier"))]
