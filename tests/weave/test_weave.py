"""Two launches in one browser never touch: nothing that a page sends reaches another patient (B-1, C65, C66)."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from smart_app.pages.guard import Marks, Verdict
from smart_app.sandbox.clinician import Clinician
from smart_app.store.launches import SqlCallers
from smart_app.use_cases.records import Caller
from tests.in_process import APP, EHR, Browser, Clinic, running_clinic
from tests.weave.weaver import FIRST_DAY, Tab, Weaver

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]

ENROLLED = {
    "LARSEN, Ada": "two-failed-trials",
    "WHITFIELD, Ben": "five-sessions",
    "OSEI, Daniel": "schizophrenia-entered-in-error",
    "KRAMER, Edith": "bp-just-below",
}
SCREENED = {"BRANDT, Hugo": "bp-old-high-then-normal"}
STEPS = 3  # of each interleaving; what the tabs showed before is still there


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def enrol(clinic: Clinic, slug: str) -> None:
    """In the sublingual programme, begun some weeks ago: its sessions are short to enter."""
    first = (date.today() - timedelta(days=FIRST_DAY)).isoformat()  # noqa: DTZ011  # the clinic's own day
    before = (date.today() - timedelta(days=FIRST_DAY + 1)).isoformat()  # noqa: DTZ011
    sides = {"all://127.0.0.1": httpx.ASGITransport(clinic.ehr), "all://localhost": httpx.ASGITransport(clinic.app)}
    async with (
        httpx.AsyncClient(mounts=sides, trust_env=False) as client,
        Clinician(EHR, client=client) as doctor,
    ):
        screening = await doctor.launch(clinic.patient(slug))
        action = screening.url.replace("/screening", "/enrolment")
        page, form = await doctor.open(action), action.removeprefix(APP)
        page = await doctor.submit(page, form, {"route": "SL", "start": first}, button="do=plan")
        filled = {
            "weight_kg": "74.5",
            "weight_date": before,
            "dose_mg": "100",
            "address_confirmed": "yes",
            "consent_signed_on": before,
            "consent": "paper",
            "escort": "June Whitfield, 555 0102",
            "emergency_name": "June Whitfield",
            "emergency_phone": "555 0102",
            "emergency_relation": "Brother",
            "off_label": "yes",
        }
        page = await doctor.submit(page, form, filled, button="do=check")
        page = await doctor.submit(page, form, button="do=enrol")
        assert "Enrolled" in page.title


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a folder: thousands of transactions need no disk here."""
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as made:
        yield Path(made)


async def a_weaver(clinic: Clinic, jars: int) -> Weaver:
    """Six tabs in one browser, or in two of two prescribers; four patients in treatment, one on the way there."""
    for slug in ENROLLED.values():
        await enrol(clinic, slug)
    browsers = [Browser(clinic) for _ in range(jars)]
    for browser, user in zip(browsers, ("psychiatrist", "anaesthetist"), strict=False):
        await browser.post(f"{EHR}/sign-in", {"user": user}, came_from=f"{EHR}/sign-in")
    return Weaver(
        clinic=clinic,
        tabs=[Tab(browsers[number % jars]) for number in range(6)],
        patients={name: clinic.patient(slug) for name, slug in (ENROLLED | SCREENED).items()},
        chance=random.Random(jars),  # noqa: S311  # to be the same every time
    )


async def weave(weaver: Weaver, interleavings: int) -> None:
    for _ in range(interleavings):
        for _ in range(STEPS):
            await weaver.step()


# Fewer than these, and the interleavings would prove less than they say.
LEAST = {
    "launch": 60,
    "reload": 100,
    "back": 150,
    "edit": 150,
    "sign": 15,
    "signed": 6,
    "write: sessions": 60,
    "write: scores": 25,
    "write: drafts": 3,
    "write: screenings": 1,
    "write: messages": 15,
    "refused: other launch, 409": 10,
    "refused: other launch's name, 409": 3,
    "refused: other patient's mark, 409": 3,
}


@pytest.mark.parametrize(
    ("jars", "interleavings", "more"),
    [
        pytest.param(1, 600, {"refused: other session, 409": 3}, id="one browser"),
        pytest.param(2, 400, {"refused: other browser, 401": 20, "choose": 5}, id="two browsers"),
    ],
)
async def test_no_interleaving_writes_to_another_patient(
    folder: Path, jars: int, interleavings: int, more: dict[str, int]
) -> None:
    async with running_clinic(folder) as clinic:
        weaver = await a_weaver(clinic, jars)
        await weave(weaver, interleavings)
        await delivered(clinic)
        done = weaver.counted
        assert {what: done[what] for what, least in (LEAST | more).items() if done[what] < least} == {}, done
        assert weaver.misplaced() == []
        assert_signed_sessions_are_in_their_charts(weaver)


def compare_no_marks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Marks, "judge", lambda _self, _form: Verdict.OURS)


def take_the_newest_launch(patch: pytest.MonkeyPatch) -> None:
    asked = SqlCallers.caller
    newest = "select id from launches order by started desc limit 1"

    def caller(self: SqlCallers, launch: str) -> Caller | None:
        last = self._connection.exec_driver_sql(newest).scalar_one()
        found = asked(self, last)
        return found and replace(found, launch=launch)

    patch.setattr(SqlCallers, "caller", caller)


@pytest.mark.parametrize(
    ("broken", "noticed"), [(compare_no_marks, "was answered 303"), (take_the_newest_launch, "changed to one of")]
)
async def test_the_interleavings_notice_an_app_that_mixes_launches(
    folder: Path, broken: Callable[[pytest.MonkeyPatch], None], noticed: str
) -> None:
    async with running_clinic(folder) as clinic:
        weaver = await a_weaver(clinic, 1)
        with pytest.MonkeyPatch.context() as patch:
            broken(patch)
            with pytest.raises(AssertionError, match=noticed):
                await weave(weaver, 100)


async def delivered(clinic: Clinic) -> None:
    """Wait until nothing is left to send."""
    states: set[str] = set()
    for _ in range(600):
        states = {state for (state,) in clinic.rows("select distinct state from messages")}
        if states <= {"delivered"}:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not everything was delivered: {states}")


def assert_signed_sessions_are_in_their_charts(weaver: Weaver) -> None:
    for session, patient in weaver.signed.items():
        ((row,),) = weaver.clinic.rows("select body from sessions where id = ?", session)
        kept = json.loads(row)
        assert {kept["patient"], kept["signed"]["patient"]} == {f"{EHR}/fhir/Patient/{patient}"}
    charts = weaver.clinic.ehr.charts.store
    given = {one: len(charts.of_patient("MedicationAdministration", one)) for one in weaver.patients.values()}
    assert {one: count for one, count in given.items() if count} == Counter(weaver.signed.values())
