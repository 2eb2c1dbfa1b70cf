"""Headers on every response, cookies, and the static files."""

from __future__ import annotations

import gzip

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from smart_app.pages import Framing, PolicyHeaders, policy
from smart_app.pages.frame import forget_cookie, session_cookie
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts

pytestmark = pytest.mark.anyio

ALWAYS = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/l/{LAUNCH}/screening", 200),
        (f"/l/{LAUNCH}/about", 200),
        (f"/l/{LAUNCH}/no/such/page", 404),
        ("/l/unknown/about", 401),
        ("/elsewhere", 404),
    ],
)
async def test_every_response_carries_the_headers(desk: Desk, path: str, status: int) -> None:
    async with desk.client() as client:
        response = await client.get(path)
    assert response.status_code == status
    assert {name: response.headers[name] for name in ALWAYS} == ALWAYS
    said = response.headers["content-security-policy"]
    assert "default-src 'none'" in said
    assert "require-trusted-types-for 'script'; trusted-types ktx" in said
    assert "permissions-policy" in response.headers
    assert "x-frame-options" not in response.headers


async def test_only_the_launch_s_own_ehr_may_frame_its_pages(desk: Desk) -> None:
    async with desk.client() as client:
        ours = (await client.get(f"/l/{LAUNCH}/about")).headers["content-security-policy"]
        missing = (await client.get(f"/l/{LAUNCH}/no/page")).headers["content-security-policy"]
        nobody = (await client.get("/elsewhere")).headers["content-security-policy"]
    assert "frame-ancestors 'self' https://ehr.example;" in ours
    assert "form-action 'self' https://login.example;" in ours
    assert "frame-ancestors 'self' https://ehr.example;" in missing
    assert "frame-ancestors 'none';" in nobody
    assert "form-action 'self';" in nobody


async def test_the_page_of_an_ended_session_is_still_framed(desk: Desk) -> None:
    desk.deps.end_launch(LAUNCH)
    async with desk.client() as client:
        response = await client.get(f"/l/{LAUNCH}/screening")
    assert response.status_code == 401
    assert "https://ehr.example" in response.headers["content-security-policy"]


async def test_a_fault_below_does_not_lose_the_headers() -> None:
    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"X-Frame-Options": "DENY", "Cache-Control": "max-age=300"}
        await PlainTextResponse("no", status_code=500, headers=headers)(scope, receive, send)

    app = PolicyHeaders(plain, framing=lambda _: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://app.example") as client:
        response = await client.get("/")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "x-frame-options" not in response.headers
    assert response.headers["cache-control"] == "max-age=300", "key sets say themselves how long they hold"


def test_the_policy_to_the_letter() -> None:
    framing = Framing(
        ancestors=("https://ehr.example", "https://portal.example"), form_targets=("https://login.example",)
    )
    assert policy(framing) == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self' https://login.example; "
        "base-uri 'none'; object-src 'none'; frame-ancestors 'self' https://ehr.example https://portal.example; "
        "require-trusted-types-for 'script'; trusted-types ktx"
    )


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("", None),
        ("__Host-kp-a=secret", "secret"),
        ("odd[=1; __Host-kp-a=secret; x", "secret"),
        ("__Host-kp-ab=secret", None),
        ("kp-a=secret", None),
        ("__Host-kp-a=", None),
    ],
    ids=["no header", "empty", "alone", "beside an odd one", "other launch", "without prefix", "empty value"],
)
def test_the_session_cookie_is_found_by_its_whole_name(header: str | None, found: str | None) -> None:
    assert session_cookie(header, "a") == found


def test_a_cookie_is_removed_with_the_attributes_it_was_set_with() -> None:
    assert forget_cookie("a") == "__Host-kp-a=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"


async def test_static_files_are_kept_for_long_under_a_name_made_of_their_content(desk: Desk) -> None:
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/about")).text)
        sheet = next(attrs["href"] for tag, attrs in page.tags if tag == "link" and attrs["rel"] == "stylesheet")
        response = await client.get(sheet)
        other = await client.get("/static/0000000000000000/app.css")
        climbing = await client.get("/static/0000000000000000/..%2fapp.css")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert (other.status_code, climbing.status_code) == (404, 404)


async def test_static_files_are_the_same_with_and_without_compression(desk: Desk) -> None:
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/about")).text)
        app = next(attrs["src"] for _, attrs in page.tags if attrs.get("src", "").endswith("/app.js"))
        script = app.replace("app.js", "page.js")
        small = await client.get(script, headers={"Accept-Encoding": "gzip"})
        whole = await client.get(script, headers={"Accept-Encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in whole.headers
    assert small.content == whole.content
    assert len(gzip.compress(whole.content)) < len(whole.content) / 2


async def test_pages_live_under_the_base_path(desk: Desk) -> None:
    moved = Desk(base_path="/kp")
    moved.open()
    async with moved.client() as client:
        response = await client.get(f"/kp/l/{LAUNCH}/about")
    page = PageParts(response.text)
    assert page.links["Screening"] == f"/kp/l/{LAUNCH}/screening"
