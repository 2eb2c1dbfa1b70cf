"""From a frame to a window of its own: by an address that works once, for one minute."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from launch import cookies
from launch.errors import CookieRefused, HandoverSpent, LaunchEnded
from tests.launch.an_app import App, question, returned, started
from tests.launch.an_ehr import ISSUER, Clock, a_token_reply, an_id_token

pytestmark = pytest.mark.anyio


async def refused(app: App, browser: httpx.AsyncClient) -> str:
    """The code that a callback without its cookie gives."""
    asked = await started(browser, app)
    async with app.browser() as without_cookies:
        await without_cookies.get(returned(asked))
    error = app.errors.pop()
    assert isinstance(error, CookieRefused)
    assert app.ehr.token.call_count == 0, "the state alone is never trusted"
    return error.handover


async def finished(app: App, window: httpx.AsyncClient, asked: dict[str, str], **reply: Any) -> httpx.Response:
    answer = a_token_reply(id_token=an_id_token(asked["nonce"]), **reply)
    app.ehr.token.mock(return_value=httpx.Response(200, json=answer))
    return await window.get(returned(asked))


async def test_where_the_cookie_is_lost_the_launch_is_made_again_in_another_window(
    app: App, browser: httpx.AsyncClient
) -> None:
    code = await refused(app, browser)
    async with app.browser() as window:
        asked = question(await window.get(f"/handover/{code}"))
        assert asked["launch"] == "LAUNCH-secret", "the same chart"
        assert (await finished(app, window, asked)).status_code == 303
    assert app.opened[0][0].patient == "pat-1"


async def test_where_the_chart_s_launch_value_is_used_up_the_patient_is_chosen_in_the_window(
    app: App, browser: httpx.AsyncClient
) -> None:
    code = await refused(app, browser)
    async with app.browser() as window:
        asked = question(await window.get(f"/handover/{code}"))
        no = returned(asked, code=None, error="invalid_request")
        asked = question(await window.get(no))
        assert "launch" not in asked
        assert "launch/patient" in asked["scope"].split()
        assert (await finished(app, window, asked)).status_code == 303
        asked = question(await window.get("/launch", params={"iss": ISSUER, "launch": "LAUNCH-secret"}))
        assert (await window.get(returned(asked, code=None, error="invalid_request"))).status_code == 400
    assert app.reasons == ["cookie-refused", "authorization-refused"]


async def test_a_window_of_its_own_shows_the_patient_whom_the_ehr_showed_around_the_frame(
    app: App, browser: httpx.AsyncClient
) -> None:
    code = await refused(app, browser)
    async with app.browser() as window:
        asked = question(await window.get(f"/handover/{code}"))
        await finished(app, window, asked, need_patient_banner=False)
    await browser.get(returned(await started(browser, app, need_patient_banner=False)))
    again, framed = (context for context, _ in app.opened)
    assert again.need_patient_banner is True
    assert framed.need_patient_banner is False
    async with app.browser() as window:
        await window.get(f"/handover/{await app.desk.hand_over(framed.id)}")
    moved = app.store.find(framed.id)
    assert moved is not None
    assert moved.need_patient_banner is True


async def test_a_launch_without_a_chart_begins_again_without_one(app: App, browser: httpx.AsyncClient) -> None:
    asked = question(await browser.get("/launch?ehr=demo"))
    async with app.browser() as without_cookies:
        await without_cookies.get(returned(asked))
    code = getattr(app.errors.pop(), "handover", "")
    async with app.browser() as window:
        again = question(await window.get(f"/handover/{code}"))
    assert "launch" not in again
    assert "launch/patient" in again["scope"].split()


async def test_an_open_session_goes_on_in_the_window_and_ends_in_the_frame(
    app: App, browser: httpx.AsyncClient
) -> None:
    await browser.get(returned(await started(browser, app)))
    launch_id = app.opened[0][0].id
    code = await app.desk.hand_over(launch_id)
    in_the_frame = cookies.session_digest(dict(browser.cookies.items()), launch_id)
    async with app.browser() as window:
        arrived = await window.get(f"/handover/{code}")
        in_the_window = cookies.session_digest(dict(window.cookies.items()), launch_id)
    assert arrived.headers["location"] == f"/l/{launch_id}/screening"
    assert (await app.desk.session(launch_id, in_the_window)).patient == "pat-1"
    with pytest.raises(LaunchEnded):
        await app.desk.session(launch_id, in_the_frame)


@pytest.mark.parametrize("opened", [False, True], ids=["cookie lost", "open session"])
async def test_the_way_works_once(app: App, browser: httpx.AsyncClient, opened: bool) -> None:
    if opened:
        await browser.get(returned(await started(browser, app)))
    code = await app.desk.hand_over(app.opened[0][0].id) if opened else await refused(app, browser)
    async with app.browser() as window, app.browser() as thief:
        assert (await window.get(f"/handover/{code}")).status_code == 303
        assert (await thief.get(f"/handover/{code}")).status_code == 400
        assert not thief.cookies
    assert isinstance(app.errors[-1], HandoverSpent)
    assert app.reasons[-1] == "handover-spent"


@pytest.mark.parametrize(("seconds", "status"), [(59, 303), (60, 400)])
async def test_the_way_lasts_a_minute(
    app: App, browser: httpx.AsyncClient, clock: Clock, seconds: int, status: int
) -> None:
    code = await refused(app, browser)
    clock.forward(seconds=seconds)
    async with app.browser() as window:
        assert (await window.get(f"/handover/{code}")).status_code == status
        clock.forward(seconds=-seconds)
        assert (await window.get(f"/handover/{code}")).status_code == 400, "too late is used up, too"


async def test_a_way_to_a_launch_that_was_left_leads_nowhere(app: App, browser: httpx.AsyncClient) -> None:
    await browser.get(returned(await started(browser, app)))
    launch_id = app.opened[0][0].id
    code = await app.desk.hand_over(launch_id)
    await app.desk.end_launch(launch_id)
    async with app.browser() as window:
        assert (await window.get(f"/handover/{code}")).status_code == 400
    assert isinstance(app.errors[-1], LaunchEnded)


@pytest.mark.parametrize("code", ["never-was", "%2e%2e", "x" * 4000])
async def test_a_made_up_code_opens_nothing(app: App, browser: httpx.AsyncClient, code: str) -> None:
    assert (await browser.get(f"/handover/{code}")).status_code == 400
    assert app.ehr.requests == []


async def test_only_a_digest_of_the_code_is_kept_and_no_page_text_holds_a_secret(
    app: App, browser: httpx.AsyncClient
) -> None:
    code = await refused(app, browser)
    assert [code in kept for kept in app.store.handovers] == [False]
    kept = next(iter(app.store.handovers.values()))
    assert "LAUNCH-secret" not in repr(kept)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_cannot_lead_a_browser_into_a_session(
    app: App, browser: httpx.AsyncClient, site: str
) -> None:
    await browser.get(returned(await started(browser, app)))
    code = await app.desk.hand_over(app.opened[0][0].id)
    async with app.browser() as victim:
        assert (await victim.get(f"/handover/{code}", headers={"sec-fetch-site": site})).status_code == 400
        assert not victim.cookies
    async with app.browser() as window:
        assert (await window.get(f"/handover/{code}", headers={"sec-fetch-site": "same-origin"})).status_code == 303
