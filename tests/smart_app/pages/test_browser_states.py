"""Every state of every page in a real Chromium: light, dark, on a tablet and at 320 px."""

from __future__ import annotations

import pytest

from tests.browser import CHROMIUM, RULES
from tests.smart_app.pages.browsing import SMALL, VIEWS, axe_module, opened, sync_api
from tests.smart_app.pages.states import STAGES, State

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]

UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
LAYOUT = {"runOnly": {"type": "rule", "values": ["scrollable-region-focusable", "target-size"]}}
AGAIN = "options => axe.run(document, options).then(found => found.violations)"
HEADS = "document.querySelectorAll('h1').length"


@pytest.mark.parametrize("stage", STAGES)
def test_every_state_is_sound(stage: str) -> None:
    desk, states = STAGES[stage]()
    faults: list[str] = []
    with opened(desk, **VIEWS["tablet"]) as page:
        for state in states:
            page.goto(state.path if not state.path.startswith("/") else f"{desk.deps.origin}{state.path}")
            state.act(page)
            page.evaluate(UNFOLD)
            faults += [f"{state.name}: {each}" for each in _faults(page, state)]
    assert faults == []


def _faults(page: sync_api.Page, state: State) -> list[str]:
    found = (
        axe_module.Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
    )
    said = _said(found, "light")
    if page.evaluate(HEADS) != 1:
        said.append(f"{page.evaluate(HEADS)} first headings")
    if not page.title() or state.name.endswith(("refused", "asked back")) != page.title().startswith("Error: "):
        said.append(f"the title says {page.title()!r}")
    page.emulate_media(color_scheme="dark")
    said += _said(page.evaluate(AGAIN, COLOURS), "dark")
    page.emulate_media(color_scheme="light")
    for width, height in ((1024, 1366), (320, 900)):
        page.set_viewport_size({"width": width, "height": height})
        wide, small = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(SMALL)
        if wide > width:
            said.append(f"{wide} px wide at {width}")
        said += _said(page.evaluate(AGAIN, LAYOUT), f"at {width} px")
        if small:
            said.append(f"targets below 48 px at {width}: {small}")
    page.set_viewport_size(VIEWS["tablet"]["viewport"])
    return said


def _said(violations: list[dict[str, object]], where: str) -> list[str]:
    return [f"{where}: {each['id']}: {node['html'][:160]}" for each in violations for node in each["nodes"]]  # type: ignore[index]
