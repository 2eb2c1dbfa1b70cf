"""The scripted clinician goes from the EHR's chart into an app and fills in its forms, as a browser would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import escape
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from smart_app.sandbox.clinician import Clinician, LostError
from smart_app.sandbox.cookies import CookieJar
from smart_app.sandbox.course import five_sessions, wait_for_app
from smart_app.sandbox.forms import PageReader
from tests.smart_app.sandbox.an_app import APP, EHR, AnApp
from tests.smart_app.sandbox.conftest import TODAY

pytestmark = pytest.mark.anyio

COOKIE = "__Host-start=s1; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"

PAGE = """<!doctype html><html><head><title>Record
 a session</title><style>p { color: red }</style></head><body>
<h1>Session 1 &amp; dose</h1><p>Given by <b>Mira</b></p>
<a href="next?x=1">The <em>next</em> page</a>
<form id="dose" method="post" action="/record">
<input type="hidden" name="csrf" value="c1"><input name="dose" value="35">
<input type="checkbox" name="checks" value="consent" checked><input type="checkbox" name="checks" value="escort">
<input type="radio" name="route" value="iv" checked><input type="radio" name="route" value="im">
<select name="site"><option value="l">Left</option><option value="r" selected>Right</option></select>
<select name="kind"><option>First</option><option>Second</option></select>
<textarea name="note">
As planned</textarea><input name="off" disabled value="never"><input type="submit" name="plain" value="Draft">
<button name="do" value="save">Save draft</button><button name="do" value="sign" formaction="/sign">Sign it</button>
<button type="button" name="do" value="nothing">Help</button></form>
<input name="outside" form="dose" value="o1">
<form action="/find"><input type="search" name="q"></form>
</body></html>"""


def tiny_app(real: AnApp) -> Starlette:
    """An app that launches, comes back and then shows what was sent to it."""

    async def launch(request: Request) -> Response:
        params = real.request(launch=request.query_params["launch"])
        response = RedirectResponse(f"{EHR}/oauth/authorize?{urlencode(params)}", status_code=302)
        response.headers.append("set-cookie", COOKIE)
        return response

    async def callback(request: Request) -> Response:
        if request.cookies.get("__Host-start") != "s1" or "code" not in request.query_params:
            return PlainTextResponse("lost", status_code=400)
        response = RedirectResponse("/l/1/session", status_code=303)
        response.headers.append("set-cookie", "__Host-start=; Path=/; Secure; Max-Age=0")
        response.headers.append("set-cookie", "__Host-session=s2; Path=/; Secure; Partitioned")
        return response

    async def session(request: Request) -> Response:
        return HTMLResponse(PAGE if request.cookies == {"__Host-session": "s2"} else "no session")

    async def echo(request: Request) -> Response:
        form = await request.form()
        sent = urlencode([(name, str(value)) for name, value in form.multi_items()])
        origin, site = request.headers.get("origin"), request.headers["sec-fetch-site"]
        return HTMLResponse(f"<title>Echo</title><p>{escape(sent)}<p>{request.url.path} {origin} {site}")

    async def find(request: Request) -> Response:
        return HTMLResponse(f"<p>{request.method} {request.url.query}</p>")

    async def turn(_request: Request) -> Response:
        return RedirectResponse("/turn", status_code=302)

    async def keep(_request: Request) -> Response:
        return RedirectResponse("/record", status_code=307)

    async def keys(_request: Request) -> Response:
        return PlainTextResponse("{}")

    return Starlette(
        routes=[
            Route("/launch", launch),
            Route("/callback/sandbox", callback),
            Route("/l/1/session", session),
            Route("/l/1/next", find),
            Route("/record", echo, methods=["POST"]),
            Route("/sign", keep, methods=["POST"]),
            Route("/find", find),
            Route("/turn", turn),
            Route("/.well-known/jwks.json", keys),
        ]
    )


@pytest.fixture
async def client(app: AnApp) -> AsyncIterator[httpx.AsyncClient]:
    mounts = {
        EHR: httpx.ASGITransport(app=app.sandbox),
        APP: httpx.ASGITransport(app=tiny_app(app)),
    }
    async with httpx.AsyncClient(mounts=mounts) as both:
        yield both


async def test_the_clinician_launches_through_redirects_and_secure_cookies(client: httpx.AsyncClient) -> None:
    async with Clinician(EHR, "nurse", client=client) as nurse:
        page = await nurse.launch("ada-1")
    assert (page.url, page.status, page.title) == (f"{APP}/l/1/session", 200, "Record a session")
    assert "Session 1 & dose\nGiven by Mira" in page.text
    assert "color" not in page.text


async def test_a_form_is_sent_as_the_page_set_it_but_for_what_was_filled_in(client: httpx.AsyncClient) -> None:
    async with Clinician(EHR, client=client) as doctor:
        page = await doctor.launch("ada-1")
        fields = {"dose": "40.5", "checks": ["consent", "escort"], "route": "im"}
        saved = await doctor.submit(page, "dose", fields, button="Save draft")
        signed = await doctor.submit(page, "/record", {"checks": None}, button="do=sign")
        entered = await doctor.submit(page, "dose")
    assert saved.text == (
        "csrf=c1&dose=40.5&checks=consent&checks=escort&route=im&site=r&kind=First&note=As+planned"
        f"&outside=o1&do=save\n/record {APP} same-origin"
    )
    assert "checks" not in signed.text
    assert "do=sign" in signed.text
    assert signed.url == f"{APP}/record"
    assert "plain=Draft" in entered.text


async def test_links_and_search_forms_lead_on(client: httpx.AsyncClient) -> None:
    async with Clinician(EHR, client=client) as doctor:
        page = await doctor.launch("ada-1")
        assert (await doctor.open(page.link("the NEXT page"), on=page)).text == "GET x=1"
        assert (await doctor.submit(page, "/find", {"q": "a b"})).text == "GET q=a+b"


async def test_whatever_is_not_on_the_page_is_said_to_be_missing(client: httpx.AsyncClient) -> None:
    async with Clinician(EHR, client=client) as doctor:
        page = await doctor.launch("ada-1")
        for form, fields, button in (
            ("nothing", {}, None),
            ("dose", {"colour": "red"}, None),
            ("dose", {"off": "x"}, None),
            ("dose", {"route": "nasal"}, None),
            ("dose", {"kind": "Third"}, None),
            ("dose", {}, "Help"),
        ):
            with pytest.raises(LostError):
                await doctor.submit(page, form, fields, button=button)
        with pytest.raises(LostError, match="The next page"):
            page.link("back")
        with pytest.raises(LostError, match="redirects"):
            await doctor.open(f"{APP}/turn")
        with pytest.raises(LostError, match="no frame"):
            await doctor.launch("nobody-1")


async def test_an_unknown_user_cannot_sign_in(client: httpx.AsyncClient) -> None:
    with pytest.raises(LostError, match="user=surgeon"):
        async with Clinician(EHR, "surgeon", client=client):
            pass


def test_cookies_keep_to_host_and_path_and_can_be_deleted() -> None:
    jar = CookieJar()
    jar.keep("http://localhost:8500/a", ["x=1; Path=/l/1", "y=2", "__Host-z=3; Path=/", "w=4; Max-Age=60"])
    assert jar.header("http://localhost:9999/l/1/page") == {"cookie": "x=1; y=2; w=4"}
    assert jar.header("http://localhost:8500/l/10") == {"cookie": "y=2; w=4"}
    assert jar.header("http://127.0.0.1:8500/l/1") == {}
    jar.keep("http://localhost:8500/", ["y=; Max-Age=0", "w=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
    assert jar.header("http://localhost:8500/") == {}


def test_the_reader_copes_with_sloppy_html() -> None:
    reader = PageReader()
    reader.feed("<p>One<p>Two<br>Three</form><select name=a><option value=1>x<option value=2>y</select>")
    assert reader.text == "One\nTwo\nThree"
    assert reader.forms == []


async def test_the_course_waits_for_the_app(client: httpx.AsyncClient) -> None:
    assert await wait_for_app(APP, client=client, tries=1)
    assert not await wait_for_app(f"{APP}/elsewhere", client=client, tries=1)


def test_the_course_is_five_days_within_three_weeks() -> None:
    days = [one.day for one in five_sessions(TODAY)]
    assert days == sorted(set(days))
    assert len(days) == 5
    assert 0 < (TODAY - days[-1]).days < (TODAY - days[0]).days <= 21
