"""Every address that changes something, asked in every way that is not its own page's form (security B-4)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from smart_app.pages.book import ALL
from smart_app.use_cases.records import StoredSession
from tests.fakes import Kept
from tests.smart_app.pages.desk import (
    HEADERS,
    LAUNCH,
    ORIGIN,
    SECRET,
    Desk,
    PageParts,
    a_caller,
)
from tests.smart_app.pages.treatment import running

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ACTS = [route.path for route in ALL if route.method == "POST"]
SENT = {
    "do": "start",
    "attest": "yes",
    "reason": "A reason that is long enough",
    "stop.reason": "A reason that is long enough",
    "route": "IV",
    "total": "17",
    "date": "2026-11-23",
    "check.identity": "no",
    "reading.systolic": "141",
    "reading.diastolic": "82",
    "reading.heart_rate": "70",
    "reading.oxygen_saturation": "98",
    "entry": "entry-1",
    "held": "2026-11-23",
}


def address(path: str, session: StoredSession) -> str:
    known = {"session": session.id, "entry": session.entries[0].id, "kind": "reading", "rule": "HOLD-BP"}
    known |= {
        "vial": "vial-1",
        "row": "row-1",
        "decision": "hold",
        "scale": "phq9",
        "score": "score-1",
        "form": "log",
    }
    return f"/l/{LAUNCH}/{path.format_map(known)}"


async def marks(client: httpx.AsyncClient, launch: str = LAUNCH) -> dict[str, str]:
    return PageParts((await client.get(f"/l/{launch}/leave")).text).form("/leave").fields


def unchanged(desk: Desk, before: Kept) -> bool:
    """Whether all is as before, but for the audit trail, which has grown by refusals alone."""
    new = desk.work.kept.audit[len(before.audit) :]
    same = replace(desk.work.kept, audit=before.audit) == before
    return same and desk.ended == [] and all(each.action.endswith(":refuse") for each in new)


FORGED = {
    "a form of another origin": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a form of a neighbouring host": {"Origin": "https://evil.app.example", "Sec-Fetch-Site": "same-site"},
    "a sandboxed frame": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "the EHR's own page": {"Origin": "https://ehr.example", "Sec-Fetch-Site": "cross-site"},
    "an old browser on another site": {"Origin": "https://evil.example"},
    "nobody who says who it is": {},
    "an address typed by hand": {"Sec-Fetch-Site": "none"},
    "another scheme": {"Origin": ORIGIN.replace("https", "http")},
    "another port": {"Origin": f"{ORIGIN}:8443"},
    "a beacon of another origin": {"Origin": "https://evil.example", "Content-Type": "text/plain;charset=UTF-8"},
}


def test_there_are_addresses_that_change_something() -> None:
    assert len(ACTS) > 15


@pytest.mark.parametrize("path", ACTS)
async def test_no_other_page_can_send_a_form_even_with_the_right_marks(desk: Desk, path: str) -> None:
    session = running(desk)
    async with desk.client() as client:
        body = urlencode(SENT | await marks(client))
        for who, headers in FORGED.items():
            before = desk.work.kept
            response = await client.post(address(path, session), content=body, headers=FORM | headers)
            assert response.status_code == 403, who
            assert unchanged(desk, before), who


@pytest.mark.parametrize("path", ACTS)
async def test_the_marks_of_another_session_or_none_change_nothing(desk: Desk, path: str) -> None:
    session = running(desk)
    other = a_caller(launch="launch-2")  # the same user and patient, in another start of the app
    desk.open(other, secret="second-secret")
    async with desk.client(launch="launch-2", secret="second-secret") as client:
        theirs = await marks(client, "launch-2")
    async with desk.client() as client:
        ours = await marks(client)
        cases = {
            "no marks": {},
            "no token": ours | {"_token": ""},
            "the token of another session": ours | {"_token": theirs["_token"]},
            "all marks of another session": theirs,
            "another's under our name": theirs | {"_launch": LAUNCH},
        }
        for what, given in cases.items():
            before = desk.work.kept
            body = urlencode(SENT | given)
            response = await client.post(address(path, session), content=body, headers=FORM | HEADERS)
            assert response.status_code in {403, 409}, what
            assert unchanged(desk, before), what


@pytest.mark.parametrize("path", ACTS)
async def test_only_a_form_is_a_form_and_only_post_changes_something(desk: Desk, path: str) -> None:
    session = running(desk)
    async with desk.client() as client:
        given = SENT | await marks(client)
        to = address(path, session)
        before = desk.work.kept
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
            response = await client.post(to, json=given, headers=HEADERS | {"Content-Type": kind})
            assert response.status_code == 403, kind
        for method in ("PUT", "PATCH", "DELETE"):
            response = await client.request(method, to, content=urlencode(given), headers=FORM | HEADERS)
            assert response.status_code in {404, 405}, method
        assert unchanged(desk, before)
        counted = replace(before, audit=[], screenings={})
        disguised = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"}
        for query in (given, given | {"_method": "POST"}):
            await client.get(to, params=query, headers=HEADERS | disguised)
        after = desk.work.kept
        looks = [each.action for each in after.audit[len(before.audit) :]]
        assert replace(after, audit=[], screenings={}) == counted
        assert all(action.endswith((":read", ":review", ":refuse", ":screen")) for action in looks), looks
    assert desk.ended == []


async def test_a_cookie_planted_before_the_launch_opens_nothing(desk: Desk) -> None:
    desk.open(secret="the-secret-of-the-callback")
    async with desk.client(secret=SECRET) as client:
        assert (await client.get(f"/l/{LAUNCH}/about")).status_code == 401
