"""A site that asks whoever signs to sign in at the EHR again: without it no signature, with it one."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.facts.treatment import Clinician, Role, Signature
from fhir_mappings.writing.session_note import signature_words
from launch.key_folder import KeyFolder
from launch.record_seal import RecordSeal
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, StoredSession
from smart_app.use_cases.session.record_session import save_fields
from smart_app.use_cases.signing.amend_session import add_addendum, begin_amendment
from smart_app.use_cases.signing.countersign_session import countersign
from smart_app.use_cases.signing.missed_session import not_done
from smart_app.use_cases.signing.sign_in_again import SignInNeeded
from smart_app.use_cases.signing.sign_session import review, sign
from tests.smart_app.use_cases.a_clinic import BASE, DEE, MONDAY, Clinic, a_caller

FIVE = timedelta(minutes=5)
EVE = a_caller(
    Clinician(reference=f"{BASE}/Practitioner/eve", name="Dr Eve", role=Role.PRESCRIBER), launch="launch-4"
)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = Clinic()
    made.enrolled()
    made.site = replace(made.site, seal=RecordSeal(KeyFolder(tmp_path), made.now))
    return made


def asking(clinic: Clinic) -> None:
    """From now on the site asks for it."""
    clinic.site = replace(clinic.site, sign_in_again=FIVE)


def signed_in(clinic: Clinic, caller: Caller = DEE, *, ago: timedelta = timedelta(minutes=1)) -> datetime:
    at = clinic.now - ago
    clinic.work.kept.signed_in[caller.launch] = at
    return at


def do_sign(clinic: Clinic, session: StoredSession) -> Signature:
    made = sign(clinic.work, clinic.clock, DEE, session.id, {"attest": "yes"}, clinic.ids, clinic.site).signed
    assert made is not None
    return made.signature


def do_amend(clinic: Clinic, session: StoredSession) -> Signature:
    begin_amendment(clinic.work, clinic.clock, DEE, session.id, "The lot was mistyped.")
    save_fields(clinic.work, clinic.clock, DEE, session.id, {"dose.lot": "K4412"})
    return do_sign(clinic, session)


def do_add(clinic: Clinic, session: StoredSession) -> Signature:
    fields = {"text": "The escort called.", "reason": "She forgot.", "attest": "yes"}
    made = add_addendum(clinic.work, clinic.clock, DEE, session.id, fields, clinic.ids, clinic.site).signed
    assert made is not None
    return made.signature


def do_countersign(clinic: Clinic, session: StoredSession) -> Signature:
    fields = {"attest": "yes", "number": "1"}
    return countersign(clinic.work, clinic.clock, EVE, session.id, fields, clinic.ids, clinic.site).signature


def do_miss(clinic: Clinic, _session: StoredSession) -> Signature:
    made = not_done(clinic.work, clinic.clock, DEE, {"reason": "Snow."}, clinic.ids, clinic.site).signed
    assert made is not None
    return made.signature


Do = Callable[[Clinic, StoredSession], Signature]
every_signature = pytest.mark.parametrize(
    ("do", "who"),
    [
        pytest.param(do_sign, DEE, id="signing"),
        pytest.param(do_amend, DEE, id="signing an amendment"),
        pytest.param(do_add, DEE, id="an addendum"),
        pytest.param(do_countersign, EVE, id="countersigning"),
        pytest.param(do_miss, DEE, id="a missed session"),
    ],
)


def session_for(clinic: Clinic, do: Do) -> StoredSession:
    return clinic.recorded(MONDAY) if do is do_sign else clinic.signed(MONDAY)


def kept(clinic: Clinic) -> list[object]:
    """All that a signature adds."""
    now = clinic.work.kept
    signed = {name: one.signed for name, one in now.sessions.items()}
    return [dict(now.versions), dict(now.countersignatures), dict(now.queue), signed]


def last(clinic: Clinic, *, outcome: AuditOutcome = AuditOutcome.SUCCESS) -> AuditRecord:
    return [each for each in clinic.trail if each.outcome is outcome][-1]


@every_signature
def test_without_it_nothing_is_signed_and_the_refusal_is_kept(clinic: Clinic, do: Do, who: Caller) -> None:
    session = session_for(clinic, do)
    asking(clinic)
    signed_in(clinic, a_caller(launch="of somebody else"))
    before = kept(clinic)
    with pytest.raises(SignInNeeded, match="sign in at the EHR again, not more than 5 minutes before"):
        do(clinic, session)
    assert kept(clinic) == before
    refusal = last(clinic, outcome=AuditOutcome.REFUSED)
    assert (refusal.actor, refusal.launch) == (who.clinician.reference, who.launch)


@every_signature
def test_with_it_the_signature_says_so_and_it_is_used_up(clinic: Clinic, do: Do, who: Caller) -> None:
    session = session_for(clinic, do)
    asking(clinic)
    at = signed_in(clinic, who)
    signature = do(clinic, session)
    assert signature.signed_in == at
    assert signature_words(signature).endswith("(UTC-06:00)")
    assert ", signed in again " in signature_words(signature)
    assert clinic.trail[-1].detail.endswith(f", signed in again {at:%H:%M:%S}")
    assert who.launch not in clinic.work.kept.signed_in


@every_signature
def test_where_the_site_does_not_ask_nothing_is_said_of_it(clinic: Clinic, do: Do, who: Caller) -> None:
    session = session_for(clinic, do)
    signed_in(clinic, who)
    signature = do(clinic, session)
    assert signature.signed_in is None
    assert "signed in" not in signature_words(signature)
    assert "signed in" not in clinic.trail[-1].detail


@pytest.mark.parametrize(
    ("ago", "good"),
    [
        pytest.param(timedelta(0), True, id="just now"),
        pytest.param(FIVE - timedelta(seconds=1), True, id="a second left"),
        pytest.param(FIVE, False, id="over"),
        pytest.param(timedelta(seconds=-1), False, id="a clock that was set back"),
    ],
)
def test_it_holds_for_as_long_as_the_site_says(clinic: Clinic, ago: timedelta, *, good: bool) -> None:
    session = clinic.recorded(MONDAY)
    asking(clinic)
    at = signed_in(clinic, ago=ago)
    found = review(clinic.work, clinic.clock, DEE, session.id, clinic.site)
    assert found.sign_in_first is not good
    assert found.sign_by == (at + FIVE if good else None)
    if good:
        assert do_sign(clinic, session).signed_in == at
    else:
        with pytest.raises(SignInNeeded):
            do_sign(clinic, session)


def test_a_form_that_is_refused_for_another_reason_does_not_use_it_up(clinic: Clinic) -> None:
    session = clinic.recorded(MONDAY)
    asking(clinic)
    signed_in(clinic)
    for fields in ({}, {"attest": "yes", "version": "99"}):
        with pytest.raises(Refused) as refused:
            sign(clinic.work, clinic.clock, DEE, session.id, fields, clinic.ids, clinic.site)
        assert not isinstance(refused.value, SignInNeeded)
    do_sign(clinic, session)
    assert do_sign(clinic, session), "sent twice: what was signed comes back"


def test_it_is_sealed_with_the_signature(clinic: Clinic) -> None:
    session = clinic.recorded(MONDAY)
    asking(clinic)
    at = signed_in(clinic)
    do_sign(clinic, session)
    (version,) = clinic.work.kept.versions.values()
    record = json.loads(next(one.body for one in version.resources if one.resource_type == "Provenance"))
    protected = b64decode(record["signature"][0]["data"]).decode().partition(".")[0]
    header = json.loads(urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))
    assert header["auth_time"] == int(at.timestamp())
    procedure = next(one.body for one in version.resources if one.resource_type == "Procedure")
    assert "signed in again" in procedure
