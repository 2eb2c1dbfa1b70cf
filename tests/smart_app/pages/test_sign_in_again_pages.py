"""Where a site asks whoever signs to sign in again: what stands in place of the button, the way there and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from launch.errors import LaunchError, OtherUser, SignInNotOffered, SignInUnproven, TokenRefused
from smart_app.pages import error_page
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, post
from tests.smart_app.pages.test_amending_pages import a_colleague, place
from tests.smart_app.pages.treatment import ready, signed

pytestmark = pytest.mark.anyio
ROOT = f"/l/{LAUNCH}"
LINK = "Sign in again to sign"


@pytest.fixture
def asking(desk: Desk) -> Desk:
    return asks(desk)


def asks(desk: Desk) -> Desk:
    """From now on the site asks for it."""
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, sign_in_again=timedelta(minutes=5)))
    return desk


def signed_in(desk: Desk) -> None:
    desk.work.kept.signed_in[LAUNCH] = desk.now


async def test_the_sign_page_asks_first_and_shows_the_review_again_after(asking: Desk) -> None:
    session = ready(asking)
    async with asking.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        assert not [form for form in page.forms if form.action.endswith("/sign")]
        assert "You have 5 minutes for one signature." in page.text
        assert "171/101" in page.text
        there = await client.get(page.links[LINK])
        assert (there.status_code, there.headers["location"]) == (303, "https://ehr.example/authorize?")
        assert "start-secret" in there.headers["set-cookie"]
        assert asking.asked_to_sign_in == [f"session/{session.id}/sign"]
        signed_in(asking)
        page = PageParts((await client.get(place(session, "sign"))).text)
        assert LINK not in page.links
        assert "You signed in again. Sign by" in page.text
        assert "171/101" in page.text
        assert (await post(client, page.form("/sign"), attest="yes")).status_code == 303
        page = PageParts((await client.get(place(session, "sign"))).text)
    assert "Signed in again 23 Nov 2026" in page.text


async def test_a_page_that_was_open_too_long_says_so_and_asks_again(asking: Desk) -> None:
    session = ready(asking)
    signed_in(asking)
    async with asking.client() as client:
        form = PageParts((await client.get(place(session, "sign"))).text).form("/sign")
        asking.now += timedelta(minutes=5)
        response = await post(client, form, attest="yes")
    page = PageParts(response.text)
    assert response.status_code == 403
    assert "You have to sign in again" in page.text
    assert LINK in page.links
    assert asking.work.kept.sessions[session.id].signed is None


async def test_a_colleague_signs_in_before_countersigning(desk: Desk) -> None:
    session = signed(desk)
    asking = asks(desk)
    asking.open(a_colleague())
    async with asking.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        assert not [form for form in page.forms if form.action.endswith("/countersign")]
        assert page.links[LINK] == f"{ROOT}/sign-in-again/session/{session.id}/sign"
        signed_in(asking)
        page = PageParts((await client.get(place(session, "sign"))).text)
        form = page.form("/countersign")
        asking.work.kept.signed_in.clear()
        assert (await post(client, form, attest="yes")).status_code == 403
        signed_in(asking)
        await post(client, form, attest="yes")
    assert len(asking.work.kept.countersignatures) == 1


async def test_an_addendum_keeps_its_words_on_the_way(desk: Desk) -> None:
    session = signed(desk)
    asking = asks(desk)
    typed = {"text": "The escort called.", "reason": "She forgot.", "attest": "yes"}
    async with asking.client() as client:
        form = PageParts((await client.get(place(session, "addendum"))).text).form("/addendum")
        page = PageParts((await post(client, form, **typed)).text)
        assert "Nothing is signed yet. What you typed is kept" in page.text
        await client.get(page.links[LINK])
        assert asking.asked_to_sign_in == [f"session/{session.id}/addendum"]
        signed_in(asking)
        shown = await client.get(place(session, "addendum"))
        assert "The escort called." in shown.text
        again = PageParts(shown.text).form("/addendum")
        assert (await post(client, again, **typed)).status_code == 303
    signed_now = asking.work.kept.sessions[session.id].signed
    assert signed_now is not None
    assert [one.text for one in signed_now.addenda] == ["The escort called."]


async def test_a_missed_session_keeps_its_words_on_the_way(desk: Desk) -> None:
    signed(desk)
    asking = asks(desk)
    async with asking.client() as client:
        form = PageParts((await client.get(f"{ROOT}/session/missed")).text).form("/missed")
        page = PageParts((await post(client, form, reason="Snow.")).text)
        await client.get(page.links[LINK])
        signed_in(asking)
        shown = await client.get(f"{ROOT}/session/missed")
        assert "Snow." in shown.text
        assert (await post(client, PageParts(shown.text).form("/missed"), reason="Snow.")).status_code == 303
    assert asking.asked_to_sign_in == ["session/missed"]


@pytest.mark.parametrize(
    "where", ["screening", "session/../sign", "session/x/sign/y", "https://evil.test/session/x/sign"]
)
async def test_it_leads_back_to_what_is_signed_and_nowhere_else(asking: Desk, where: str) -> None:
    async with asking.client() as client:
        answer = await client.get(f"{ROOT}/sign-in-again/{where}")
    assert answer.status_code == 404
    assert asking.asked_to_sign_in == []


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SignInNotOffered(ehr="demo"), 502, "This EHR does not offer"),
        (TokenRefused("The EHR no longer accepts this start of the app.", ehr="demo"), 502, "Go back and try again."),
    ],
)
async def test_an_ehr_that_cannot_is_named_and_what_the_site_can_do(
    asking: Desk, error: LaunchError, status: int, words: str
) -> None:
    session = ready(asking)
    asking.sign_in_fails = error
    async with asking.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        answer = await client.get(page.links[LINK])
    told = PageParts(answer.text)
    assert answer.status_code == status
    assert words in told.text
    assert "Nothing was signed. Your session goes on as before." in told.text
    assert told.links["Go back"] == place(session, "sign")
    refusal = asking.work.kept.audit[-1]
    assert (refusal.action, refusal.actor) == (
        "clinician:sign-in-again:begin",
        a_caller().clinician.reference,
    )
    assert refusal.detail.startswith(error.reason)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OtherUser(ehr="demo"), "Whoever opened the app has to sign in again."),
        (SignInUnproven("The EHR did not say when its user signed in.", ehr="demo"), "has to ask for a new sign-in"),
    ],
)
def test_what_went_wrong_on_the_way_back_leads_to_the_note(desk: Desk, error: LaunchError, words: str) -> None:
    error.back = f"{ROOT}/session/s-1/sign"
    page = PageParts(bytes(error_page(desk.deps, error, ehr="demo").body).decode())
    assert "You are not signed in again" in page.text
    assert words in page.text
    assert page.links["Go back"] == error.back
