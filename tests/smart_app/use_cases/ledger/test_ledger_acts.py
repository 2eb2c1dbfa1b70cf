"""Vials are received, counted and wasted, each act once, by the right people, with an audit record."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fhir_mappings.facts.treatment import Known, Role
from smart_app.clinical.ledger import Act, Row, balance, discrepancies
from smart_app.clinical.ledger_rules import Kept, LedgerRules
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.ledger_acts import confirm_waste, count_vial, take_back_row, waste_rest
from smart_app.use_cases.ledger.ledger_log import export
from smart_app.use_cases.ledger.ledger_view import ledger_view, vial_view
from smart_app.use_cases.ledger.receive_vials import asked_about, receive_vials
from smart_app.use_cases.records import Caller
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, MONDAY, NAN, OTHERS, Clinic, a_caller

VIAL = {
    "product": "Ketamine hydrochloride injection",
    "lot": "K4411",
    "expiry": "2027-05",
    "concentration": "50",
    "volume": "10.0",
    "vials": "1",
    "received": MONDAY.isoformat(),
    "supplier": "Riverside Pharmacy",
    "entry": "form-1",
}
WASTE = {"wasted": "500", "method": "Charcoal pouch", "reason": "Opened too long ago", "entry": "waste-1"}
BACK = {"reason": "Counted the wrong vial", "entry": "back-1"}
AUDITOR = a_caller(OTHERS[Role.AUDITOR], launch="launch-7")


@pytest.fixture
def clinic() -> Clinic:
    made = Clinic()
    made.site = replace(made.site, ledger=LedgerRules())
    return made


def received(clinic: Clinic, caller: Caller = NAN, **changes: str) -> str:
    vials = receive_vials(clinic.work, clinic.clock, caller, VIAL | changes, clinic.ids, clinic.site)
    return vials[0].id


def rows(clinic: Clinic) -> list[Row]:
    return clinic.work.kept.ledger


class TestReceive:
    def test_vials_of_a_lot_get_a_number_each(self, clinic: Clinic) -> None:
        received(clinic, vials="3")
        received(clinic, entry="form-2", lot="K5")
        assert [(v.number, v.lot, str(v.milligrams)) for v in clinic.work.kept.vials.values()] == [
            (1, "K4411", "500.0"),
            (2, "K4411", "500.0"),
            (3, "K4411", "500.0"),
            (4, "K5", "500.0"),
        ]
        assert [str(row.balance) for row in rows(clinic)] == ["500.0"] * 4
        assert clinic.trail[0].action == "clinician:ledger:receive"
        assert len(clinic.trail[0].entities) == 6

    def test_sending_the_form_twice_receives_once(self, clinic: Clinic) -> None:
        assert received(clinic) == received(clinic)
        assert len(clinic.work.kept.vials) == 1

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            pytest.param({"lot": ""}, "lot", "Enter the lot", id="no lot"),
            pytest.param({"expiry": "05/27"}, "expiry", "as printed", id="odd expiry"),
            pytest.param({"expiry": "2027-02-30"}, "expiry", "as printed", id="no such day"),
            pytest.param({"expiry": "2026-10"}, "expiry", "Check: expired", id="expired"),
            pytest.param({"concentration": "5"}, "concentration", "Check: 5 mg/mL", id="unusual strength"),
            pytest.param({"volume": "100"}, "volume", "Check: 100 mL", id="unusual size"),
            pytest.param({"concentration": "0"}, "concentration", "over 0", id="no strength"),
            pytest.param({"concentration": "500"}, "concentration", "up to 200", id="too strong"),
            pytest.param({"concentration": "50 mg"}, "concentration", "in mg/mL, not in mg", id="another unit"),
            pytest.param({"volume": "-10"}, "volume", "Enter a number", id="negative"),
            pytest.param({"vials": "51"}, "vials", "1 to 50", id="too many"),
            pytest.param({"received": "2026-11-03"}, "received", "not come yet", id="tomorrow"),
            pytest.param({"supplier": ""}, "supplier", "from whom", id="from nobody"),
            pytest.param({"ndc": "ABC"}, "ndc", "12345-678-90", id="odd code"),
            pytest.param({"drug": "esketamine"}, "drug", "this site gives", id="esketamine"),
            pytest.param({"product": "x" * 201}, "product", "Shorten", id="too long"),
        ],
    )
    def test_else_asked(self, clinic: Clinic, changes: dict[str, str], field: str, words: str) -> None:
        with pytest.raises(Refused) as refused:
            received(clinic, **changes)
        assert words in refused.value.problems[field]
        assert clinic.work.kept.vials == {}

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"expiry": "2026-10"}, id="expired, to be destroyed"),
            pytest.param({"concentration": "5", "volume": "100"}, id="of another strength"),
        ],
    )
    def test_what_is_unusual_is_received_once_it_was_asked_back(
        self, clinic: Clinic, changes: dict[str, str]
    ) -> None:
        assert received(clinic, **changes, confirmed=asked_about(VIAL | changes))

    def test_a_yes_does_not_hold_for_other_values(self, clinic: Clinic) -> None:
        seen = asked_about(VIAL | {"expiry": "2026-10"})
        with pytest.raises(Refused) as refused:
            received(clinic, expiry="2026-10", concentration="5", confirmed=seen)
        assert {"expiry", "concentration"} == set(refused.value.problems)

    @pytest.mark.parametrize("caller", [AUDITOR, replace(NAN, may_write=False)], ids=["auditor", "reading only"])
    def test_only_who_may_write(self, clinic: Clinic, caller: Caller) -> None:
        with pytest.raises(Refused):
            received(clinic, caller)
        assert clinic.refusals == ["clinician:ledger:receive"]

    def test_not_where_the_ledger_is_kept_elsewhere(self, clinic: Clinic) -> None:
        clinic.site = replace(clinic.site, ledger=LedgerRules(kept=Kept.ELSEWHERE))
        with pytest.raises(Refused, match="elsewhere"):
            received(clinic)


class TestCount:
    def count(self, clinic: Clinic, vial: str, **fields: str) -> Row:
        typed = {"counted": "500", "entry": "count-1"} | fields
        return count_vial(clinic.work, clinic.clock, NAN, vial, typed, clinic.site)

    def test_a_count_that_agrees(self, clinic: Clinic) -> None:
        assert self.count(clinic, received(clinic)).correction == 0

    def test_it_may_be_counted_by_volume(self, clinic: Clinic) -> None:
        vial = received(clinic)
        told = {"counted": "", "reason": "Overdrawn by a drop", "confirm": "yes"}
        assert str(self.count(clinic, vial, counted_ml="9.9", **told).balance) == "495.0"

    def test_volume_and_milligrams_say_the_same(self, clinic: Clinic) -> None:
        vial = received(clinic)
        with pytest.raises(Refused) as refused:
            self.count(clinic, vial, counted_ml="9.9", counted="500", confirm="yes")
        assert "9.9 mL × 50 mg/mL = 495.0 mg, but 500 mg" in refused.value.problems["counted"]
        with pytest.raises(Refused) as refused:
            self.count(clinic, vial, counted="", counted_ml="495 mg")
        assert "in mL, not in mg" in refused.value.problems["counted_ml"]

    def test_nothing_counted_is_asked_for(self, clinic: Clinic) -> None:
        vial = received(clinic)
        with pytest.raises(Refused) as refused:
            self.count(clinic, vial, counted="")
        assert "mg or in mL" in refused.value.problems["counted"]

    def test_a_difference_is_asked_back_and_explained(self, clinic: Clinic) -> None:
        vial = received(clinic)
        with pytest.raises(Refused) as refused:
            self.count(clinic, vial, counted="480.50")
        assert set(refused.value.problems) == {"counted", "reason"}
        assert "the ledger says 500.0 mg" in refused.value.problems["counted"]
        told = {"reason": "Spilt when it was opened", "loss": "Form 106 sent", "confirm": "yes"}
        row = self.count(clinic, vial, counted="480.50", **told)
        assert (str(row.correction), str(row.balance), row.loss) == ("-19.50", "480.50", "Form 106 sent")
        assert self.count(clinic, vial, counted="1") == row, "the same form again"
        assert clinic.trail[-1].detail == "a difference was found"


class TestWaste:
    def test_it_leaves_the_vial_once_a_colleague_has_confirmed_it(self, clinic: Clinic) -> None:
        vial = received(clinic)
        announced = waste_rest(clinic.work, clinic.clock, NAN, vial, WASTE, clinic.site)
        assert (announced.act, balance(rows(clinic))) == (Act.ANNOUNCED, Decimal("500.0"))
        view = vial_view(clinic.work, clinic.clock, DEE, vial, clinic.site)
        assert [line.may_confirm for line in view.rows] == [True, False]
        assert ledger_view(clinic.work, clinic.clock, DEE, clinic.site).vials[0].waits
        row = confirm_waste(clinic.work, clinic.clock, BENS_DOCTOR, vial, announced.id, "seen-1", clinic.site)
        assert (row.by, row.entered_by, row.balance) == (NAN.clinician, DEE.clinician, 0)
        assert row.witness is not None
        assert row.witness.reference == DEE.clinician.reference
        assert confirm_waste(clinic.work, clinic.clock, DEE, vial, announced.id, "seen-1", clinic.site) == row
        assert discrepancies(clinic.work.kept.vials[vial], rows(clinic)) == ()

    def test_nobody_confirms_their_own(self, clinic: Clinic) -> None:
        vial = received(clinic)
        announced = waste_rest(clinic.work, clinic.clock, NAN, vial, WASTE, clinic.site)
        with pytest.raises(Refused, match="somebody else"):
            confirm_waste(clinic.work, clinic.clock, NAN, vial, announced.id, "seen-1", clinic.site)
        view = vial_view(clinic.work, clinic.clock, NAN, vial, clinic.site)
        assert not any(line.may_confirm for line in view.rows)
        assert balance(rows(clinic)) == 500

    def test_a_second_confirmation_takes_nothing_more(self, clinic: Clinic) -> None:
        vial = received(clinic)
        announced = waste_rest(clinic.work, clinic.clock, NAN, vial, WASTE | {"wasted": "100"}, clinic.site)
        confirm_waste(clinic.work, clinic.clock, DEE, vial, announced.id, "seen-1", clinic.site)
        with pytest.raises(Refused, match="any more"):
            confirm_waste(clinic.work, clinic.clock, DEE, vial, announced.id, "seen-2", clinic.site)
        assert balance(rows(clinic)) == 400

    @pytest.mark.parametrize(
        ("fields", "field", "words"),
        [
            pytest.param({"wasted": "500.5"}, "wasted", "holds 500.0 mg", id="more than is left"),
            pytest.param({"wasted": "10 mL"}, "wasted", "not in mL", id="another unit"),
            pytest.param({"method": ""}, "method", "how", id="no method"),
            pytest.param({"reason": "old"}, "reason", "a little more", id="hardly a reason"),
            pytest.param({"time": "23:59", "date": "2026-11-02"}, "time", "not come yet", id="later today"),
        ],
    )
    def test_else_asked(self, clinic: Clinic, fields: dict[str, str], field: str, words: str) -> None:
        vial = received(clinic)
        with pytest.raises(Refused) as refused:
            waste_rest(clinic.work, clinic.clock, NAN, vial, WASTE | fields, clinic.site)
        assert words in refused.value.problems[field]

    def test_where_a_name_is_enough_it_leaves_at_once(self, clinic: Clinic) -> None:
        clinic.site = replace(clinic.site, ledger=LedgerRules(witness=Known.NAMED))
        vial = received(clinic)
        for name in ("", "Nan Nurse"):
            with pytest.raises(Refused) as refused:
                waste_rest(clinic.work, clinic.clock, NAN, vial, WASTE | {"witness": name}, clinic.site)
            assert "witness" in refused.value.problems
        waste_rest(clinic.work, clinic.clock, NAN, vial, WASTE | {"witness": "Wes Witness"}, clinic.site)
        assert balance(rows(clinic)) == 0


class TestTakeBack:
    def test_a_row_is_taken_back_by_a_row(self, clinic: Clinic) -> None:
        vial = received(clinic)
        typed = {"counted": "1", "reason": "Counted in the dark", "confirm": "yes", "entry": "count-1"}
        count_vial(clinic.work, clinic.clock, NAN, vial, typed, clinic.site)
        back = take_back_row(clinic.work, clinic.clock, NAN, vial, "count-1", BACK, clinic.site)
        assert (back.reverses, back.balance, len(rows(clinic))) == ("count-1", Decimal("500.0"), 3)
        with pytest.raises(Refused):
            take_back_row(clinic.work, clinic.clock, NAN, vial, "count-1", BACK | {"entry": "back-2"}, clinic.site)

    def test_a_reason_is_needed(self, clinic: Clinic) -> None:
        vial = received(clinic)
        with pytest.raises(Refused) as refused:
            take_back_row(clinic.work, clinic.clock, NAN, vial, rows(clinic)[0].id, {"entry": "b"}, clinic.site)
        assert "reason" in refused.value.problems


def test_a_vial_of_another_clinic_is_not_there(clinic: Clinic) -> None:
    vial = received(clinic)
    stranger = a_caller(ehr="other")
    assert ledger_view(clinic.work, clinic.clock, stranger, clinic.site).vials == ()
    for act in (
        lambda: vial_view(clinic.work, clinic.clock, stranger, vial, clinic.site),
        lambda: waste_rest(clinic.work, clinic.clock, stranger, vial, WASTE, clinic.site),
        lambda: count_vial(clinic.work, clinic.clock, stranger, vial, {"counted": "1", "entry": "x"}, clinic.site),
    ):
        with pytest.raises(Refused, match="no such vial"):
            act()
    assert len(clinic.refusals) == 3


def test_an_auditor_reads_and_leaves_a_record(clinic: Clinic) -> None:
    vial = received(clinic)
    view = vial_view(clinic.work, clinic.clock, AUDITOR, vial, clinic.site)
    assert not view.may_write
    assert not any(line.may_take_back or line.may_confirm for line in view.rows)
    found = export(clinic.work, clinic.clock, AUDITOR, MONDAY, MONDAY, clinic.site)
    assert len(found) == 1
    assert [each.action for each in clinic.trail[-2:]] == ["clinician:ledger:read", "clinician:ledger:export"]
    with pytest.raises(Refused):
        take_back_row(clinic.work, clinic.clock, AUDITOR, vial, rows(clinic)[0].id, BACK, clinic.site)
