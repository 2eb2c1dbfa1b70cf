"""The app around the launch routes: an exception handler, a hook, and browsers that keep cookies."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from launch.authorization import AuthorizationRequest
from launch.client_authentication import ClientSecrets
from launch.context import LaunchContext, TokenSet
from launch.desk import LaunchDesk
from launch.errors import LaunchError
from launch.exchange import EhrClients
from launch.keys import SigningKeys
from launch.registry import read_registry
from launch.routes import launch_routes
from tests.fakes_launch import MemoryLaunchStore
from tests.launch.an_ehr import ISSUER, PUBLIC_BASE, Clock, Ehr, a_key_ring, a_table, a_token_reply, an_id_token

OTHER = "https://other.example.net/fhir"


class App:
    """The app around the routes: an exception handler, a hook, and a browser that keeps cookies."""

    def __init__(self, desk: LaunchDesk, store: MemoryLaunchStore, ehr: Ehr) -> None:
        self.desk, self.store, self.ehr = desk, store, ehr
        self.opened: list[tuple[LaunchContext, TokenSet]] = []
        self.errors: list[LaunchError] = []
        self.hook_error: Exception | None = None
        self.api = FastAPI()
        self.leads_to = "screening"
        routes = launch_routes(desk, after_launch=self._after_launch, landing=self._landing, asking=self._asking)
        self.api.include_router(routes)
        self.api.add_exception_handler(LaunchError, self._refused)

    async def _after_launch(self, context: LaunchContext, tokens: TokenSet) -> None:
        assert self.store.find(context.id) == context
        self.opened.append((context, tokens))
        if self.hook_error:
            raise self.hook_error

    def _landing(self, context: LaunchContext) -> str:
        return f"/l/{context.id}/{self.leads_to}"

    @staticmethod
    def _asking(_request: Request, begun: AuthorizationRequest) -> Response:
        return JSONResponse({"endpoint": begun.endpoint, "asked": dict(begun.asked)})

    async def _refused(self, _request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, LaunchError)
        self.errors.append(error)
        return JSONResponse({"message": error.message}, status_code=400)

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.api)
        return httpx.AsyncClient(transport=transport, base_url=PUBLIC_BASE, trust_env=False)

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.store.refusals]


def an_app(
    clients: EhrClients,
    ehr: Ehr,
    clock: Clock,
    *,
    store: MemoryLaunchStore | None = None,
    keys: SigningKeys | None = None,
    secrets: ClientSecrets | None = None,
    **changes: Any,
) -> App:
    """Two EHRs are registered: `demo`, with these changes to its table, and `other`."""
    store = store or MemoryLaunchStore()
    desk = LaunchDesk(
        registry=read_registry({"ehr": {"demo": a_table(**changes), "other": a_table(issuer=OTHER)}}),
        keys=keys or a_key_ring(),
        secrets=secrets,
        store=store,
        http=clients,
        clock=clock,
        public_base=PUBLIC_BASE + "/",
    )
    return App(desk, store, ehr)


def question(answer: httpx.Response) -> dict[str, str]:
    """The parameters of the authorization request that an answer redirects to."""
    assert answer.status_code == 303
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def started(browser: httpx.AsyncClient, app: App, **reply: Any) -> dict[str, str]:
    """A launch as far as the EHR's own pages; the token reply will fit its nonce."""
    asked = question(await browser.get("/launch", params={"iss": ISSUER, "launch": "LAUNCH-secret"}))
    id_token = an_id_token(asked["nonce"])
    answer = httpx.Response(200, json=a_token_reply(**{"id_token": id_token, **reply}))
    app.ehr.token.mock(return_value=answer)
    return asked


def returned(asked: dict[str, str], **changes: Any) -> str:
    given = {"state": asked["state"], "code": "CODE-secret", **changes}
    kept = {name: value for name, value in given.items() if value is not None}
    return f"/callback/demo?{urlencode(kept)}"
