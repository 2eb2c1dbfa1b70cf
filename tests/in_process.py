"""The composed app and the sandbox EHR in one process: quick, and open to be looked into."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from launch.transport import EhrTransport
from smart_app.app import create_app
from smart_app.cli.demo import demo_registry
from smart_app.sandbox.cookies import CookieJar
from smart_app.sandbox.server import Sandbox, create_sandbox
from smart_app.settings import settings_from

EHR = "http://127.0.0.1:8400"
APP = "http://localhost:8500"
MOST_REDIRECTS = 10


@dataclass
class Clinic:
    """Both sides. `asked` is what the app asked of the EHR, `shown` what the app answered to browsers."""

    app: FastAPI
    ehr: Sandbox
    data: Path
    asked: list[httpx.Request] = field(default_factory=list)
    shown: list[httpx.Response] = field(default_factory=list)

    def patient(self, slug: str) -> str:
        return self.ehr.charts.of_slug(slug).id

    def rows(self, query: str, *values: object) -> list[Any]:
        """What the database holds, read past the app."""
        with closing(sqlite3.connect(self.data / "ketamine-pathway.db", timeout=20)) as connection:
            return connection.execute(query, values).fetchall()

    def audited(self, action: str) -> list[dict[str, Any]]:
        """The audit records of one action, oldest first."""
        return [
            record
            for (body,) in self.rows("select body from audit order by seq")
            if (record := json.loads(body))["action"] == action
        ]

    @asynccontextmanager
    async def browser(self, user: str = "psychiatrist") -> AsyncIterator[Browser]:
        """A browser with cookies of its own, signed in at the EHR."""
        made = Browser(self)
        await made.post(f"{EHR}/sign-in", {"user": user}, came_from=f"{EHR}/sign-in")
        yield made


@dataclass
class Browser:
    """One cookie jar. It follows redirects and says where a request comes from, as browsers do."""

    clinic: Clinic
    jar: CookieJar = field(default_factory=CookieJar)

    async def launch(self, patient: str) -> httpx.Response:
        """The chart's button: the app's first page."""
        return await self.follow(await self.ask("GET", f"{EHR}/chart/{patient}/open"))

    async def get(self, url: str, *, came_from: str | None = None) -> httpx.Response:
        return await self.follow(await self.ask("GET", url, came_from=came_from))

    async def post(self, url: str, fields: dict[str, Any], *, came_from: str) -> httpx.Response:
        return await self.follow(await self.ask("POST", url, fields=fields, came_from=came_from))

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(MOST_REDIRECTS):
            if answer.status_code != httpx.codes.SEE_OTHER:
                return answer
            answer = await self.ask("GET", urljoin(str(answer.request.url), answer.headers["location"]))
        raise AssertionError("redirected without end")

    async def ask(
        self, method: str, url: str, *, fields: dict[str, Any] | None = None, came_from: str | None = None
    ) -> httpx.Response:
        """One request; its answer is not followed."""
        headers = self.jar.header(url) | {"accept": "text/html", "sec-fetch-site": "none"}
        if came_from:
            same = _origin(came_from) == _origin(url)
            headers |= {"sec-fetch-site": "same-origin" if same else "cross-site", "origin": _origin(came_from)}
        side = self.clinic.ehr if url.startswith(EHR) else self.clinic.app
        async with httpx.AsyncClient(transport=httpx.ASGITransport(side), trust_env=False) as client:
            answer = await client.request(method, url, data=fields, headers=headers)
        self.jar.keep(url, answer.headers.get_list("set-cookie"))
        if side is self.clinic.app:
            self.clinic.shown.append(answer)
        return answer


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@asynccontextmanager
async def running_clinic(folder: Path, *, more_registrations: Sequence[str] = ()) -> AsyncIterator[Clinic]:
    """The app with its worker and a database in `folder`, and the EHR it is registered with."""
    registry = folder / "ehr.toml"
    registry.write_text("\n".join((demo_registry(EHR), *more_registrations)), "utf-8")
    environment = {"KP_BASE_URL": APP, "KP_REGISTRY": str(registry), "KP_DATA": str(folder), "KP_SETTLE_SECONDS": "0"}
    app = create_app(settings_from(environment, demo=True))
    ehr = create_sandbox(
        public_url=EHR, app_url=APP, today=_now().date(), clock=_now, control=True, fetch_client_keys=_keys_of(app)
    )
    clinic = Clinic(app=app, ehr=ehr, data=folder)
    inside = httpx.ASGITransport(ehr)

    async def to_the_ehr(_self: Any, request: httpx.Request) -> httpx.Response:
        if not str(request.url).startswith(EHR):
            raise httpx.ConnectError("nobody is there", request=request)
        clinic.asked.append(request)
        return await inside.handle_async_request(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EhrTransport, "handle_async_request", to_the_ehr)
        async with app.router.lifespan_context(app):
            yield clinic


def _keys_of(app: FastAPI) -> Any:
    async def fetch(_url: str) -> dict[str, Any]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=APP) as client:
            return dict((await client.get("/.well-known/jwks.json")).json())

    return fetch


def _now() -> datetime:
    return datetime.now().astimezone()
