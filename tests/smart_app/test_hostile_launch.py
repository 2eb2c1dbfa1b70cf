"""Text that tries to be more than text, wherever a launch or an answer of the EHR can carry it (B-5, C31)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from smart_app.pages.templating import shelf
from smart_app.sandbox.oauth.server import AuthorizationServer
from tests.browser import CHROMIUM, FLAGS
from tests.in_process import APP, Browser, Clinic, running_clinic

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]

_OUT = ("", '">', "'>", "</title>", "</textarea>", "</script>", "--><!-->", "]]>")
_IN = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '<iframe srcdoc="<script>parent.alert(1)</script>">',
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<form action=javascript:alert(1)><button autofocus>",
    "<base href=//evil.test/><link rel=stylesheet href=//evil.test/x.css>",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
)
_MORE = (
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "' autofocus onfocus=alert(1) x='",
    '" style=position:fixed;inset:0 onmouseover=alert(1) "',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;img src=x onerror=alert(1)&amp;gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "${alert(1)}`",
    "<svg><style><img title='</style><img src onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "\u202ettpircs\u202c\u200b",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
)
PAYLOADS = tuple(
    f"q{number:02}{text}q{number:02}"
    for number, text in enumerate([*(out + inner for out, inner in product(_OUT, _IN)), *_MORE])
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def clinic(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Clinic]:
    async with running_clinic(tmp_path_factory.mktemp("clinic")) as made:
        yield made


async def refusals(browser: Browser, text: str) -> list[httpx.Response]:
    """The pages that say no to a launch made of this text."""
    answer = dict.fromkeys(("state", "code", "error", "error_description", "error_uri", "iss"), text)
    addresses = (
        f"launch?{httpx.QueryParams({'iss': text, 'launch': text})}",
        f"launch?{httpx.QueryParams({'ehr': text})}",
        f"callback/sandbox?{httpx.QueryParams(answer)}",
        f"callback/sandbox?{httpx.QueryParams({'error': text, 'error_description': text})}",
        f"callback/{quote(text, safe='')}?{httpx.QueryParams(answer)}",
        f"handover/{quote(text, safe='')}",
        f"l/{quote(text, safe='')}/screening",
        quote(text, safe=""),
    )
    found = [await browser.ask("GET", f"{APP}/{address}") for address in addresses]
    assert all(400 <= one.status_code < 600 for one in found), text
    return found


async def pages(clinic: Clinic, text: str, patch: pytest.MonkeyPatch) -> list[httpx.Response]:
    """The pages of a launch that an EHR answers with this text wherever it can."""
    patient = clinic.patient("two-failed-trials")
    resource = clinic.ehr.charts.store.read("Patient", patient)
    assert resource is not None
    names = {"name": [{"family": text, "given": [text]}], "identifier": [{"system": text, "value": text}]}
    clinic.ehr.charts.store.put([resource | names])
    reply, claims = AuthorizationServer.reply, AuthorizationServer._claims
    context = {
        "tenant": text,
        "intent": text,
        "smart_style_url": text,
        "need_patient_banner": text,
        "fhirContext": [{"reference": text, "role": text}, {"type": text, "canonical": text}],
    }
    patch.setattr(AuthorizationServer, "reply", lambda self, issued: reply(self, issued) | context)
    patch.setattr(AuthorizationServer, "_claims", lambda self, issued: claims(self, issued) | {"name": text})
    async with clinic.browser() as browser:
        first = await browser.launch(patient)
        root = str(first.url).removesuffix("/screening")
        found = [first, *[await browser.get(f"{root}/{place}") for place in ("about", "audit")]]
    assert all(one.status_code == 200 for one in found), text
    return found


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: hostile launches are not looked at in one")
async def test_hostile_text_of_a_launch_stays_text_in_a_browser(clinic: Clinic) -> None:
    assert len(PAYLOADS) >= 80
    shown: list[tuple[str, httpx.Response]] = []
    for text in PAYLOADS:
        async with clinic.browser() as browser:
            shown += [(text, one) for one in await refusals(browser, text)]
        with pytest.MonkeyPatch.context() as patch:
            shown += [(text, one) for one in await pages(clinic, text, patch)]
    different = {re.sub(r"[0-9A-F]{4}-[0-9A-F]{2}", "", one.text): (text, one) for text, one in shown}
    assert await asyncio.to_thread(seen_in_chromium, list(different.values())) == []
    told = [text for text in PAYLOADS if any(text[:3] in one.text for word, one in shown if word == text)]
    assert len(told) > 80, "most of it is shown somewhere, so this looked at something"


# Elements and attributes that none of our pages has; what the text says, as the page's own words.
_LOOK = """() => ({
  odd: [...document.querySelectorAll('*')].filter(one =>
      ['IMG', 'IFRAME', 'OBJECT', 'EMBED', 'BASE', 'STYLE', 'VIDEO', 'MATH'].includes(one.tagName)
      || one.matches('body noscript')
      || one.matches('meta[http-equiv]')
      || [...one.attributes].some(each => each.name.startsWith('on') || each.name === 'style')
      || /^\\s*(javascript|data):|evil/i.test(one.getAttribute('href') || one.getAttribute('action') || '')
    ).map(one => one.outerHTML.slice(0, 80)),
  text: document.documentElement.textContent,
  blocked: window.blocked || [],
})"""
_WATCH = """document.addEventListener('securitypolicyviolation', told =>
  (window.blocked ||= []).push(told.violatedDirective + ' ' + told.blockedURI));"""


def seen_in_chromium(shown: list[tuple[str, httpx.Response]]) -> list[str]:
    """What is wrong with these answers, each replayed with its headers to a browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    assets = {asset.path: asset for asset in shelf("").assets.values()}
    wrong: list[str] = []
    now: dict[str, httpx.Response] = {}

    def answer(route: Any) -> None:
        place = urlsplit(route.request.url)
        if f"{place.scheme}://{place.netloc}" != APP:
            wrong.append(f"asked {route.request.url[:80]}")
            return route.abort()
        if place.path in assets:
            return route.fulfill(body=assets[place.path].body, content_type=assets[place.path].kind)
        if route.request.resource_type != "document":
            return route.fulfill(status=404)
        one = now["answer"]
        return route.fulfill(status=one.status_code, headers=dict(one.headers), body=one.content)

    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(service_workers="block")
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.on("dialog", lambda dialog: (wrong.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: wrong.append(f"an error: {error}"))
        page.route("**/*", answer)
        for text, one in shown:
            now["answer"] = one
            page.goto(f"{APP}/shown", wait_until="load")
            found = page.evaluate(_LOOK)
            wrong += [f"{what} in {one.url.path[:40]}" for what in (*found["odd"], *found["blocked"])]
            # An address that is none is shown on the launch's page without what no address has.
            told = text[:3] in found["text"] and one.url.path != "/launch"
            if told and _plain(text) not in _plain(found["text"]):
                wrong.append(f"{text!r} is not shown as it is in {one.url.path[:40]}")
        browser.close()
    return wrong


def _plain(text: str) -> str:
    """White space is the browser's to fold; a family name is written in capitals."""
    return re.sub(r"\s+", " ", text).casefold()
