"""C06, the drill: keys are rotated at both algorithms while launches go on, and no launch fails.

The EHR is strict: it keeps our key set for as long as it may, and asks for nothing in between.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet

from launch.desk import LaunchDesk
from launch.errors import AuthorizationRefused
from launch.exchange import EhrClients
from launch.key_folder import KeyFolder
from launch.key_rotation import make_first_keys, retire, rotate
from launch.registry import read_registry
from launch.routes import launch_routes
from tests.fakes_launch import MemoryLaunchStore
from tests.launch.an_ehr import ISSUER, PUBLIC_BASE, TOKEN_URL, Clock, Ehr, a_table, a_token_reply

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]
AT_ONCE = 5


@dataclass
class StrictEhr:
    """Its token endpoint: knows our set as it was when last fetched, and takes each assertion once."""

    browser: httpx.AsyncClient
    clock: Clock
    keeps: timedelta | None = None  # None: as long as Cache-Control says
    known: KeySet = field(default_factory=lambda: KeySet([]))
    until: datetime | None = None
    jtis: set[str] = field(default_factory=set)
    signed_by: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    async def token(self, request: httpx.Request) -> httpx.Response:
        await self._look()
        form = dict(parse_qsl(request.content.decode()))
        try:
            proof = jwt.decode(form["client_assertion"], self.known, algorithms=["ES384", "RS384"])
            said, now = proof.claims, self.clock().timestamp()
            assert (said["iss"], said["sub"], said["aud"]) == ("kp-client", "kp-client", TOKEN_URL)
            assert now - 60 <= said["iat"] <= now + 60
            assert now < said["exp"] <= now + 300
            assert said["jti"] not in self.jtis
            self.jtis.add(said["jti"])
            self.signed_by[proof.header["kid"]] += 1
        except Exception as problem:  # whatever it is, this launch failed
            self.refused.append(f"{type(problem).__name__} at {self.clock()}")
            return httpx.Response(401, json={"error": "invalid_client"})
        return httpx.Response(200, json=a_token_reply())

    async def _look(self) -> None:
        if self.until is None or self.clock() >= self.until:
            answer = await self.browser.get("/jwks/demo.json")
            name, _, seconds = answer.headers["cache-control"].rpartition("=")
            assert name == "public, max-age"
            self.known = KeySet.import_key_set(answer.json())
            self.until = self.clock() + (self.keeps or timedelta(seconds=int(seconds)))


@dataclass
class Drill:
    folder: KeyFolder
    ehr: StrictEhr
    browser: httpx.AsyncClient
    clock: Clock
    registration: Any
    launched: int = 0

    async def launch(self) -> None:
        begun = await self.browser.get("/launch", params={"iss": ISSUER, "launch": "x"})
        asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
        done = await self.browser.get("/callback/demo", params={"state": asked["state"], "code": "x"})
        assert done.status_code == 303
        self.launched += 1

    async def run(self, *, minutes: int, step: int = 15) -> None:
        """Time passes, and at each step some launch at once."""
        for _ in range(0, minutes, step):
            async with anyio.create_task_group() as group:
                for _ in range(AT_ONCE):
                    group.start_soon(self.launch)
            self.clock.forward(minutes=step)

    @property
    def signing(self) -> str:
        return self.folder.active("demo", self.registration.algorithm, self.clock()).kid


@pytest.fixture(params=["ES384", "RS384"])
async def drill(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clients: EhrClients,
    store: MemoryLaunchStore,
    ehr: Ehr,
    clock: Clock,
) -> Any:
    tables = {"demo": a_table(algorithm=request.param), "other": a_table(issuer="https://other.example.org/fhir")}
    registry = read_registry({"ehr": tables})
    folder = KeyFolder(tmp_path)
    make_first_keys(folder, registry.by_name.values(), clock())
    desk = LaunchDesk(registry=registry, keys=folder, store=store, http=clients, clock=clock, public_base=PUBLIC_BASE)
    app = FastAPI()
    app.include_router(launch_routes(desk, after_launch=_nothing))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=PUBLIC_BASE, trust_env=False
    ) as browser:
        strict = StrictEhr(browser, clock)
        ehr.token.mock(side_effect=strict.token)
        yield Drill(folder, strict, browser, clock, registry.named("demo"))


async def _nothing(*_: Any) -> None: ...


async def test_c06_a_rotation_fails_no_launch(drill: Drill) -> None:
    folder, registration = drill.folder, drill.registration
    await drill.run(minutes=90)
    for turn in range(2):
        old = drill.signing
        await run_sync(lambda: rotate(folder, registration, drill.clock(), after=timedelta(hours=2)))
        await drill.run(minutes=105)
        assert drill.signing == old
        await drill.run(minutes=30)
        new = drill.signing
        assert new != old
        await run_sync(lambda old=old: retire(folder, "demo", old, [registration], drill.clock()))
        await drill.run(minutes=90)
        assert drill.ehr.signed_by[old] > 0, turn
        assert drill.ehr.signed_by[new] > 0
    assert drill.ehr.refused == []
    assert drill.launched == sum(drill.ehr.signed_by.values()) > 100


async def test_c06_the_usual_wait_suits_an_ehr_that_keeps_our_set_for_a_day(drill: Drill) -> None:
    drill.ehr.keeps = timedelta(hours=24)
    await drill.run(minutes=60)
    rotate(drill.folder, drill.registration, drill.clock())
    await drill.run(minutes=60 * 30, step=60)
    assert len(drill.ehr.signed_by) == 2
    assert drill.ehr.refused == []


async def test_the_drill_notices_a_key_that_signs_before_the_ehr_knows_it(drill: Drill) -> None:
    await drill.launch()
    rotate(drill.folder, drill.registration, drill.clock(), after=timedelta())
    drill.clock.forward(minutes=1)
    with pytest.raises(AuthorizationRefused):
        await drill.launch()
    assert len(drill.ehr.refused) == 1


async def test_keys_come_and_go_while_launches_do(drill: Drill) -> None:
    """The same without steps: files appear and vanish in a thread while launches are under way."""
    stop = anyio.Event()

    def change() -> None:
        for _ in range(4):
            made = rotate(drill.folder, drill.registration, drill.clock())
            time.sleep(0.02)
            retire(drill.folder, "demo", made.kid, [drill.registration], drill.clock())

    async def keep_launching() -> None:
        while not stop.is_set():
            await drill.launch()

    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(keep_launching)
        await run_sync(change)
        stop.set()
    assert drill.ehr.refused == []
    assert drill.launched >= 4
