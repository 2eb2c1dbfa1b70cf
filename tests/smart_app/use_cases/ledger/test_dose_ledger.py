"""A dose comes out of a vial: what the dose step asks, what the signature posts, what taking back undoes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.treatment import Drug, Known, Role, SessionStatus
from smart_app.clinical.ledger import Act, Row, Vial, balance, discrepancies, post, standing
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.post_dose import repost
from smart_app.use_cases.records import StoredSession
from smart_app.use_cases.session.confirm_dose import confirm
from smart_app.use_cases.session.record_session import choose, save_fields, session_view
from smart_app.use_cases.session.second_person import DOSE_CHECK, WASTE_WITNESS
from smart_app.use_cases.signing.amend_session import begin_amendment
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.clinical.vials import a_posting, a_vial, an_audit_record
from tests.smart_app.use_cases.a_clinic import DEE, MONDAY, NAN, NURSE, OTHERS, Clinic, a_caller

COLLEAGUE = replace(NURSE, reference=NURSE.reference.replace("nan", "col"), name="Col League")
COL = a_caller(COLLEAGUE, launch="launch-9")
HERE = LedgerRules(second_check=Known.NONE)
FROM_VIAL = {"dose.vial.1": "vial-1", "dose.given_mg": "41", "dose.wasted_mg": "0"}
NO_PRODUCT = {"dose.lot": "", "dose.expiry": "", "dose.concentration": "", "dose.volume_ml": ""}


def a_clinic(rules: LedgerRules = HERE) -> Clinic:
    clinic = Clinic()
    clinic.site = replace(clinic.site, ledger=rules)
    clinic.enrolled()
    return clinic


def receive(clinic: Clinic, **changes: Any) -> Vial:
    vial = a_vial(received=MONDAY - timedelta(days=1), **changes)
    at = clinic.now - timedelta(hours=1)
    row = post(
        vial,
        (),
        a_posting(Act.RECEIVED, id=f"received-{vial.id}", vial=vial.id, received=vial.milligrams, at=at, entered=at),
        HERE,
    )
    with clinic.work() as uow:
        uow.ledger.add_vial(vial)
        uow.ledger.add(row)
        uow.audit.add(an_audit_record(clinic.now))
        uow.commit()
    return vial


def a_session(clinic: Clinic, **fields: str) -> StoredSession:
    """Recorded up to the signature, the dose taken from vial 1."""
    session = clinic.recorded(MONDAY)
    return clinic.save(session, NO_PRODUCT | FROM_VIAL | fields)


def rows(clinic: Clinic, vial: str = "vial-1") -> list[Row]:
    return [row for row in clinic.work.kept.ledger if row.vial == vial]


def problems(clinic: Clinic, session: StoredSession) -> dict[str, str]:
    view = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site)
    return {each.field: each.words for each in view.missing if each.blocks}


class TestDoseStep:
    def test_choosing_a_vial_writes_its_lot_expiry_and_strength(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = a_session(clinic)
        assert problems(clinic, session) == {}
        names = ("dose.lot", "dose.expiry", "dose.concentration")
        assert [session.fields[name] for name in names] == ["K4411", "2027-05", "50"]
        view = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site)
        assert view.dose.volume is not None
        assert view.dose.volume.words == "41 mg ÷ 50 mg/mL = 0.82 mL"
        assert view.dose.drawn == "41 mg drawn = 41 mg given + 0 mg discarded"

    def test_a_scanned_lot_chooses_the_only_vial_of_it(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        receive(clinic, id="vial-2", number=2, lot="K9")
        session = clinic.save(clinic.opened(), {"dose.lot": "k4411"})
        assert session.fields["dose.vial.1"] == "vial-1"

    def test_of_two_vials_of_a_lot_a_person_chooses(self) -> None:
        clinic = a_clinic()
        for number in (1, 2):
            receive(clinic, id=f"vial-{number}", number=number)
        session = clinic.save(clinic.opened(), {"dose.lot": "K4411"})
        assert "dose.vial.1" not in session.fields

    def test_the_lot_of_another_vial_is_told(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = a_session(clinic)
        session = clinic.save(session, {"dose.lot": "K4412"})
        assert "K4411" in problems(clinic, session)["dose.lot"]

    @pytest.mark.parametrize(
        ("vial", "fields", "field", "words"),
        [
            pytest.param({}, {"dose.vial.1": ""}, "dose.vial.1", "Choose the vial", id="no vial"),
            pytest.param({}, {"dose.vial.1": "vial-9"}, "dose.vial.1", "Choose the vial", id="unknown vial"),
            pytest.param({"ehr": "other"}, {}, "dose.vial.1", "Receive a vial", id="a vial of another clinic"),
            pytest.param({"volume": Decimal("0.8")}, {}, "dose.vial.1", "holds 40.0 mg", id="more than it holds"),
            pytest.param({"expiry": "2026-10"}, {}, "dose.vial_reason", "expired", id="expired"),
            pytest.param({"drug": Drug.ESKETAMINE}, {}, "dose.vial.1", "does not give esketamine", id="esketamine"),
            pytest.param({}, {"dose.wasted_mg": ""}, "dose.wasted_mg", "0 if nothing", id="waste not said"),
            pytest.param(
                {}, {"dose.drawn_mg.1": "50"}, "dose.drawn_mg.1", "50 mg drawn is not 41 mg", id="not balanced"
            ),
            pytest.param({}, {"dose.vial.2": "vial-1"}, "dose.vial.1", "twice", id="one vial twice"),
            pytest.param({}, {"dose.given_mg": "41 mL"}, "dose.given_mg", "2050 mg", id="mL for mg"),
            pytest.param({}, {"dose.given_mg": "0.041 g"}, "dose.given_mg", "0.041 g = 41 mg", id="g for mg"),
            pytest.param({}, {"dose.wasted_mg": "500 mcg"}, "dose.wasted_mg", "0.5 mg", id="mcg for mg"),
            pytest.param({}, {"dose.given_mg": "0.82"}, "dose.given_mg", "millilitres", id="mL without its unit"),
            pytest.param({}, {"dose.given_mg": "-41"}, "dose.given_mg", "Enter a number", id="negative"),
        ],
    )
    def test_else_asked(self, vial: dict[str, Any], fields: dict[str, str], field: str, words: str) -> None:
        clinic = a_clinic()
        receive(clinic, **vial)
        assert words in problems(clinic, a_session(clinic, **fields)).get(field, "")

    def test_without_any_vial_it_says_what_to_do(self) -> None:
        clinic = a_clinic()
        assert "Receive a vial first" in problems(clinic, a_session(clinic))["dose.vial.1"]

    def test_a_dose_may_come_from_two_vials(self) -> None:
        clinic = a_clinic()
        receive(clinic, volume=Decimal("0.6"))
        receive(clinic, id="vial-2", number=2)
        drawn = {"dose.vial.2": "vial-2", "dose.drawn_mg.1": "30", "dose.drawn_mg.2": "11.00"}
        session = a_session(clinic, **drawn)
        assert problems(clinic, session) == {}
        clinic.sign(session)
        assert [str(row.administered) for row in rows(clinic)[1:]] == ["30"]
        assert [str(row.administered) for row in rows(clinic, "vial-2")[1:]] == ["11.00"]
        assert balance(rows(clinic)) == 0

    def test_where_the_ledger_is_kept_elsewhere_no_vial_is_asked_for(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.signed(MONDAY)
        assert session.signed is not None
        assert session.signed.dose is not None
        assert (session.signed.dose.draws, clinic.work.kept.ledger) == ((), [])


class TestSign:
    def test_the_row_comes_with_the_signature(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = clinic.sign(a_session(clinic, **{"dose.given_mg": "41.00"}))
        _, row = rows(clinic)
        assert (str(row.administered), str(row.drawn), str(row.balance)) == ("41.00", "41.00", "459.00")
        assert (row.session, row.patient, row.dose) == (session.id, session.patient, session.dose)
        assert (row.by, row.entered_by) == (NURSE, DEE.clinician)
        assert f"{row.at:%H:%M}" == "14:10"
        posted = [each for each in clinic.trail if each.action == "clinician:ledger:post"]
        assert [each.entities for each in posted] == [("vial/vial-1", f"ledger/{row.id}")]
        assert session.signed is not None
        assert session.signed.dose is not None
        (draw,) = session.signed.dose.draws
        assert (draw.vial, draw.lot, str(draw.given_mg)) == ("vial-1", "K4411", "41.00")

    def test_signing_twice_posts_once(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = clinic.sign(a_session(clinic))
        clinic.sign(session)
        assert len(rows(clinic)) == 2

    def test_what_another_session_took_meanwhile_stops_the_signature(self) -> None:
        """Both were ready; the ledger is asked again inside the signature's own transaction."""
        clinic = a_clinic()
        receive(clinic, volume=Decimal(1))
        session = a_session(clinic)
        with clinic.work() as uow:
            taken = a_posting(administered=Decimal(20), wasted=Decimal(0), at=clinic.now, entered=clinic.now)
            uow.ledger.add(post(a_vial(volume=Decimal(1), received=MONDAY), rows(clinic), taken, HERE))
            uow.audit.add(an_audit_record(clinic.now))
            uow.commit()
        with pytest.raises(Refused) as refused:
            clinic.sign(session)
        assert "holds 30 mg" in refused.value.problems["dose.vial.1"]
        assert clinic.session(session.id).signed is None
        assert len(rows(clinic)) == 2

    def test_an_expired_vial_leaves_its_reason_in_the_ledger(self) -> None:
        clinic = a_clinic()
        receive(clinic, expiry="2026-10")
        clinic.sign(a_session(clinic, **{"dose.vial_reason": "No other vial in the house"}))
        assert rows(clinic)[-1].reason == "No other vial in the house"


