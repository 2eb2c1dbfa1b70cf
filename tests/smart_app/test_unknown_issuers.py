"""An `iss` that is not registered: a page, an audit record, and nothing else (security L-1)."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from smart_app.app import create_app
from smart_app.settings import settings_from
from tests.launch.test_launch_addresses import OTHER_ISSUERS

pytestmark = pytest.mark.anyio
REGISTRY = """
[ehr.demo]
issuer = "https://ehr.example.org/fhir"
client_id = "kp"
auth = "private_key_jwt"
private_network = true
scopes = ["launch", "patient/Patient.rs"]
"""
AT_THE_CANARY = [
    "http://127.0.0.1:{port}/fhir",
    "https://127.0.0.1:{port}/fhir",
    "https://localhost:{port}/fhir",
    "https://127.1:{port}/fhir",
    "https://2130706433:{port}/fhir",
    "https://0x7f000001:{port}/fhir",
    "https://017700000001:{port}/fhir",
    "https://[::ffff:127.0.0.1]:{port}/fhir",
    "https://ehr.example.org@127.0.0.1:{port}/fhir",
    "https://ehr.example.org\\@127.0.0.1:{port}/fhir",
    "https://ehr.example.org:{port}/fhir",
    "https://127.0.0.1:{port}/?x=https://ehr.example.org/fhir",
    "https://127.0.0.1:{port}#https://ehr.example.org/fhir",
]


@dataclass
class Watched:
    """The app, and whatever it might have said to anybody."""

    browser: httpx.AsyncClient
    data: Path
    canary: socket.socket
    looked_up: list[Any] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.canary.getsockname()[1])

    def heard(self) -> bool:
        try:
            self.canary.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def refusals(self) -> int:
        with closing(sqlite3.connect(self.data / "ketamine-pathway.db", timeout=20)) as database:
            query = "select count(*) from audit where body like '%issuer-unknown%'"
            return int(database.execute(query).fetchone()[0])


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def canary() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
async def watched(
    anyio_backend: str, canary: socket.socket, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Watched]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "ehr.toml").write_text(REGISTRY, "utf-8")
    address = "https://app.example.org"
    environment = {"KP_BASE_URL": address, "KP_REGISTRY": str(folder / "ehr.toml"), "KP_DATA": str(folder)}
    app = create_app(settings_from(environment), with_worker=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address, trust_env=False) as browser,
    ):
        made = Watched(browser=browser, data=folder, canary=canary)
        with pytest.MonkeyPatch.context() as patch:
            look_up = socket.getaddrinfo

            def noted(*given: Any, **named: Any) -> Any:
                made.looked_up.append(given)
                return look_up(*given, **named)

            patch.setattr(socket, "getaddrinfo", noted)
            yield made


async def refused(watched: Watched, params: list[tuple[str, str]]) -> httpx.Response:
    before = watched.refusals()
    answer = await watched.browser.get("/launch", params=params)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "This EHR is not set up for the app." in answer.text
    assert "set-cookie" not in answer.headers
    assert watched.refusals() == before + 1
    assert watched.looked_up == []
    assert not watched.heard()
    return answer


@pytest.mark.parametrize("iss", [*OTHER_ISSUERS, *AT_THE_CANARY], ids=lambda text: ascii(text)[:50])
async def test_an_unknown_issuer_gets_a_page_and_nobody_is_asked(watched: Watched, iss: str) -> None:
    await refused(watched, [("iss", iss.replace("{port}", str(watched.port))), ("launch", "LAUNCH-secret")])


async def test_an_issuer_given_twice_is_nobody_s(watched: Watched) -> None:
    known = "https://ehr.example.org/fhir"
    canary = f"http://127.0.0.1:{watched.port}/fhir"
    for pair in ((known, canary), (canary, known), (known, known)):
        await refused(watched, [*(("iss", iss) for iss in pair), ("launch", "x")])


async def test_the_watch_would_have_seen_a_look_up(watched: Watched) -> None:
    """The same request for the registered issuer does look it up; the tests' own guard then stops it."""
    answer = await watched.browser.get("/launch", params={"iss": "https://ehr.example.org/fhir", "launch": "x"})
    assert answer.status_code >= 400  # by whichever guard of the tests comes first
    assert [given[0] for given in watched.looked_up] == [b"ehr.example.org"]
    watched.looked_up.clear()  # whichever test comes next
