"""Keys and tone belong to the browser: on and off as shipped, changed on the About page, and kept in its cookie."""

from __future__ import annotations

import httpx
import pytest

from smart_app.pages.ways import NAME, Ways, ways_cookie, ways_of
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, post
from tests.smart_app.pages.treatment import running

pytestmark = pytest.mark.anyio
ROOT = f"/l/{LAUNCH}"


@pytest.mark.parametrize("ways", [Ways(keys=keys, tone=tone) for keys in (True, False) for tone in (True, False)])
def test_the_cookie_says_what_was_chosen(ways: Ways) -> None:
    pair, _, attributes = ways_cookie(ways).partition(";")
    assert ways_of(f"other=1; {pair}; __Host-kp-x=y") == ways
    for each in ("HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"):
        assert each in attributes


@pytest.mark.parametrize("header", [None, "", f"{NAME}=", f"{NAME}=odd;", "nonsense"])
def test_without_a_word_it_is_as_shipped(header: str | None) -> None:
    assert ways_of(header) == Ways(keys=True, tone=False)


async def shown(client: httpx.AsyncClient, path: str) -> str:
    return (await client.get(f"{ROOT}/{path}")).text


async def test_keys_are_switched_off_and_a_tone_on_for_this_browser_alone(desk: Desk) -> None:
    session = running(desk)
    monitor = f"session/{session.id}/monitor?add=all"
    async with desk.client() as client:
        before = await shown(client, monitor)
        for key in "van":
            assert f'accesskey="{key}"' in before
        assert "data-tone" not in before
        page = PageParts(await shown(client, "about"))
        assert "V next reading, A adverse event, N note" in page.text
        form = page.form("/about/ways")
        assert form.fields.get("keys") == "yes"
        assert "tone" not in {name for name, value in form.fields.items() if value}
        form.fields.pop("keys")
        answer = await post(client, form, tone="yes")
        assert answer.headers["location"].endswith("about?saved=1#keys")
        cookie = answer.headers["set-cookie"].partition(";")[0]
    async with desk.client() as other:
        assert "accesskey" in await shown(other, monitor), "another browser keeps its own"
        other.headers["cookie"] = f"{other.headers['cookie']}; {cookie}"
        after = await shown(other, monitor)
        assert "accesskey" not in after
        assert 'data-tone="yes"' in after
        again = PageParts(await shown(other, "about")).form("/about/ways").fields
        assert (again.get("keys"), again.get("tone")) == (None, "yes")
