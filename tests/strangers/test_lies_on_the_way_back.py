"""The browser comes back from the EHR with something else than it was given (L-4, L-6, L-9, C30 to C34)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from smart_app.sandbox.clinician import Clinician
from tests.strangers.conftest import Lied
from tests.strangers.fault_proxy import AUTHORIZE
from tests.strangers.forgeries import ABSENT, answers, redirected_with

pytestmark = pytest.mark.anyio

INTERRUPTED = (400, "The start of the app was interrupted.", "launch-interrupted")
OTHER_EHR = (502, "The answer comes from another EHR than the one that was asked.", "callback-invalid")
NO_CODE = (502, "holds neither a code nor a reason", "callback-invalid")
FORGED = "forged-state-0123456789-abcdefghijklmnopqrstuv"

WAYS_BACK: dict[str, tuple[Any, tuple[int, str, str]]] = {
    "L-4 state missing": (redirected_with({"state": ABSENT}), INTERRUPTED),
    "L-4 state empty": (redirected_with({"state": ""}), INTERRUPTED),
    "L-4 state forged": (redirected_with({"state": FORGED}), INTERRUPTED),
    "L-4 state far too long": (redirected_with({"state": "s" * 9000}), INTERRUPTED),
    "L-4 state twice": (redirected_with({}, more=f"&state={FORGED}"), INTERRUPTED),
    "L-4 code twice": (redirected_with({}, more="&code=another-code"), INTERRUPTED),
    "L-6 path of another EHR": (redirected_with({}, path="/callback/other"), INTERRUPTED),
    "L-6 C32 iss of another EHR": (redirected_with({"iss": "https://evil.test"}), OTHER_EHR),
    "L-6 C32 iss of a look-alike": (redirected_with({"iss": "http://127.0.0.1.evil.test"}), OTHER_EHR),
    "L-6 C32 iss missing though announced": (
        redirected_with({"iss": ABSENT}),
        (502, "does not say which EHR it comes from", "callback-invalid"),
    ),
    "C31 code missing": (redirected_with({"code": ABSENT}), NO_CODE),
    "C31 code empty": (redirected_with({"code": ""}), NO_CODE),
    "C31 code with a line break": (redirected_with({"code": "a\r\nSet-Cookie: b=c"}), NO_CODE),
    "C30 no error we know": (
        redirected_with({"code": ABSENT, "error": "<script>alert(1)</script>", "error_description": "Call 555"}),
        (400, "gave no reason the app knows", "authorization-refused"),
    ),
    "C30 denied": (
        redirected_with({"code": ABSENT, "error": "access_denied"}),
        (400, "refused to give the app access", "consent-refused"),
    ),
    "C30 denied without a state": (
        redirected_with({"code": ABSENT, "error": "access_denied", "state": ABSENT, "iss": ABSENT}),
        (400, "refused to give the app access", "consent-refused"),
    ),
    "C30 scopes refused": (
        redirected_with({"code": ABSENT, "error": "invalid_scope"}),
        (400, "does not grant the permissions (scopes)", "authorization-refused"),
    ),
    "C30 under maintenance": (
        redirected_with({"code": ABSENT, "error": "temporarily_unavailable"}),
        (502, "busy or under maintenance", "ehr-unreachable"),
    ),
    "C30 error beside a code of another EHR": (
        redirected_with({"error": "access_denied", "iss": "https://evil.test"}),
        OTHER_EHR,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "told"), [pytest.param(*case, id=name) for name, case in WAYS_BACK.items()])
async def test_no_token_is_asked_for(lied: Lied, browser: Clinician, forge: Any, told: tuple[int, str, str]) -> None:
    lied.ehr.order(AUTHORIZE, forge)
    lied.ehr.order(AUTHORIZE, forge, method="POST")
    status, words, reason = told
    page = await lied.refused(browser, status=status, words=words, reason=reason)
    assert "<script>alert" not in page.html
    assert "555" not in page.text
    assert lied.token_requests() == 0
    assert lied.other.asked == []


async def caught(lied: Lied, browser: Clinician) -> str:
    """The way back of a launch, which the browser has not gone yet."""
    lied.ehr.order(AUTHORIZE, lambda _asked, reply: _stop(reply))
    lied.ehr.order(AUTHORIZE, lambda _asked, reply: _stop(reply), method="POST")
    page = await browser.open(lied.chart_link())
    lied.ehr.orders.clear()
    return page.text


def _stop(reply: Any) -> Any:
    return answers(reply.headers["location"].encode(), kind="text/plain")(None, reply)  # type: ignore[arg-type]


async def test_another_browser_cannot_finish_a_launch(lied: Lied, browser: Clinician) -> None:
    """L-4, C24: the state is bound to the browser that began; afterwards it is spent for that one too."""
    way_back = await caught(lied, browser)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        page = lied.seen(await Clinician(lied.ehr.url, client=client).open(way_back))
    lied.check_refusal(page, status=400, words="did not keep the app's cookie", reason="cookie-refused")
    mine = lied.seen(await browser.open(way_back))
    lied.check_refusal(mine, status=400, words="was interrupted", reason="launch-interrupted")
    assert lied.token_requests() == 0


async def test_a_browser_that_began_another_launch_cannot_finish_this_one(lied: Lied, browser: Clinician) -> None:
    """L-4 login CSRF: the victim's browser has cookies of the app, but of other launches."""
    way_back = await caught(lied, browser)
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False) as client,
        Clinician(lied.ehr.url, "nurse", client=client) as victim,
    ):
        assert (await lied.launch(victim)).status == 200
        lied.ehr.forget()
        page = lied.seen(await victim.open(way_back))
    lied.check_refusal(page, status=400, words="did not keep the app's cookie", reason="cookie-refused")
    assert lied.token_requests() == 0


