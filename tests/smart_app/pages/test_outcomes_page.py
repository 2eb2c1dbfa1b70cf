"""The questionnaires' pages: filling in, what comes back, drafts, striking out, and decisions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fhir_mappings.facts.instruments import INSTRUMENTS
from smart_app.use_cases.records import DecisionKind
from tests.smart_app.pages.desk import HEADERS, LAUNCH, Desk, PageParts, a_screening, post
from tests.smart_app.pages.treatment import enrolled, opened, signed

pytestmark = pytest.mark.anyio

PAGE = f"/l/{LAUNCH}/outcomes"
NINE = {f"item.{number}": "1" for number in range(1, 10)}


async def read(desk: Desk, path: str = PAGE) -> PageParts:
    async with desk.client() as client:
        response = await client.get(path)
    assert response.status_code == 200, response.text[:500]
    return PageParts(response.text)


@pytest.mark.parametrize("form", INSTRUMENTS.values(), ids=INSTRUMENTS.keys())
async def test_each_questionnaire_has_a_page_with_all_its_items(desk: Desk, form: object) -> None:
    each = INSTRUMENTS[form.key]  # type: ignore[attr-defined]  # a row of the table
    desk.keep(screening=a_screening(baseline_scores=()))
    page = await read(desk, f"{PAGE}/{each.key}")
    for item in each.items:
        assert f"{item.number}. {item.words}" in page.text
    radios = [attrs for tag, attrs in page.tags if tag == "input" and attrs.get("name", "").startswith("item.")]
    assert len(radios) == sum(len(item.options) for item in each.items)
    assert ("Read from the form itself" in page.text) is (bool(each.items) and not each.worded)


async def test_what_is_not_ours_to_print_is_not_printed(desk: Desk) -> None:
    desk.keep(screening=a_screening(baseline_scores=()))
    assert "Little interest or pleasure in doing things" in (await read(desk, f"{PAGE}/phq9")).text
    assert "killing yourself" not in (await read(desk, f"{PAGE}/cssrs")).text


async def test_a_questionnaire_is_saved_once_and_its_result_shown(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(f"{PAGE}/phq9")).text).form("/outcomes/phq9")
        first = await post(client, form, do="save", **NINE)
        second = await post(client, form, do="save", **NINE)
        page = PageParts((await client.get(first.headers["location"])).text)
    assert first.status_code == second.status_code == 303
    assert len(desk.work.kept.scores) == 1
    assert "The result is saved." in page.text
    assert "9, mild" in page.text
    assert "Item 9: 1" in page.text


async def test_a_missing_item_comes_back_with_what_was_answered(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(f"{PAGE}/phq9")).text).form("/outcomes/phq9")
        answer = await post(client, form, do="save", **(NINE | {"item.4": "", "item.5": "3"}))
        page = PageParts(answer.text)
        assert answer.status_code == 422
        assert page.links["Item 4 has no answer."] == "#f-item.4"
        again = page.form("/outcomes/phq9")
        assert again.fields["item.5"] == "3"
        assert not desk.work.kept.scores
        saved = await post(client, again, do="save", unfinished="yes")
    assert saved.status_code == 303
    (score,) = desk.work.kept.scores.values()
    assert (score.total, score.complete) == (None, False)
    assert "without an answer: no total" in (await read(desk)).text


async def test_what_is_typed_is_a_draft_that_stands_there_again(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(f"{PAGE}/phq9")).text).form("/outcomes/phq9")
        script = HEADERS | {"X-KP-Script": "1"}
        answer = await client.post(form.action, data=form.fields | {"item.3": "2"}, headers=script)
        assert answer.json() == {"saved": f"{desk.now:%H:%M:%S}"}
        again = PageParts((await client.get(f"{PAGE}/phq9")).text).form("/outcomes/phq9")
        assert again.fields["item.3"] == "2"
        await post(client, again, do="clear")
        fresh = PageParts((await client.get(f"{PAGE}/phq9")).text).form("/outcomes/phq9")
    assert not fresh.fields.get("item.3")
    assert not desk.work.kept.scores


async def test_the_alert_stands_on_every_page_of_outcomes_with_the_way_to_the_screener(desk: Desk) -> None:
    enrolled(desk)
    for path in (PAGE, f"{PAGE}/phq9", f"/l/{LAUNCH}/progress"):
        page = await read(desk, path)
        assert "C-SSRS due" in page.text
        assert page.links["Fill in the C-SSRS"] == f"{PAGE}/cssrs"


async def test_a_result_is_struck_out_with_a_reason(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(f"{PAGE}/phq9")).text).form("/outcomes/phq9")
        await post(client, form, do="save", **NINE)
        (score,) = desk.work.kept.scores
        reason = PageParts((await client.get(f"{PAGE}/strike/{score}")).text).form(f"/strike/{score}")
        refused = await post(client, reason, reason="no")
        done = await post(client, reason, reason="Of another patient.")
        page = PageParts((await client.get(PAGE)).text)
    assert (refused.status_code, done.status_code) == (422, 303)
    assert "Struck out by Dr Synthia Example: Of another patient." in page.text


async def test_a_relapse_is_declared_and_shown(desk: Desk) -> None:
    signed(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(PAGE)).text).form("/outcomes/relapse")
        refused = await post(client, form, cause="", reason="Admitted last night.")
        done = await post(client, form, cause="hospitalisation", reason="Admitted last night.")
        page = PageParts((await client.get(f"/l/{LAUNCH}/progress")).text)
    assert (refused.status_code, done.status_code) == (422, 303)
    assert "Relapse, declared for 23 Nov 2026: admission to hospital for the mood." in page.text
    assert [each.kind for each in desk.work.kept.decisions] == [DecisionKind.RELAPSE]


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("session/00000000-0000-0000-0000-000000000003/monitor", "/monitor?saved=1"),
        ("https://elsewhere.example", "/outcomes?saved=score"),
        ("//elsewhere.example", "/outcomes?saved=score"),
        ("", "/outcomes?saved=score"),
    ],
)
async def test_a_form_opened_from_a_session_leads_back_to_it_and_nowhere_else(
    desk: Desk, back: str, leads: str
) -> None:
    enrolled(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(f"{PAGE}/cadss6", params={"back": back})).text)
        answers = {f"item.{number}": "1" for number in range(1, 7)}
        answer = await post(client, page.form("/outcomes/cadss6"), do="save", **answers)
    assert answer.headers["location"].endswith(leads)
    assert answer.headers["location"].startswith(f"/l/{LAUNCH}/")


async def test_the_steps_of_a_session_lead_to_their_forms_and_an_alert_is_not_passed_by(desk: Desk) -> None:
    session = opened(desk)
    step = f"/l/{LAUNCH}/session/{session.id}"
    async with desk.client() as client:
        before = PageParts((await client.get(f"{step}/before")).text)
        assert "C-SSRS due" in before.text, "the alert stands on the session's pages too"
        monitor = PageParts((await client.get(f"{step}/monitor")).text)
        assert before.links["Fill in the C-SSRS"] == f"{PAGE}/cssrs?back=session/{session.id}/before"
        assert monitor.links["Rate dissociation by CADSS-6"] == f"{PAGE}/cadss6?back=session/{session.id}/monitor"
        form = PageParts((await client.get(before.links["a PHQ-9, item 9 included"])).text).form("/outcomes/phq9")
        answer = await post(client, form, do="save", **NINE)
    assert answer.headers["location"] == f"{PAGE}?saved=score", "an answer on self-harm is shown first"


@pytest.mark.parametrize(("days", "told"), [(6, True), (7, False)])
async def test_a_form_that_was_filled_in_this_week_is_asked_back(desk: Desk, days: int, told: bool) -> None:
    day = (desk.now - timedelta(days=days)).date().isoformat()
    score = {"total": 12, "date": day, "reference": "Observation/1", "item9": 0}
    desk.keep(screening=a_screening(baseline_scores=(score,)))
    assert ("once a week is enough" in (await read(desk, f"{PAGE}/phq9")).text) is told
    assert "once a week is enough" not in (await read(desk, f"{PAGE}/madrs")).text


async def test_an_unknown_questionnaire_is_a_page_that_says_so(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        answer = await client.get(f"{PAGE}/bdi")
    assert answer.status_code == 403
    assert "There is no such questionnaire." in answer.text


async def test_the_page_of_a_questionnaire_stays_light(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        response = await client.get(f"{PAGE}/qids-sr16")
        page = PageParts(response.text)
        total = len(response.content)
        for attribute in ("href", "src"):
            for tag, attrs in page.tags:
                if tag in {"link", "script"} and attrs.get(attribute, "").startswith("/static/"):
                    sent = await client.get(attrs[attribute], headers=HEADERS | {"Accept-Encoding": "gzip"})
                    total += int(sent.headers["content-length"])
    assert total <= 40 * 1024
