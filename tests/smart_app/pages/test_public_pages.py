"""What an EHR's administrator opens without a launch."""

from __future__ import annotations

import struct

import httpx
import pytest

from fhir_mappings.wire import decode
from tests.smart_app.pages.desk import ORIGIN, Desk

pytestmark = pytest.mark.anyio


async def asked(address: str, base_path: str = "") -> httpx.Response:
    desk = Desk(base_path=base_path)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(desk.app()), base_url=ORIGIN) as nobody:
        return await nobody.get(base_path + address)


@pytest.mark.parametrize("base_path", ["", "/pathway"])
@pytest.mark.parametrize("address", ["/logo.svg", "/logo.png", "/policy", "/app-registration.json"])
async def test_it_opens_without_a_launch_and_nobody_may_frame_it(address: str, base_path: str) -> None:
    answer = await asked(address, base_path)
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


async def test_the_logo_may_be_kept_for_a_day_since_its_address_stays() -> None:
    svg, png = await asked("/logo.svg"), await asked("/logo.png")
    assert (svg.headers["content-type"], png.headers["content-type"]) == ("image/svg+xml", "image/png")
    assert {answer.headers["cache-control"] for answer in (svg, png)} == {"public, max-age=86400"}
    assert struct.unpack(">8s4x4sII", png.content[:24]) == (b"\x89PNG\r\n\x1a\n", b"IHDR", 512, 512)


async def test_the_policy_says_whom_to_ask() -> None:
    text = (await asked("/policy")).text
    assert "Contact: whoever runs this app at your site." in text
    assert "<script" not in text


async def test_an_ehr_that_is_not_named_or_not_there_is_not_told_of() -> None:
    assert decode((await asked("/app-registration.json")).content) == {"format": "x", "ehr": None}
    assert decode((await asked("/app-registration.json?ehr=demo")).content) == {"format": "x", "ehr": "demo"}
    refused = await asked("/app-registration.json?ehr=other")
    assert (refused.status_code, refused.content) == (404, b"")
