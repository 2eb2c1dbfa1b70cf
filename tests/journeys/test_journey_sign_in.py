"""A site that asks whoever signs to sign in at the EHR again: there and back, as somebody else, and not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from smart_app.sandbox.clinician import Clinician, LostError, Page
from smart_app.sandbox.recording import PlannedSession, enrol, record_session
from tests.in_process import EHR, Clinic, running_clinic

pytestmark = pytest.mark.anyio
SITE = "[signing]\nsign_in_again = true\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def signed_in(clinic: Clinic) -> AsyncIterator[Clinician]:
    async def answered(request: httpx.Request) -> httpx.Response:
        side = clinic.ehr if str(request.url).startswith(EHR) else clinic.app
        return await httpx.ASGITransport(side).handle_async_request(request)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answered), trust_env=False) as client,
        Clinician(EHR, client=client) as doctor,
    ):
        yield doctor


async def recorded(clinic: Clinic, doctor: Clinician) -> str:
    """The address of the page on which a recorded session waits to be signed."""
    yesterday = datetime.now(UTC).astimezone().date() - timedelta(days=1)
    session = PlannedSession(day=yesterday, milligrams=Decimal("41.50"), minutes=40, phq9=None)
    root = (await doctor.launch(clinic.patient("five-sessions"))).url.rpartition("/")[0]
    await enrol(doctor, root, [session])
    with pytest.raises(LostError, match="no form for /sign"):
        await record_session(doctor, root, session)
    ((found,),) = clinic.rows("select id from sessions")
    return f"{root}/session/{found}/sign"


async def signed_in_as(doctor: Clinician, note: str, user: str) -> Page:
    """Where signing in again at the EHR as this user leads to."""
    page = await doctor.open(note)
    asked = await doctor.open(page.link("Sign in again to sign"), on=page)
    assert asked.url.startswith(f"{EHR}/sign-in"), asked.text[:300]
    return await doctor.submit(asked, "sign-in", {}, button=f"user={user}")


async def test_whoever_signs_signs_in_again_first(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    async with running_clinic(tmp_path) as clinic, signed_in(clinic) as doctor:
        note = await recorded(clinic, doctor)
        tokens = clinic.rows("select * from tokens")

        page = await signed_in_as(doctor, note, "nurse")
        assert "Somebody else signed in" in page.text
        (refusal,) = clinic.audited("app:sign-in-again:refuse")
        assert refusal["detail"].startswith("sign-in-other-user. Reference ")
        assert "actor" not in refusal or refusal["actor"] is None
        assert refusal["patient"].endswith(f"/Patient/{clinic.patient('five-sessions')}")
        back = await doctor.open(page.link("Go back"), on=page)
        assert back.link("Sign in again to sign")

        page = await signed_in_as(doctor, note, "psychiatrist")
        assert page.url == note
        assert clinic.rows("select * from tokens") == tokens, "nothing of the new tokens is kept"
        ticks = dict.fromkeys(page.form(note.removeprefix("http://localhost:8500")).choices, "yes")
        done = await doctor.submit(page, note.removeprefix("http://localhost:8500"), ticks)
        assert "Signed in again" in done.text
        assert ", signed in again " in clinic.audited("clinician:session:sign")[-1]["detail"]
        (again,) = clinic.audited("clinician:launch:sign-in-again")
        assert again["detail"].startswith("The EHR says: signed in at ")
        assert clinic.rows("select signed_in from launches where signed_in is not null") == [], "good for one"
