"""What a page weighs on its way to a tablet, with everything that it loads and without its drawings."""

from __future__ import annotations

import re
from gzip import compress

import pytest

from smart_app.pages.templating import PARTS
from tests.smart_app.pages.desk import LAUNCH, PageParts
from tests.smart_app.pages.states import STAGES

pytestmark = pytest.mark.anyio

MOST = 40 * 1024
DRAWINGS = re.compile(rb"<svg.*?</svg>", re.DOTALL)
GZIP = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize("stage", STAGES)
async def test_every_page_and_all_it_loads_stay_light(stage: str) -> None:
    desk, states = STAGES[stage]()
    async with desk.client() as client:
        # With all its forms unfolded at once the monitor is met by nobody: the script fetches them one by one.
        for path in dict.fromkeys(state.path for state in states if "?add=" not in state.path):
            address = path if path.startswith("/") else f"/l/{LAUNCH}/{path}"
            response = await client.get(address, headers=GZIP)
            page = DRAWINGS.sub(b"", response.content)
            packed = response.headers.get("content-encoding") == "gzip"
            total = len(compress(page)) if packed else len(page)
            linked = {attrs.get(name, "") for _, attrs in PageParts(response.text).tags for name in ("href", "src")}
            files = {link for link in linked if link.startswith("/static/")}
            files |= {link.replace("app.js", part) for link in files if link.endswith("/app.js") for part in PARTS}
            for each in files:
                total += int((await client.get(each, headers=GZIP)).headers["content-length"])
            assert total <= MOST, path


async def test_only_a_page_that_holds_nothing_of_the_request_is_compressed() -> None:
    desk, _ = STAGES["begun"]()
    async with desk.client() as client:
        plain = await client.get(f"/l/{LAUNCH}/about", headers={"Accept-Encoding": "identity"})
        packed = await client.get(f"/l/{LAUNCH}/about", headers=GZIP)
        asked = await client.get(f"/l/{LAUNCH}/about?text=of-somebody-else", headers=GZIP)
        nowhere = await client.get(f"/l/{LAUNCH}/text-of-somebody-else", headers=GZIP)
        form = PageParts(packed.text).form("/window")
        refused = await client.post(form.action, content="text=of-somebody-else", headers=GZIP)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    for each in (plain, asked, nowhere, refused):
        assert "content-encoding" not in each.headers
