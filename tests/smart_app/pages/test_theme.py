"""The EHR's look on our pages: a few colours and a radius, only where everything stays readable, and never more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files

import pytest

from smart_app.pages.colours import brighter, colour, contrast, mixed
from smart_app.pages.theme import palettes, sheet
from tests.smart_app.pages.desk import LAUNCH, Desk, a_caller

OWN = files("smart_app.pages").joinpath("static", "app.css").read_text("utf-8")
NAVY = "#1b4f72"
PALE_BLUE = "#8fc1ee"
STYLE = {"color_background": "#edeae3", "color_highlight": NAVY, "dim_border_radius": "6px"}
LIGHT, DARK, BOTH = "(prefers-color-scheme: light)", "(prefers-color-scheme: dark)", ""


def changed(**style: object) -> dict[str, dict[str, str]]:
    """The tokens of each rule, by the mode it holds for."""
    css = sheet(style, OWN)
    where, token = (
        r"@media screen and \(prefers-contrast: no-preference\)(?: and )?(.*?)",
        r"--[a-z-]+: [#0-9a-z.]+; ",
    )
    rule = re.compile(rf"{where} \{{ :root \{{ ((?:{token})+)\}} \}}\n")
    assert rule.sub("", css) == "", "nothing but rules of this one shape"
    return {mode: dict(re.findall(r"--([a-z-]+): ([^;]+);", body)) for mode, body in rule.findall(css)}


def test_a_style_for_light_pages_changes_the_light_pages_alone() -> None:
    assert changed(**STYLE) == {
        LIGHT: {"ground": "#edeae3", "act": NAVY, "act-soft": "#e4eaee"},
        BOTH: {"r": "6px", "r-in": "6px"},
    }


def test_a_style_for_dark_pages_changes_the_dark_pages_alone() -> None:
    found = changed(color_background="#0b1220", color_highlight=PALE_BLUE)
    assert set(found) == {DARK}
    assert found[DARK]["act"] == PALE_BLUE
    assert found[DARK]["ground"] == "#0b1220"


CLINICAL = (
    "stop",
    "warn",
    "ok",
    "stop-soft",
    "warn-soft",
    "ok-soft",
    "top",
    "top-ink",
    "ink",
    "mute",
    "card",
    "focus",
)


def test_what_carries_a_clinical_meaning_is_never_changed() -> None:
    style = dict.fromkeys(("color_error", "color_success", "color_text", "color_modal_backdrop"), "#00f")
    style |= {f"--{name}": "#00f" for name in CLINICAL} | dict.fromkeys(CLINICAL, "#00f")
    assert changed(**style) == {}
    everything = [token for rule in changed(**STYLE, **style).values() for token in rule]
    assert not set(everything) & set(CLINICAL)


@pytest.mark.parametrize(
    "highlight", ["#c00000", "#9f1420", "#8a3d00", "#0a6640", "#006400", "#b0004f", "#555555", "#4a5560", "#000000"]
)
def test_a_highlight_that_could_be_taken_for_a_finding_is_left_out(highlight: str) -> None:
    assert contrast(colour(highlight) or (0, 0, 0), (255, 255, 255)) > 4.5, "readable, and yet"
    assert changed(color_highlight=highlight) == {}


@pytest.mark.parametrize("highlight", ["#69b5ce", "#0a84ff", "#7fb0ff", "#2e86c1"])
def test_a_highlight_too_pale_to_read_is_left_out_of_light_pages(highlight: str) -> None:
    assert LIGHT not in changed(color_highlight=highlight)


@pytest.mark.parametrize("ground", ["#777777", "#c8c8c8", "#ffe0e0", "#ffff00", "#d0e8ff", "#5a5a66"])
def test_a_ground_that_the_text_does_not_stand_out_from_is_left_out(ground: str) -> None:
    assert changed(color_background=ground) == {}


def test_one_colour_that_is_left_out_takes_no_other_with_it() -> None:
    found = changed(color_background="#777777", color_highlight=NAVY, dim_border_radius="4rem")
    assert set(found) == {LIGHT}
    assert set(found[LIGHT]) == {"act", "act-soft"}


def _shades() -> list[str]:
    return [f"#{red:02x}{green:02x}{blue:02x}" for red in STEPS for green in STEPS for blue in STEPS]


STEPS = range(0, 256, 51)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_whatever_an_ehr_offers_everything_stays_readable(mode: int) -> None:
    own = palettes(OWN)[mode]
    greys = [f"#{level:02x}{level:02x}{level:02x}" for level in range(0, 256, 5)]
    seen = 0
    for ground in ["", *greys]:
        for highlight in _shades():
            tokens = changed(color_background=ground, color_highlight=highlight).get((LIGHT, DARK)[mode], {})
            now = own | {name: colour(value) or (0, 0, 0) for name, value in tokens.items()}
            seen += bool(tokens)
            for text in ("ink", "mute", "act", "ok", "warn", "stop"):
                assert contrast(now[text], now["ground"]) >= 4.5, (ground, highlight, text)
            for below in ("card", "well", "act-ink", "act-soft", "ok-soft", "warn-soft", "stop-soft"):
                assert contrast(now["act"], now[below]) >= 4.5, (ground, highlight, below)
            assert contrast(brighter(now["act"], 1.12), now["act-ink"]) >= 4.5, (ground, highlight)
            assert contrast(now["ink"], now["act-soft"]) >= 4.5
            assert contrast(now["mute"], now["act-soft"]) >= 4.5
    assert seen, "and some are taken"


HOSTILE = [
    "#00f;} body{display:none",
    "#00f}",
    "url(https://evil.test/x)",
    "#00f url(//evil.test)",
    "javascript:alert(1)",
    "expression(alert(1))",
    "@import 'https://evil.test/x.css'",
    "var(--stop)",
    "transparent",
    "navy",
    "rgb(0, 0, 128)",
    "#0000ff00",
    "#00f0",
    "#00",
    "#00g",
    "#0000ff\n",
    " #0000ff",
    "#００００ff",
    "</style><script>alert(1)</script>",
    "\\23 0000ff",
    "/* */#00f",
    "",
    0x0000FF,
    255,
    True,
    None,
    ["#0000ff"],
    {"color": "#0000ff"},
]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_no_text_of_a_style_document_gets_into_the_sheet(value: object) -> None:
    style = dict.fromkeys(["color_background", "color_highlight", "dim_border_radius", "font_family_body"], value)
    assert sheet(style, OWN) == ""


def test_no_name_of_a_style_document_gets_into_the_sheet() -> None:
    assert sheet({"x{}*{display:none}": "#00f", "--ground": "#00f", "": ""}, OWN) == ""


@pytest.mark.parametrize(
    ("length", "card", "inside"),
    [
        ("0", "0px", "0px"),
        ("3px", "3px", "3px"),
        ("0.75rem", "12px", "8px"),
        ("1em", "16px", "8px"),
        ("16px", "16px", "8px"),
    ],
)
def test_a_radius_in_bounds_is_taken(length: str, card: str, inside: str) -> None:
    assert changed(dim_border_radius=length) == {BOTH: {"r": card, "r-in": inside}}


@pytest.mark.parametrize(
    "length", ["17px", "2rem", "999px", "1e1px", "-1px", "6 px", "6", "6pt", "6%", "calc(1px + 1px)", "6px;", "٦px"]
)
def test_any_other_radius_is_left_out(length: str) -> None:
    assert changed(dim_border_radius=length) == {}


def test_our_own_colours_are_read_from_our_own_sheet() -> None:
    light, dark = palettes(OWN)
    assert (light["card"], dark["card"]) == ((255, 255, 255), (25, 34, 43))
    assert dark["top-ink"] == light["top-ink"], "what dark pages do not change stays"


def test_colours_as_numbers() -> None:
    black, white = (0, 0, 0), (255, 255, 255)
    assert contrast(black, white) == contrast(white, black) == 21
    assert contrast(white, white) == 1
    assert round(contrast((119, 119, 119), white), 2) == 4.48, "the best known grey that just fails"
    assert mixed(black, white, 0.25) == (191, 191, 191)
    assert brighter((100, 200, 250), 1.5) == (150, 255, 255)


# served


def a_themed_desk(style: Mapping[str, object] | None, **caller: object) -> Desk:
    desk = Desk()
    opened = desk.open(a_caller(**caller))
    held = desk.launches.contexts[opened.launch]
    desk.launches.contexts[opened.launch] = replace(held, style_url="https://ehr.example/style.json")
    desk.deps = replace(desk.deps, style_of=lambda context: style if context.style_url else {})
    return desk


@pytest.mark.anyio
async def test_a_themed_page_links_our_own_sheet_and_nothing_of_the_ehr() -> None:
    desk = a_themed_desk(STYLE)
    async with desk.client() as browser:
        page = await browser.get(f"/l/{LAUNCH}/about")
        found = await browser.get(f"/l/{LAUNCH}/theme.css")
    assert f'<link rel="stylesheet" href="/l/{LAUNCH}/theme.css">' in page.text
    assert "style.json" not in page.text
    assert "style-src 'self';" in page.headers["content-security-policy"]
    assert found.headers["content-type"].startswith("text/css")
    assert found.headers["cache-control"] == "private, max-age=3600"
    assert NAVY in found.text


@pytest.mark.anyio
async def test_a_page_without_a_style_links_no_theme(desk: Desk) -> None:
    async with desk.client() as browser:
        assert "theme.css" not in (await browser.get(f"/l/{LAUNCH}/about")).text
        assert (await browser.get(f"/l/{LAUNCH}/theme.css")).text == ""


@pytest.mark.anyio
async def test_a_style_on_its_way_is_answered_at_once_and_not_kept() -> None:
    async with a_themed_desk(None).client() as browser:
        found = await browser.get(f"/l/{LAUNCH}/theme.css")
    assert (found.status_code, found.text, found.headers["cache-control"]) == (200, "", "no-store")


@pytest.mark.anyio
async def test_the_theme_of_a_launch_is_for_the_browser_of_that_launch() -> None:
    desk = a_themed_desk(STYLE)
    desk.open(a_caller(launch="launch-of-ben", patient_id="ben"), secret="secret-of-ben")
    asked = f"/l/{LAUNCH}/theme.css"
    for launch, secret in (("launch-of-ben", "secret-of-ben"), (LAUNCH, "secret-of-ben"), (LAUNCH, None)):
        async with desk.client(launch, secret) as browser:
            answer = await browser.get(asked)
        assert answer.status_code == 401
        assert NAVY not in answer.text