WASTE = {"dose.wasted_mg": "9", "dose.waste_method": "Into a charcoal pouch"}


def confirmed(clinic: Clinic, session: StoredSession, kind: str, caller: Any = COL, **changes: str) -> StoredSession:
    view = session_view(clinic.work, clinic.clock, caller, session.id, clinic.site)
    seen = dict(view.dose.to_confirm.get(kind, {})) | changes
    return confirm(clinic.work, clinic.clock, caller, session.id, kind, clinic.ids(), seen)


class TestWitness:
    def test_waste_waits_for_a_colleague_in_their_own_sign_in(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = a_session(clinic, **WASTE, **{"dose.witness": "Wes Witness"})
        assert "own sign-in" in problems(clinic, session)["dose.witness"]
        session = confirmed(clinic, session, WASTE_WITNESS)
        assert problems(clinic, session) == {}
        clinic.sign(session)
        row = rows(clinic)[-1]
        assert (str(row.drawn), str(row.wasted), row.method) == ("50", "9", "Into a charcoal pouch")
        assert row.witness is not None
        assert (row.witness.name, row.witness.reference) == ("Col League", COLLEAGUE.reference)
        assert row.witness.at == clinic.now
        assert row.witness.known is Known.SIGNED_IN

    def test_nobody_witnesses_their_own_waste(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = a_session(clinic, **WASTE)
        view = session_view(clinic.work, clinic.clock, NAN, session.id, clinic.site)
        assert view.dose.to_confirm == {}
        with pytest.raises(Refused, match="somebody else"):
            confirm(clinic.work, clinic.clock, NAN, session.id, WASTE_WITNESS, "entry-1", WASTE)
        assert clinic.refusals[-1] == "clinician:waste:witness"

    def test_another_amount_is_witnessed_anew(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = confirmed(clinic, a_session(clinic, **WASTE), WASTE_WITNESS)
        session = clinic.save(session, {"dose.wasted_mg": "19"})
        assert "own sign-in" in problems(clinic, session)["dose.witness"]

    def test_what_changed_while_the_colleague_looked_is_not_confirmed(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = a_session(clinic, **WASTE)
        with pytest.raises(Refused, match="changed while you looked"):
            confirmed(clinic, session, WASTE_WITNESS, **{"dose.wasted_mg": "8"})

    def test_an_auditor_confirms_nothing(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = a_session(clinic, **WASTE)
        with pytest.raises(Refused):
            confirmed(clinic, session, WASTE_WITNESS, a_caller(OTHERS[Role.AUDITOR]), **WASTE)

    def test_a_site_may_take_a_typed_name(self) -> None:
        clinic = a_clinic(replace(HERE, witness=Known.NAMED))
        receive(clinic)
        session = a_session(clinic, **WASTE, **{"dose.witness": "nan  NURSE"})
        assert "somebody else" in problems(clinic, session)["dose.witness"]
        clinic.sign(clinic.save(session, {"dose.witness": "Wes Witness"}))
        witness = rows(clinic)[-1].witness
        assert witness is not None
        assert (witness.name, witness.known, witness.reference) == ("Wes Witness", Known.NAMED, None)

    def test_a_site_may_ask_for_none(self) -> None:
        clinic = a_clinic(replace(HERE, witness=Known.NONE))
        receive(clinic)
        clinic.sign(a_session(clinic, **WASTE))
        assert rows(clinic)[-1].witness is None


class TestSecondCheck:
    CHECKED = replace(HERE, second_check=Known.SIGNED_IN)

    def test_a_colleague_checks_before_the_dose(self) -> None:
        clinic = a_clinic(self.CHECKED)
        receive(clinic)
        clinic.at("14:00", MONDAY)
        session = clinic.opened()
        clinic.save(session, {"dose.vial.1": "vial-1"})
        confirmed(clinic, session, DOSE_CHECK)
        session = a_session(clinic)
        assert problems(clinic, session) == {}
        signed = clinic.sign(session).signed
        assert signed is not None
        assert signed.dose is not None
        assert signed.dose.checked_by is not None
        assert signed.dose.checked_by.reference == COLLEAGUE.reference

    def test_afterwards_it_is_too_late_to_check(self) -> None:
        clinic = a_clinic(self.CHECKED)
        receive(clinic)
        session = a_session(clinic)
        assert "why nobody did" in problems(clinic, session)["dose.second_person"]
        names = ("dose.planned_mg", "dose.concentration", "dose.vial.1")
        seen = {name: session.fields[name] for name in names}
        with pytest.raises(Refused, match="started already"):
            confirm(clinic.work, clinic.clock, COL, session.id, DOSE_CHECK, "entry-1", seen)
        session = clinic.save(session, {"dose.unchecked": "Home visit, nobody else was there"})
        assert problems(clinic, session) == {}
        signed = clinic.sign(session).signed
        assert signed is not None
        assert any("Home visit, nobody else" in note.text for note in signed.notes)

    def test_a_typed_name_is_not_the_givers(self) -> None:
        clinic = a_clinic(replace(HERE, second_check=Known.NAMED))
        receive(clinic)
        session = a_session(clinic, **{"dose.second_person": "Nan Nurse"})
        assert "somebody else" in problems(clinic, session)["dose.second_person"]
        assert problems(clinic, clinic.save(session, {"dose.second_person": "Tom Reyes"})) == {}


class TestTakenBack:
    def test_a_session_entered_in_error_gives_its_milligrams_back(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        session = clinic.sign(a_session(clinic))
        args = (clinic.work, clinic.clock, DEE, session.id, "Recorded for the wrong patient", clinic.ids, clinic.site)
        enter_in_error(*args)
        enter_in_error(*args)
        received, dose, back = rows(clinic)
        assert (back.act, back.reverses, back.balance) == (Act.REVERSED, dose.id, received.balance)
        assert (back.by, back.reason) == (DEE.clinician, "Recorded for the wrong patient")
        assert discrepancies(a_vial(received=MONDAY), rows(clinic)) == ()

    def test_an_amended_dose_is_taken_back_and_entered_anew(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        before = clinic.sign(a_session(clinic)).signed
        assert before is not None
        assert before.dose is not None
        draw = replace(before.dose.draws[0], given_mg=Decimal("40.5"))
        after = replace(before, dose=replace(before.dose, given_mg=Decimal("40.5"), draws=(draw,)))
        with clinic.work() as uow:
            repost(uow, before, after, DEE, clinic.now, clinic.ids, clinic.site.ledger, reason="Misread the syringe")
            uow.commit()
        stands = standing(rows(clinic))
        assert [row.administered for row in stands if row.act is Act.DOSE] == [Decimal("40.5")]
        assert balance(rows(clinic)) == Decimal("459.5")

    def test_an_amendment_of_something_else_leaves_the_ledger_alone(self) -> None:
        clinic = a_clinic()
        receive(clinic)
        before = clinic.sign(a_session(clinic)).signed
        assert before is not None
        with clinic.work() as uow:
            repost(
                uow, before, replace(before, escort="Somebody else"), DEE, clinic.now, clinic.ids, HERE, reason="x"
            )
        assert len(rows(clinic)) == 2
        assert before.status is SessionStatus.COMPLETED


def test_of_two_vials_chosen_by_two_people_the_one_kept_tells_strength_and_lot() -> None:
    clinic = a_clinic()
    receive(clinic)
    receive(clinic, id="vial-2", number=2, lot="K9", concentration=Decimal(10))
    session = clinic.opened()
    clinic.save(session, {"dose.vial.1": "vial-1"}, NAN)
    shown = {"dose.vial.1": ""}
    save_fields(clinic.work, clinic.clock, DEE, session.id, {"dose.vial.1": "vial-2"}, shown=shown)
    view = session_view(clinic.work, clinic.clock, DEE, session.id, clinic.site)
    (line,) = view.disputes
    assert [each.value for each in line.written] == ["vial 1", "vial 2"]
    kept = choose(clinic.work, clinic.clock, DEE, session.id, "dose.vial.1", 1, line.seen)
    names = ("dose.vial.1", "dose.lot", "dose.concentration")
    assert [kept.fields[name] for name in names] == ["vial-2", "K9", "10"]


def test_an_amendment_through_its_pages_reposts_with_its_reason_even_from_an_empty_vial() -> None:
    """What the signed version took is there for the next one: the vial held 41 mg and no more."""
    clinic = a_clinic()
    vial = receive(clinic, volume=Decimal("0.82"))
    session = clinic.sign(a_session(clinic))
    assert balance(rows(clinic)) == 0
    begin_amendment(clinic.work, clinic.clock, DEE, session.id, "Misread the syringe")
    amended = clinic.save(session, {"dose.given_mg": "40", "dose.wasted_mg": "0"}, DEE)
    assert problems(clinic, amended) == {}
    clinic.sign(clinic.session(session.id))
    _, first, back, second = rows(clinic)
    assert (back.reverses, back.reason, back.by) == (first.id, "Misread the syringe", DEE.clinician)
    assert (second.administered, second.balance) == (40, 1)
    assert discrepancies(vial, rows(clinic)) == ()
