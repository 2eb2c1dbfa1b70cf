"""What a device gets: its key by the page's own form, a service worker without data, the page "No connection"."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import urlencode

import httpx
import pytest

from tests.smart_app.pages.desk import HEADERS, LAUNCH, Desk, PageParts, a_caller
from tests.smart_app.pages.treatment import running

pytestmark = pytest.mark.anyio


async def ask(
    client: httpx.AsyncClient, marks: dict[str, str], launch: str = LAUNCH, held: str = ""
) -> httpx.Response:
    sent = HEADERS | {"X-KP-Script": "1", "Content-Type": "application/x-www-form-urlencoded"}
    return await client.post(f"/l/{launch}/device-key", content=urlencode(marks | {"held": held}), headers=sent)


async def marks_of(client: httpx.AsyncClient, launch: str = LAUNCH) -> dict[str, str]:
    page = PageParts((await client.get(f"/l/{launch}/leave")).text)
    return {name: value for name, value in page.form("/leave").fields.items() if name.startswith("_")}


async def test_a_page_gets_its_key_and_those_of_what_it_holds(desk: Desk) -> None:
    async with desk.client() as client:
        marks = await marks_of(client)
        first = await ask(client, marks)
        second = await ask(client, marks, held=f"{first.json()['id']} unknown " * 100)
    told = first.json()
    assert second.json() == told
    assert len(base64.b64decode(told["keys"][told["id"]])) == 32
    assert first.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("wrong", ["_token", "_patient", "_launch"])
async def test_without_the_marks_of_the_page_there_is_none(desk: Desk, wrong: str) -> None:
    async with desk.client() as client:
        answer = await ask(client, await marks_of(client) | {wrong: "x"})
    assert answer.status_code in {403, 409}
    assert desk.work.kept.device_keys == {}


async def test_the_key_of_one_patient_is_not_given_in_the_launch_of_another(desk: Desk) -> None:
    async with desk.client() as client:
        told = (await ask(client, await marks_of(client))).json()
    desk.open(a_caller(launch="launch-2", patient_id="ben"), secret="second")
    async with desk.client(launch="launch-2", secret="second") as client:
        theirs = await ask(client, await marks_of(client, "launch-2"), "launch-2", held=told["id"])
    assert told["id"] not in theirs.json()["keys"]


async def test_the_service_worker_keeps_static_files_and_one_page_and_nothing_else(desk: Desk) -> None:
    running(desk)
    async with desk.client() as client:
        script = await client.get("/worker.js")
        told = json.loads(re.match(r"const KEPT = (.*);\n", script.text)[1])  # type: ignore[index]  # else it fails
        assert script.headers["cache-control"] == "no-cache"
        assert script.headers["content-type"].startswith("text/javascript")
        for path in told["files"]:
            kept = await client.get(path)
            assert kept.status_code == 200, path
            assert path == "/no-connection" or path.startswith("/static/")
            assert "TESTPATIENT" not in kept.text.upper()


async def test_the_page_for_no_connection_is_the_same_for_everybody_and_in_no_frame(desk: Desk) -> None:
    async with desk.client(secret=None) as client:
        page = await client.get("/no-connection")
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_under_a_base_path_the_worker_reaches_the_app_alone(desk: Desk) -> None:
    moved = Desk(base_path="/kp")
    async with moved.client() as client:
        script = (await client.get("/kp/worker.js")).text
    assert '"/kp/no-connection"' in script
    assert '"/kp/static/' in script
