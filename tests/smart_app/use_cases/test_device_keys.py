"""The key of a device: of one user and one patient, for a time, and closed when a session is signed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.device_keys import Grant, give_key
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller
from tests.smart_app.pages.desk import Desk, a_caller, a_clinician
from tests.smart_app.pages.treatment import nurse, signed


@pytest.fixture
def desk() -> Desk:
    return Desk()


def give(desk: Desk, caller: Caller | None = None, held: Collection[str] = ()) -> Grant:
    secret = f"secret-{len(desk.work.kept.audit)}"
    deps = desk.deps
    return give_key(deps.work, deps.clock, caller or a_caller(), held, ids=deps.ids, secret=lambda: secret)


def test_the_same_user_and_patient_get_the_same_key_whatever_the_launch(desk: Desk) -> None:
    first = give(desk)
    desk.now += timedelta(hours=23)
    assert give(desk, a_caller(launch="launch-2")) == first


@pytest.mark.parametrize(
    "other",
    [a_caller(patient_id="ben"), nurse(), a_caller(fhir_base="https://other.example/fhir")],
    ids=["another patient", "another user", "another EHR"],
)
def test_nobody_else_gets_it_even_by_its_name(desk: Desk, other: Caller) -> None:
    first = give(desk)
    theirs = give(desk, other, held=[first.id])
    assert theirs.id != first.id
    assert first.secret not in {theirs.secret, *theirs.older.values()}


def test_after_a_day_a_new_key_seals_and_the_old_one_opens_what_the_device_holds(desk: Desk) -> None:
    first = give(desk)
    desk.now += timedelta(hours=25)
    second = give(desk, held=[first.id, "unknown"])
    assert second.id != first.id
    assert dict(second.older) == {first.id: first.secret}
    assert give(desk).older == {}, "what a device does not name it is not given"


def test_after_three_days_it_is_destroyed(desk: Desk) -> None:
    first = give(desk)
    desk.now += timedelta(hours=72)
    assert give(desk, held=[first.id]).older == {}
    assert first.secret not in repr([key.secret for key in desk.work.kept.device_keys.values()])


def test_signing_closes_the_keys_of_everybody_and_they_are_destroyed_a_day_later(desk: Desk) -> None:
    desk.now -= timedelta(hours=2)
    keys = {caller.clinician.reference: give(desk, caller) for caller in (a_caller(), nurse())}
    desk.now += timedelta(hours=2)
    signed(desk)
    for caller in (a_caller(), nurse()):
        before = keys[caller.clinician.reference]
        after = give(desk, caller, held=[before.id])
        assert after.id != before.id, "nothing new is sealed with it"
        assert dict(after.older) == {before.id: before.secret}, "what another device holds can still be told"
    desk.now += timedelta(hours=24)
    assert give(desk, held=[keys[a_caller().clinician.reference].id]).older == {}


def test_every_page_asks_for_it_and_the_trail_stays_readable(desk: Desk) -> None:
    for _ in range(5):
        give(desk)
    assert len(desk.work.kept.audit) == 1
    desk.now += timedelta(minutes=6)
    give(desk)
    give(desk, a_caller(launch="launch-2"))
    assert len(desk.work.kept.audit) == 3, "a later look, and another launch, are told"


def test_giving_it_leaves_an_audit_record_without_the_key(desk: Desk) -> None:
    grant = give(desk)
    record = desk.work.kept.audit[-1]
    assert (record.action, record.entities) == ("clinician:device-key:give", (f"device-key/{grant.id}",))
    assert grant.secret not in repr(desk.work.kept.audit)
    assert grant.secret not in repr(list(desk.work.kept.device_keys.values()))


@pytest.mark.parametrize(
    "caller",
    [a_caller(clinician=a_clinician(Role.AUDITOR)), replace(a_caller(), may_write=False)],
    ids=["auditor", "reading only"],
)
def test_who_cannot_write_gets_none(desk: Desk, caller: Caller) -> None:
    with pytest.raises(Refused):
        give(desk, caller)
    assert desk.work.kept.device_keys == {}
