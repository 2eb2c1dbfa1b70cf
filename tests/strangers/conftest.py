"""Strangers the app has to live with: an EHR by other people's OAuth library, and one that lies on order."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from smart_app.cli.demo import demo_registry
from smart_app.sandbox.clinician import Clinician, Page
from tests.journeys.conftest import eventually, free_port
from tests.strangers.canary import Canary
from tests.strangers.fault_proxy import TOKEN, FaultProxy
from tests.strangers.served_app import ServedApp

TLS = ssl.create_default_context()  # made once: nothing here speaks TLS, and each client would make its own


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def canary() -> Iterator[Canary]:
    with Canary() as listening:
        yield listening


@dataclass
class Lied:
    """The sandbox EHR behind the fault proxy, a second address of it that is another registration, and the app."""

    ehr: FaultProxy
    other: FaultProxy
    app: ServedApp
    canary: Canary
    patients: dict[str, Any]
    log_from: int = 0
    pages: list[Page] = field(default_factory=list)

    def patient(self, slug: str) -> str:
        return str(self.patients[slug]["id"])

    async def launch(self, browser: Clinician, slug: str = "two-failed-trials") -> Page:
        """From the chart of this patient, in a window of its own."""
        return self.seen(await browser.open(self.chart_link(slug)))

    def chart_link(self, slug: str = "two-failed-trials") -> str:
        return f"{self.ehr.url}/chart/{self.patient(slug)}/open"

    def seen(self, page: Page) -> Page:
        self.pages.append(page)
        return page

    def token_requests(self) -> int:
        return len(self.ehr.requests("POST", TOKEN))

    async def refused(self, browser: Clinician, *, status: int, words: str, reason: str) -> Page:
        """A launch that must end in a page with these words and a number, audited and logged; nothing opens."""
        open_before, told_before = self.app.open_launches(), len(self.app.refusals())
        page = await self.launch(browser)
        self.check_refusal(page, status=status, words=words, reason=reason)
        assert len(self.app.refusals()) == told_before + 1
        assert self.app.open_launches() == open_before
        return page

    def check_refusal(self, page: Page, *, status: int, words: str, reason: str) -> None:
        assert (page.status, page.title.partition(" · ")[0]) == (status, "The app could not start"), page.text[:400]
        assert words in page.text[:2000]
        assert self.app.refusals()[-1] == reason
        number = self.app.audit()[-1]["detail"].partition("Reference ")[2].rstrip(".")
        assert number
        assert f"Reference {number}" in page.text
        assert f"refused {number}" in self.app.log.text
        assert [word for word in ADVICE if word in page.text], f"no word on what to do: {page.text}"

    def check_nothing_told(self) -> None:
        """Nobody else was asked, no token went astray, and no secret stands on a page or in the log."""
        assert self.canary.sung == []
        for one in (*self.ehr.asked, *self.other.asked):
            if one.headers.get("authorization", "").startswith("Bearer"):
                assert one.path.startswith("/fhir/"), f"a token went to {one.path}"
        secrets = self.ehr.secrets | self.other.secrets
        log = "\n".join(self.app.log.lines[self.log_from :])
        names = ("Larsen", "LARSEN", *(str(one["id"]) for one in self.patients.values()))
        assert not [word for word in (*secrets, *names) if word in log], log
        for page in self.pages:
            assert not [secret for secret in secrets if secret in page.html], f"a secret stands on {page.url}"
            ours = page.url.startswith(f"{self.app.url}/l/")  # the EHR's own redirects lead to the other addresses
            assert not [secret for secret in secrets if ours and secret in page.url]


ADVICE = (
    "start it again from the chart",
    "Start the app",
    "start the app again",
    "Tell whoever runs the app",
    "Open the app in its own window",
)


@pytest.fixture(scope="session")
def lying_ehr(tmp_path_factory: pytest.TempPathFactory, canary: Canary) -> Iterator[Lied]:
    folder = tmp_path_factory.mktemp("lied")
    with ExitStack() as stack:
        app = stack.enter_context(ServedApp(folder))
        port, first, second = free_port(), free_port(), free_port()
        ehr = stack.enter_context(FaultProxy(first, upstream=port))
        other = stack.enter_context(FaultProxy(second, upstream=port))
        command = [sys.executable, "-m", "smart_app.sandbox", "--port", str(port), "--public-url", ehr.url]
        with (folder / "sandbox.log").open("wb") as log:
            sandbox = subprocess.Popen([*command, "--app-url", app.url, "--control"], stdout=log, stderr=log)
        stack.callback(sandbox.wait, timeout=20)
        stack.callback(sandbox.terminate)
        tables = demo_registry(ehr.url), demo_registry(other.url).replace("[ehr.sandbox", "[ehr.other")
        app.serve("\n".join(tables))
        patients = eventually(lambda: _patients(f"http://127.0.0.1:{port}"))
        yield Lied(ehr=ehr, other=other, app=app, canary=canary, patients=patients)


def _patients(url: str) -> dict[str, Any] | None:
    try:
        return dict(httpx.get(f"{url}/_control/patients", timeout=5, trust_env=False).json())
    except httpx.HTTPError:
        return None


@pytest.fixture
def lied(lying_ehr: Lied) -> Iterator[Lied]:
    """An honest EHR at first. Afterwards the canary must be silent and every secret where it belongs."""
    lying_ehr.ehr.forget()
    lying_ehr.other.forget()
    lying_ehr.pages.clear()
    lying_ehr.log_from = len(lying_ehr.app.log.lines)
    lying_ehr.canary.sung.clear()
    yield lying_ehr
    lying_ehr.check_nothing_told()


def leaving(page: Page) -> str:
    """The form that closes the app."""
    return next(form.action for form in page.forms if form.action.endswith("/leave"))


@pytest.fixture
async def browser(lied: Lied) -> AsyncIterator[Clinician]:
    """A psychiatrist's browser, signed in at the EHR."""
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False, verify=TLS) as client,
        Clinician(lied.ehr.url, client=client) as one,
    ):
        yield one
        secrets = lied.ehr.secrets
        kept = one._jar._kept.values()
        assert not [value for value in kept if any(secret in value for secret in secrets)]  # L-12, C62
