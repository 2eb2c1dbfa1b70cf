"""An EHR that allows so many requests a minute: everything of a launch counts, and too many are told, not refused."""

from __future__ import annotations

import httpx
import pytest

from launch.desk import LaunchDesk
from launch.errors import EhrBusy
from launch.exchange import EhrClients, exchange
from launch.pacing import Share
from launch.transport import Transports
from tests.fakes_launch import MemoryLaunchStore
from tests.launch.a_minute import Minute
from tests.launch.an_ehr import ISSUER, PUBLIC_BASE, WELL_KNOWN, Clock, Ehr, a_key_ring, a_registration, a_registry
from tests.launch.test_launch_pacing import free_now

pytestmark = pytest.mark.anyio


async def test_discovery_and_the_browser_s_visit_count(ehr: Ehr, clock: Clock) -> None:
    minute = Minute()
    pacer = minute.pacer(per_minute=10)
    transports = Transports(pacer=lambda **_: pacer)
    clients = EhrClients(transports)
    desk = LaunchDesk(
        registry=a_registry(requests_per_minute=10),
        keys=a_key_ring(),
        store=MemoryLaunchStore(),
        http=clients,
        clock=clock,
        public_base=PUBLIC_BASE,
    )
    for _ in range(4):
        await desk.begin(ISSUER, "LAUNCH")
    assert len(ehr.requests) == 1
    assert await free_now(pacer, Share.SIGN_IN) == 10 - 1 - 4
    with pytest.raises(EhrBusy, match="allows the app 10 requests a minute"):
        await desk.begin(ISSUER, "LAUNCH")
    await clients.aclose()


async def test_all_transports_to_an_ehr_share_its_pace_and_other_ehrs_do_not(ehr: Ehr) -> None:
    minute = Minute()
    transports = Transports(pacer=lambda ehr, per_minute: minute.pacer(ehr=ehr, per_minute=per_minute))
    one, other = (a_registration(requests_per_minute=10) for _ in range(2))
    free = a_registration()
    answered = httpx.Response(200, json={})
    ehr.router.get(f"{ISSUER}/x").mock(return_value=answered)
    async with (
        httpx.AsyncClient(transport=transports.to(one, Share.SIGN_IN), timeout=1) as signing_in,
        httpx.AsyncClient(transport=transports.to(other, Share.READING), timeout=1) as reading,
        httpx.AsyncClient(transport=transports.to(free, Share.READING), timeout=1) as unlimited,
    ):
        for _ in range(8):
            await reading.get(f"{ISSUER}/x")
        with pytest.raises(EhrBusy):
            await reading.get(f"{ISSUER}/x")
        for _ in range(2):
            await signing_in.get(f"{ISSUER}/x")
        with pytest.raises(EhrBusy):
            await signing_in.get(f"{ISSUER}/x")
        for _ in range(50):
            await unlimited.get(f"{ISSUER}/x")


@pytest.mark.parametrize(
    ("status", "headers", "seconds", "advice"),
    [
        (429, {}, None, "Wait a minute, "),
        (429, {"retry-after": "20"}, 20, "Wait a minute, "),
        (429, {"retry-after": "61"}, 61, "Wait 2 minutes, "),
        (429, {"retry-after": "soon"}, None, "Wait a minute, "),
        (429, {"retry-after": "99999999"}, 6 * 3600, "Wait 360 minutes, "),
        (
            503,
            {"retry-after": "Mon, 23 Nov 2026 09:10:00 GMT", "date": "Mon, 23 Nov 2026 09:00:00 GMT"},
            600,
            "Wait 10 minutes, ",
        ),
    ],
)
async def test_an_ehr_that_asks_to_wait_is_passed_on(
    ehr: Ehr, clients: EhrClients, status: int, headers: dict[str, str], seconds: float | None, advice: str
) -> None:
    ehr.well_known.mock(return_value=httpx.Response(status, headers=headers), side_effect=None)
    with pytest.raises(EhrBusy) as caught:
        await exchange(clients.of(a_registration()), "GET", WELL_KNOWN, ehr="demo")
    assert caught.value.retry_after == seconds
    assert caught.value.what_to_do.startswith(advice)
    assert ehr.well_known.call_count == 1