async def test_a_forged_start_cookie_finishes_nothing(lied: Lied, browser: Clinician) -> None:
    """L-4, C24: the cookie's name stands in the browser; its value is what counts."""
    way_back = await caught(lied, browser)
    start = next(name for _, _, name in browser._jar._kept if name.startswith("__Host-kp-start-"))
    browser._jar.keep(lied.app.url, [f"{start}=forged-by-somebody; Path=/; Secure"])
    page = lied.seen(await browser.open(way_back))
    lied.check_refusal(page, status=400, words="was interrupted", reason="launch-interrupted")
    assert lied.token_requests() == 0


async def test_a_way_back_is_gone_once(lied: Lied, browser: Clinician) -> None:
    """L-4 same state twice, C34."""
    way_back = await caught(lied, browser)
    assert (await browser.open(way_back)).status == 200
    again = lied.seen(await browser.open(way_back))
    lied.check_refusal(again, status=400, words="was interrupted", reason="launch-interrupted")
    assert lied.token_requests() == 1


async def test_codes_of_two_launches_do_not_mix(lied: Lied, browser: Clinician) -> None:
    """L-6 code injection: the code of one patient's launch in the way back of the other's."""
    one, two = await caught(lied, browser), await caught(lied, browser)
    code = {name: parse_qs(urlsplit(way).query)["code"][0] for name, way in (("one", one), ("two", two))}
    page = lied.seen(await browser.open(two.replace(code["two"], code["one"])))
    lied.check_refusal(page, status=502, words="no longer accepts this start of the app", reason="token-refused")


async def test_a_cookie_planted_before_the_launch_opens_nothing(lied: Lied, browser: Clinician) -> None:
    """L-9: the session's cookie is made at the callback; one that was there before is not taken over."""
    way_back = await caught(lied, browser)
    start = next(name for _, _, name in browser._jar._kept if name.startswith("__Host-kp-start-"))
    planted = start.replace("-start-", "-")
    browser._jar.keep(lied.app.url, [f"{planted}=planted-by-somebody; Path=/; Secure"])
    page = lied.seen(await browser.open(way_back))
    assert page.status == 200
    stolen = httpx.Cookies({planted: "planted-by-somebody"})
    async with httpx.AsyncClient(timeout=30, trust_env=False, cookies=stolen) as thief:
        reply = await thief.get(page.url, headers={"cookie": f"{planted}=planted-by-somebody"})
    assert reply.status_code == 401
    assert "LARSEN" not in reply.text
