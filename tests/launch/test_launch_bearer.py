"""A token is added to one request at a time and never leaves its FHIR base."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx

from launch.bearer import KEPT, SmartAuth
from launch.context import TokenSet
from launch.errors import ForeignAddress, LaunchEnded
from tests.launch.an_ehr import ISSUER, Ehr, a_token_set

pytestmark = pytest.mark.anyio


class Tokens:
    """Hands out one token, then another."""

    def __init__(self) -> None:
        self.renewals = 0
        self.gone = False
        self.asked = 0

    async def current(self, launch_id: str) -> TokenSet:
        self.asked += 1
        await anyio.lowlevel.checkpoint()
        return a_token_set(access_token=f"{launch_id}-{self.renewals}")

    async def renewed(self, launch_id: str, *, stale: TokenSet) -> TokenSet:
        if self.gone:
            raise LaunchEnded(launch_id=launch_id)
        assert stale.access_token == f"{launch_id}-{self.renewals}"
        self.renewals += 1
        return await self.current(launch_id)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def auth(tokens: Tokens) -> SmartAuth:
    return SmartAuth(fhir_base=ISSUER, launch_id="launch-1", tokens=tokens)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as held:
        yield held


async def test_c60_the_token_goes_with_a_request_inside_the_base(
    ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth
) -> None:
    route = ehr.router.get(f"{ISSUER}/Patient/1").mock(return_value=httpx.Response(200))
    await client.get(f"{ISSUER}/Patient/1", auth=auth)
    assert route.calls.last.request.headers["authorization"] == "Bearer launch-1-0"


async def test_the_token_goes_to_a_page_whose_state_makes_a_long_address(
    ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth
) -> None:
    page = f"{ISSUER}?_getpages={'a' * 12_000}"
    route = ehr.router.get(url__startswith=f"{ISSUER}?_getpages=").mock(return_value=httpx.Response(200))
    await client.get(page, auth=auth)
    assert route.calls.last.request.headers["authorization"] == "Bearer launch-1-0"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/fhir/Patient/1",
        "https://ehr.example.org.evil.test/fhir/Patient/1",
        "https://ehr.example.org:8443/fhir/Patient/1",
        "http://ehr.example.org/fhir/Patient/1",
        "https://ehr.example.org@evil.test/fhir/Patient/1",
        "https://ehr.example.org/fhir-evil/Patient/1",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2e/admin",
        "https://ehr.example.org/",
    ],
)
async def test_c61_any_other_address_is_refused_before_a_request_is_made(
    client: httpx.AsyncClient, auth: SmartAuth, url: str
) -> None:
    with respx.mock(assert_all_called=False) as router:
        anything = router.route().mock(return_value=httpx.Response(200))
        with pytest.raises(ForeignAddress) as caught:
            await client.get(url, auth=auth)
        assert anything.call_count == 0
    assert "Patient" not in str(caught.value)


async def test_c64_a_401_leads_to_one_refresh_and_one_retry(
    ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth, tokens: Tokens
) -> None:
    route = ehr.router.post(f"{ISSUER}/Procedure").mock(side_effect=[httpx.Response(401), httpx.Response(201)])
    answer = await client.post(f"{ISSUER}/Procedure", json={"status": "completed"}, auth=auth)
    assert (answer.status_code, tokens.renewals) == (201, 1)
    sent = [call.request for call in route.calls]
    assert [request.headers["authorization"] for request in sent] == ["Bearer launch-1-0", "Bearer launch-1-1"]
    assert sent[0].content == sent[1].content != b""


async def test_c64_a_second_401_is_the_caller_s_to_see(
    ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth, tokens: Tokens
) -> None:
    route = ehr.router.get(f"{ISSUER}/Patient/1").mock(return_value=httpx.Response(401))
    assert (await client.get(f"{ISSUER}/Patient/1", auth=auth)).status_code == 401
    assert (route.call_count, tokens.renewals) == (2, 1)


async def test_a_403_is_not_answered_with_a_refresh(
    ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth, tokens: Tokens
) -> None:
    ehr.router.get(f"{ISSUER}/Patient/1").mock(return_value=httpx.Response(403))
    assert (await client.get(f"{ISSUER}/Patient/1", auth=auth)).status_code == 403
    assert tokens.renewals == 0


async def test_when_the_launch_is_over_the_clinician_is_told(
    ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth, tokens: Tokens
) -> None:
    tokens.gone = True
    ehr.router.get(f"{ISSUER}/Patient/1").mock(return_value=httpx.Response(401))
    with pytest.raises(LaunchEnded, match="The session with the EHR has ended"):
        await client.get(f"{ISSUER}/Patient/1", auth=auth)


async def test_c61_a_redirect_elsewhere_gets_no_token(ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth) -> None:
    away = httpx.Response(302, headers={"location": "https://evil.test/"})
    ehr.router.get(f"{ISSUER}/Patient/1").mock(return_value=away)
    evil = ehr.router.get("https://evil.test/").mock(return_value=httpx.Response(200))
    await client.get(f"{ISSUER}/Patient/1", auth=auth, follow_redirects=True)
    assert "authorization" not in evil.calls.last.request.headers


def test_a_blocking_client_cannot_use_it(auth: SmartAuth) -> None:
    with httpx.Client(trust_env=False) as blocking, pytest.raises(TypeError):
        blocking.get(f"{ISSUER}/Patient/1", auth=auth)


async def test_the_requests_of_one_moment_share_a_look_at_the_token(
    ehr: Ehr, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    route = ehr.router.get(f"{ISSUER}/Patient/1").mock(return_value=httpx.Response(200))
    now = 100.0
    auth = SmartAuth(fhir_base=ISSUER, launch_id="launch-1", tokens=tokens, seconds=lambda: now)
    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(partial(client.get, f"{ISSUER}/Patient/1", auth=auth))
    assert (tokens.asked, route.call_count) == (1, 12)
    now += KEPT
    tokens.renewals = 7
    await client.get(f"{ISSUER}/Patient/1", auth=auth)
    assert route.calls.last.request.headers["authorization"] == "Bearer launch-1-7"


async def test_a_renewed_token_is_the_one_that_is_kept(ehr: Ehr, client: httpx.AsyncClient, auth: SmartAuth) -> None:
    answers = [httpx.Response(401), httpx.Response(200), httpx.Response(200)]
    route = ehr.router.get(f"{ISSUER}/Patient/1").mock(side_effect=answers)
    for _ in range(2):
        await client.get(f"{ISSUER}/Patient/1", auth=auth)
    sent = [call.request.headers["authorization"] for call in route.calls]
    assert sent == ["Bearer launch-1-0", "Bearer launch-1-1", "Bearer launch-1-1"]
