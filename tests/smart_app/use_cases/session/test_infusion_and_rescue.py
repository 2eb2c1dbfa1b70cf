"""Infusion events and rescue medicines: kept, in order, one truth with the dose step, in the signed record."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fhir_mappings.facts.treatment import EventOutcome, InfusionChange, Route
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import StoredSession
from smart_app.use_cases.session.record_session import session_view
from smart_app.use_cases.session.session_entries import add_entry, strike_entry
from smart_app.use_cases.session.session_steps import check_step
from tests.smart_app.use_cases.a_clinic import NAN, Clinic, before_fields, discharge_fields

DOSE = {
    "dose.given_mg": "41",
    "dose.started": "14:10",
    "dose.concentration": "50",
    "dose.volume_ml": "0.82",
    "dose.wasted_mg": "0",
}


def infusing(**enrolment: str) -> tuple[Clinic, StoredSession]:
    clinic = Clinic()
    clinic.enrolled(**enrolment)
    clinic.at("13:55")
    session = clinic.opened()
    clinic.read(session, "130/80", baseline="yes", respiratory_rate="14")
    clinic.at("14:00")
    clinic.read(session, "128/78", baseline="yes")
    clinic.save(session, before_fields(Route.IV))
    clinic.at("14:10")
    clinic.save(session, DOSE)
    clinic.at("14:40")
    return clinic, session


def add(clinic: Clinic, session: StoredSession, kind: str, **fields: str) -> StoredSession:
    return add_entry(clinic.work, clinic.clock, NAN, session.id, kind, clinic.ids(), fields)


def problems(clinic: Clinic, session: StoredSession, step: str = "monitor") -> dict[str, str]:
    return dict(check_step(clinic.session(session.id), step, clinic.course, clinic.now, clinic.site.limits))


class TestInfusion:
    def test_its_events_are_shown_with_the_time_it_ran(self) -> None:
        clinic, session = infusing()
        add(clinic, session, "infusion", change="paused", time="14:20")
        add(clinic, session, "infusion", change="resumed", time="14:25")
        add(clinic, session, "infusion", change="rate", rate="60", unit="mL/h", time="14:30")
        shown = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site).infusion
        assert shown is not None
        assert (shown.state, shown.words) == ("running", "Running for 25 min, pauses left out.")
        assert [line.text for line in shown.lines] == ["Paused", "Resumed", "Rate 60 mL/h"]
        assert [line.minutes for line in shown.lines] == [10, 15, 20]
        assert shown.lines[0].late

    def test_a_stop_is_the_end_of_the_dose(self) -> None:
        clinic, session = infusing()
        saved = add(clinic, session, "infusion", change="stopped")
        assert saved.fields["dose.ended"] == "14:40"
        assert "dose.ended" not in problems(clinic, session, "dose")

    def test_a_stop_that_contradicts_the_dose_step_is_asked_back(self) -> None:
        clinic, session = infusing()
        clinic.save(session, {"dose.ended": "14:38"})
        with pytest.raises(Refused) as refused:
            add(clinic, session, "infusion", change="stopped")
        assert refused.value.problems["change"] == "Check: The dose step says it ended at 14:38. Is 14:40 right?"
        assert add(clinic, session, "infusion", change="stopped", confirm="yes").fields["dose.ended"] == "14:40"

    def test_a_dose_step_that_contradicts_the_stop_later_is_told(self) -> None:
        clinic, session = infusing()
        add(clinic, session, "infusion", change="stopped")
        clinic.save(session, {"dose.ended": "14:30"})
        assert (
            "stopped at 14:40, but the dose step says it ended at 14:30"
            in problems(clinic, session)["infusion.change"]
        )

    @pytest.mark.parametrize(
        ("fields", "field", "words"),
        [
            pytest.param({"change": "started"}, "change", "entered in the dose step", id="the start"),
            pytest.param({"change": "resumed"}, "change", "was running: it cannot be resumed", id="no pause before"),
            pytest.param({"change": "paused", "time": "14:05"}, "change", "was not started", id="before the start"),
            pytest.param({"change": "rate", "unit": "mL/h"}, "rate", "Enter a number", id="no rate"),
            pytest.param({"change": "rate", "rate": "60"}, "unit", "Choose the unit", id="no unit"),
            pytest.param(
                {"change": "rate", "rate": "60", "unit": "mg/min"}, "rate", "from 0.01 to 20", id="impossible"
            ),
            pytest.param({"change": "rate", "rate": "6", "unit": "mg/min"}, "rate", "Check: 6 mg/min", id="unusual"),
            pytest.param({"change": "paused", "rate": "6"}, "rate", "belongs to a change", id="a rate with a pause"),
            pytest.param({"change": "paused", "time": "14:41"}, "time", "not come yet", id="in the future"),
        ],
    )
    def test_what_cannot_be_is_refused(self, fields: dict[str, str], field: str, words: str) -> None:
        clinic, session = infusing()
        with pytest.raises(Refused) as refused:
            add(clinic, session, "infusion", **fields)
        assert words in refused.value.problems[field]
        assert clinic.session(session.id).entries == session_entries(clinic, session)

    def test_a_stop_that_is_struck_out_takes_the_end_with_it(self) -> None:
        clinic, session = infusing()
        stop = add(clinic, session, "infusion", change="stopped").entries[-1]
        saved = strike_entry(clinic.work, clinic.clock, NAN, session.id, stop.id, "wrong button")
        assert saved.fields["dose.ended"] == ""
        add(clinic, session, "infusion", change="paused")

    def test_a_line_that_others_stand_on_is_struck_out_after_them(self) -> None:
        clinic, session = infusing()
        pause = add(clinic, session, "infusion", change="paused", time="14:20").entries[-1]
        resume = add(clinic, session, "infusion", change="resumed", time="14:25").entries[-1]
        with pytest.raises(Refused, match="came after it first"):
            strike_entry(clinic.work, clinic.clock, NAN, session.id, pause.id, "wrong button")
        for entry in (resume, pause):
            strike_entry(clinic.work, clinic.clock, NAN, session.id, entry.id, "wrong button")
        assert problems(clinic, session).get("infusion.change") is None

    def test_the_pause_counts_neither_for_the_questions_nor_for_the_record(self) -> None:
        clinic, session = infusing()
        add(clinic, session, "infusion", change="paused", time="14:20")
        add(clinic, session, "infusion", change="resumed", time="14:35")
        clinic.at("15:00")
        add(clinic, session, "infusion", change="stopped")
        clinic.read(session, "130/80")
        add(clinic, session, "event", type="nausea", severity="mild", serious="no", time="14:45", resolved="14:55")
        clinic.at("16:20")
        clinic.save(session, discharge_fields(Route.IV))
        made = clinic.sign(session).signed
        assert made is not None
        assert made.dose is not None
        assert made.dose.minutes_running == 35
        assert [each.change for each in made.infusion] == [
            InfusionChange.PAUSED,
            InfusionChange.RESUMED,
            InfusionChange.STOPPED,
        ]
        (event,) = made.events
        assert (event.outcome, event.serious) == (EventOutcome.RESOLVED, False)

    def test_an_injection_has_no_infusion(self) -> None:
        clinic = Clinic()
        clinic.enrolled(route="IM")
        clinic.at("14:00")
        session = clinic.opened()
        with pytest.raises(Refused) as refused:
            add(clinic, session, "infusion", change="paused")
        assert refused.value.problems["change"] == "This programme gives no infusion."


def session_entries(clinic: Clinic, session: StoredSession) -> tuple[object, ...]:
    """All but infusion events: none was added."""
    return tuple(each for each in clinic.session(session.id).entries if each.kind != "infusion")


GIVEN = {"drug": "labetalol", "dose": "10.0", "unit": "mg", "route": "IV", "reason": "pressure"}


class TestRescue:
    def test_it_keeps_its_digits_and_its_effect_to_the_record(self) -> None:
        clinic, session = infusing()
        entry = add(clinic, session, "rescue", **GIVEN).entries[-1]
        clinic.at("14:50")
        clinic.save(session, {f"rescue.{entry.id}.effect": "128/80", f"rescue.{entry.id}.effect_time": "14:45"})
        assert "rescue" not in "".join(problems(clinic, session))
        add(clinic, session, "infusion", change="stopped")
        clinic.read(session, "130/80")
        clinic.at("16:20")
        clinic.save(session, discharge_fields(Route.IV))
        made = clinic.sign(session).signed
        assert made is not None
        (rescue,) = made.rescues
        assert (rescue.code, rescue.text, str(rescue.amount), rescue.unit) == ("6185", "Labetalol", "10.0", "mg")
        assert (rescue.effect, rescue.effect_at) == (
            "128/80",
            clinic.now.replace(hour=14, minute=45, second=0),
        )

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            pytest.param({"drug": ""}, "drug", "Choose the medicine", id="no medicine"),
            pytest.param({"drug": "other"}, "text", "Name the medicine", id="other without a name"),
            pytest.param({"dose": "ten"}, "dose", "Enter a number", id="no number"),
            pytest.param({"dose": "0"}, "dose", "Enter an amount", id="nothing"),
            pytest.param({"unit": ""}, "unit", "Choose the unit", id="no unit"),
            pytest.param({"route": "eye"}, "route", "Choose how", id="no route"),
            pytest.param({"reason": ""}, "reason", "given for", id="no reason"),
            pytest.param({"dose": "500"}, "dose", "Check: 500 mg of labetalol", id="unusual"),
        ],
    )
    def test_what_is_missing_or_unusual_is_asked(self, changes: dict[str, str], field: str, words: str) -> None:
        clinic, session = infusing()
        with pytest.raises(Refused) as refused:
            add(clinic, session, "rescue", **GIVEN | changes)
        assert words in refused.value.problems[field]

    def test_an_unusual_amount_is_kept_when_confirmed(self) -> None:
        clinic, session = infusing()
        saved = add(clinic, session, "rescue", **GIVEN | {"dose": "500", "confirm": "yes"})
        assert Decimal(saved.entries[-1].fields["dose"]) == 500

    def test_after_midazolam_the_sedation_is_asked_for(self) -> None:
        clinic, session = infusing()
        add(clinic, session, "rescue", **GIVEN | {"drug": "midazolam", "dose": "2", "reason": "agitation"})
        assert "Record the sedation (MOAA/S)" in problems(clinic, session)["sedation"]
        clinic.now += timedelta(minutes=5)
        clinic.read(session, "128/80", sedation="4")
        assert "sedation" not in problems(clinic, session)

    @pytest.mark.parametrize(("typed", "words"), [("noon", "24 hours"), ("14:50", "not come yet")])
    def test_the_time_of_an_effect_is_a_time_of_the_past(self, typed: str, words: str) -> None:
        clinic, session = infusing()
        entry = add(clinic, session, "rescue", **GIVEN).entries[-1]
        name = f"rescue.{entry.id}.effect_time"
        clinic.save(session, {name: typed})
        assert words in problems(clinic, session)[name]
