"""A second signature: whose, on which version, what it means, and what waits for it."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from fhir_mappings.facts.treatment import Clinician, Role
from launch.key_folder import KeyFolder
from launch.record_seal import RecordSeal
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.follow_course import SessionRow, course_view
from smart_app.use_cases.records import Caller, Countersignature, MessageKind, StoredSession
from smart_app.use_cases.signing.amend_session import begin_amendment
from smart_app.use_cases.signing.countersign_session import countersign
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import BASE, BENS_DOCTOR, DEE, MONDAY, NAN, OTHERS, Clinic, a_caller

EVE = a_caller(
    Clinician(reference=f"{BASE}/Practitioner/eve", name="Dr Eve", role=Role.PRESCRIBER), launch="launch-4"
)
OTHER_NURSE = a_caller(Clinician(reference=f"{BASE}/Practitioner/ned", name="Ned Nurse", role=Role.NURSE))


@pytest.fixture
def clinic() -> Clinic:
    made = Clinic()
    made.enrolled()
    return made


def given(clinic: Clinic, session: StoredSession, caller: Caller = EVE, **fields: str) -> Countersignature:
    typed = {"attest": "yes", "number": "1"} | fields
    return countersign(clinic.work, clinic.clock, caller, session.id, typed, clinic.ids, clinic.site)


def row(clinic: Clinic, *, asked: bool = True) -> SessionRow:
    (found,) = course_view(clinic.work, clinic.clock, DEE, countersign=asked).sessions
    return found


@pytest.mark.parametrize(("caller", "meaning"), [(EVE, "review and approval"), (NAN, "authorship of my entries")])
def test_the_meaning_follows_from_who_signs(clinic: Clinic, caller: Caller, meaning: str) -> None:
    session = clinic.signed(MONDAY)
    made = given(clinic, session, caller)
    assert (made.signature.meaning, made.signature.by, made.number) == (meaning, caller.clinician, 1)
    assert clinic.kinds[-1] is MessageKind.COUNTERSIGN_SESSION
    assert clinic.trail[-1].detail == f"version 1, signature meaning: {meaning}"


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        pytest.param(DEE, "Whoever signed a record cannot countersign it", id="the signer"),
        pytest.param(OTHER_NURSE, "who recorded a part", id="a nurse who recorded nothing"),
        pytest.param(a_caller(OTHERS[Role.AUDITOR]), "Only prescribers and nurses", id="an auditor"),
        pytest.param(BENS_DOCTOR, "another patient", id="somebody with another chart open"),
        pytest.param(replace(EVE, may_write=False), "did not allow", id="a launch that may not write"),
    ],
)
def test_who_cannot_is_told_why_and_it_leaves_a_trace(clinic: Clinic, caller: Caller, words: str) -> None:
    session = clinic.signed(MONDAY)
    with pytest.raises(Refused, match=words):
        given(clinic, session, caller)
    assert not clinic.work.kept.countersignatures
    assert clinic.refusals[-1] == "clinician:session:countersign"


def test_what_is_not_signed_or_was_taken_back_takes_no_second_signature(clinic: Clinic) -> None:
    session = clinic.recorded(MONDAY)
    with pytest.raises(Refused, match="not signed yet"):
        given(clinic, session)
    clinic.sign(session)
    enter_in_error(clinic.work, clinic.clock, DEE, session.id, "The wrong patient.", clinic.ids, clinic.site)
    with pytest.raises(Refused, match="entered in error"):
        given(clinic, session)


def test_a_second_click_adds_nothing(clinic: Clinic) -> None:
    session = clinic.signed(MONDAY)
    assert given(clinic, session) == given(clinic, session)
    assert clinic.kinds.count(MessageKind.COUNTERSIGN_SESSION) == 1


def test_the_version_that_was_read_is_the_one_that_is_signed(clinic: Clinic) -> None:
    session = clinic.signed(MONDAY)
    clinic.at("09:00", MONDAY + timedelta(days=1))
    begin_amendment(clinic.work, clinic.clock, DEE, session.id, "The lot was mistyped.")
    clinic.save(session, {"dose.lot": "L-78"})
    clinic.sign(clinic.session(session.id))
    with pytest.raises(Refused, match="amended after you read it"):
        given(clinic, session, number="1")
    assert given(clinic, session, number="2").number == 2


def test_a_site_that_asks_for_it_sees_what_waits(clinic: Clinic) -> None:
    session = clinic.signed(MONDAY)
    assert row(clinic, asked=False).waits == ()
    assert row(clinic).waits == ("Waits for a countersignature",)
    given(clinic, session)
    assert row(clinic).waits == ()
    begin_amendment(clinic.work, clinic.clock, DEE, session.id, "The lot was mistyped.")
    clinic.save(session, {"dose.given_mg": "40"})
    assert row(clinic).waits == ("Being amended",)
    assert row(clinic).dose == "41 mg", "the signed version stands"
    clinic.sign(clinic.session(session.id))
    assert row(clinic).waits == ("Waits for a countersignature",)
    assert row(clinic).dose == "40 mg"


def test_it_seals_the_same_bytes_with_the_second_name(clinic: Clinic, tmp_path: Path) -> None:
    seal = RecordSeal(KeyFolder(tmp_path / "keys"), datetime(2026, 11, 2, tzinfo=UTC))
    clinic.site = replace(clinic.site, seal=seal)
    session = clinic.signed(MONDAY)
    made = given(clinic, session)
    (version,) = clinic.work.kept.versions.values()
    payload = b"\n".join(item.body.encode() for item in version.resources if item.resource_type != "Provenance")
    (signature,) = json.loads(made.resource.body)["signature"]
    registry = jws.JWSRegistry(algorithms=["ES384"], strict_check_header=False)
    keys = KeySet.import_key_set(seal.jwks())  # type: ignore[arg-type]  # as it is served
    told = jws.deserialize_compact(b64decode(signature["data"]), keys, registry=registry, payload=payload).headers()
    assert (told["name"], told["meaning"]) == ("Dr Eve", "review and approval")
    assert made.sha256 == version.sha256


def test_where_the_ehr_takes_no_provenance_it_stays_here(clinic: Clinic) -> None:
    session = clinic.signed(MONDAY)
    given(clinic, session, replace(EVE, not_granted=frozenset({"Provenance"})))
    assert MessageKind.COUNTERSIGN_SESSION not in clinic.kinds
    assert len(clinic.work.kept.countersignatures) == 1
