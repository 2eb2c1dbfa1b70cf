"""Who the clinician is, by the EHR's own word, and what that lets them do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.errors import Forbidden
from smart_app.use_cases.open_launch import Granted, open_launch, strongest
from smart_app.use_cases.records import Received
from tests.fakes import FakeMessages, FakeWork

BASE = "https://ehr.example/fhir"
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
ROLES = {"s|psychiatrist": "prescriber", "s|nurse": "nurse", "s|auditor": "auditor"}
GRANTED = Granted(
    launch="l1",
    ehr="riverside",
    fhir_base=BASE,
    patient_id="ada",
    encounter=None,
    fhir_user=f"{BASE}/Practitioner/holm",
    user_name="Dr Holm",
    account="https://ehr.example/oauth|holm-7",
    show_banner=True,
    tenant=None,
    write_granted=True,
    organization=f"{BASE}/Organization/riverside",
    roles=ROLES,
)


def role(code: str, **changes: Any) -> dict[str, Any]:
    return {"resourceType": "PractitionerRole", "code": [{"coding": [{"system": "s", "code": code}]}]} | changes


class Staff:
    """An EHR that knows the roles of one person."""

    fhir_base = BASE

    def __init__(self, *roles: Any, error: Exception | None = None) -> None:
        self.roles, self.error = roles, error
        self.asked: list[tuple[str, Any]] = []

    async def search(self, resource_type: str, parameters: Any) -> Any:
        self.asked.append((resource_type, dict(parameters)))
        if self.error:
            raise self.error
        return self.roles

    async def read(self, reference: str) -> Received:
        self.asked.append((reference, None))
        return Received(resource=self.roles[0])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def opened(staff: Staff, granted: Granted = GRANTED, work: FakeWork | None = None) -> Any:
    return await open_launch(work or FakeWork(), lambda: NOW, granted, staff)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_the_caller_is_kept_with_the_role_the_ehr_gives() -> None:
    work, staff = FakeWork(), Staff(role("psychiatrist"))
    caller = await opened(staff, work=work)
    assert staff.asked == [("PractitionerRole", {"practitioner": "Practitioner/holm"})]
    assert (caller.role, caller.may_write, caller.patient) == (Role.PRESCRIBER, True, f"{BASE}/Patient/ada")
    assert caller.clinician.organization == f"{BASE}/Organization/riverside"
    with work() as uow:
        assert uow.launches.caller("l1") == caller
        assert [r.action for r in uow.audit.of_patient(caller.patient)] == ["clinician:launch:open"]


@pytest.mark.anyio
async def test_c53_the_opening_is_recorded_with_the_account_the_ehr_vouched_for() -> None:
    work = FakeWork()
    caller = await opened(Staff(role("psychiatrist")), work=work)
    with work() as uow:
        (record,) = uow.audit.of_patient(caller.patient)
    assert (record.launch, record.actor) == ("l1", f"{BASE}/Practitioner/holm")
    assert record.account == "https://ehr.example/oauth|holm-7"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        pytest.param((role("nurse"), role("psychiatrist")), Role.PRESCRIBER, id="the strongest counts"),
        pytest.param((role("psychiatrist", active=False),), Role.NONE, id="an inactive one does not count"),
        pytest.param((role("janitor"),), Role.NONE, id="a code that is not mapped"),
        pytest.param((), Role.NONE, id="none recorded"),
        pytest.param(({"code": "odd"}, {"code": [1, {"coding": [None]}]}), Role.NONE, id="odd data"),
    ],
)
async def test_roles_come_from_the_registration(roles: Any, expected: Role) -> None:
    assert (await opened(Staff(*roles))).role is expected


@pytest.mark.anyio
async def test_a_user_who_is_a_role_is_read_directly() -> None:
    staff = Staff(role("nurse"))
    caller = await opened(staff, replace(GRANTED, fhir_user=f"{BASE}/PractitionerRole/r1"))
    assert staff.asked == [("PractitionerRole/r1", None)]
    assert caller.role is Role.NURSE


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("user", "expected"), [("Practitioner/holm", Role.NURSE), ("PractitionerRole/r1", Role.AUDITOR)]
)
async def test_who_is_named_in_the_registration_needs_no_role_in_the_ehr(user: str, expected: Role) -> None:
    staff, users = Staff(role("psychiatrist")), {"Practitioner/holm": "nurse", "PractitionerRole/r1": "auditor"}
    caller = await opened(staff, replace(GRANTED, fhir_user=f"{BASE}/{user}", users=users))
    assert caller.role is expected  # not the stronger one of the EHR
    assert staff.asked == []


@pytest.mark.anyio
async def test_whoever_is_not_named_is_looked_up_as_before() -> None:
    staff = Staff(role("psychiatrist"))
    caller = await opened(staff, replace(GRANTED, users={"Practitioner/other": "nurse"}))
    assert (caller.role, len(staff.asked)) == (Role.PRESCRIBER, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("user", ["https://other.example/fhir/Practitioner/holm", f"{BASE}/deep/Practitioner/holm"])
async def test_the_same_id_elsewhere_is_somebody_else(user: str) -> None:
    caller = await opened(Staff(), replace(GRANTED, fhir_user=user, users={"Practitioner/holm": "prescriber"}))
    assert caller.role is Role.NONE


@pytest.mark.anyio
async def test_a_refused_look_up_gives_no_role() -> None:
    assert (await opened(Staff(error=Forbidden("refused")))).role is Role.NONE


@pytest.mark.anyio
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"fhir_user": None}, id="nobody named"),
        pytest.param({"fhir_user": f"{BASE}/Patient/ada"}, id="a patient"),
        pytest.param({"write_granted": False}, id="no write scope"),
    ],
)
async def test_c38_c52_who_may_not_write(changes: dict[str, Any]) -> None:
    assert not (await opened(Staff(role("psychiatrist")), replace(GRANTED, **changes))).may_write


def test_an_unknown_word_for_a_role_gives_none() -> None:
    assert strongest(frozenset({"s|x"}), {"s|x": "emperor"}) is Role.NONE


@pytest.mark.anyio
@pytest.mark.parametrize(("waiting", "times"), [(0, 0), (3, 1)])
async def test_the_worker_is_woken_where_something_can_be_sent_and_only_there(
    monkeypatch: pytest.MonkeyPatch, waiting: int, times: int
) -> None:
    monkeypatch.setattr(FakeMessages, "release", lambda *_given, **_named: waiting)
    woken: list[bool] = []
    staff: Any = Staff(role("psychiatrist"))
    await open_launch(FakeWork(), lambda: NOW, GRANTED, staff, wake=lambda: woken.append(True))
    assert len(woken) == times
