"""Enrolment in the browser's steps: form, planned dates, check, result, withdrawal."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from fhir_mappings.facts.programme import CourseStatus
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_screening, post
from tests.smart_app.pages.treatment import enrolled, enrolment_fields

pytestmark = pytest.mark.anyio

PAGE = f"/l/{LAUNCH}/enrolment"


async def form(client: httpx.AsyncClient) -> PageParts:
    return PageParts((await client.get(PAGE)).text)


async def send(client: httpx.AsyncClient, page: PageParts, **values: str) -> httpx.Response:
    return await post(client, page.form("/enrolment"), **values)


async def test_the_four_programmes_are_offered(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = await form(client)
    for words in ("Intravenous", "Intranasal", "Intramuscular", "Sublingual", "6 sessions in 2 to 3 weeks"):
        assert words in page.text


async def test_the_way_to_maintenance_leads_to_the_form_with_its_route_chosen(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = PageParts((await client.get(f"{PAGE}?route=SL")).text)
        assert page.form("/enrolment").fields["route"] == "SL"
        assert "dose_mg" in page.form("/enrolment").fields, "with the fields of its programme"
        typed = await send(client, page, do="plan", route="IV", escort="Ben Test, 555-0100", dose_mg_per_kg="0.5")
        assert PageParts(typed.text).form("/enrolment").fields["route"] == "IV"
        again = PageParts((await client.get(f"{PAGE}?route=SL")).text).form("/enrolment").fields
        assert (again["route"], again["escort"]) == ("SL", "Ben Test, 555-0100"), "nothing else is lost"
        assert "day.1" not in again
        for route in ("IV", "", "XX", "sl"):
            stays = PageParts((await client.get(f"{PAGE}?route={route}")).text).form("/enrolment").fields
            assert stays["route"] == "IV", "the draft's"


async def test_choosing_a_route_fills_the_dates_and_the_weight(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = PageParts((await send(client, await form(client), route="IV", do="plan")).text)
    fields = page.form("/enrolment").fields
    start = desk.now.date()
    assert [fields[f"day.{n}"] for n in range(1, 7)] == [
        (start + timedelta(days=days)).isoformat() for days in (0, 3, 7, 10, 14, 17)
    ]
    assert fields["weight_kg"] == "82.0"
    assert "82.0 kg on 20 Nov 2026" in page.text
    assert "0.5 mg/kg × 82.0 kg = 41 mg" in page.text


async def test_another_route_proposes_its_own_dates_and_no_dose_of_the_last(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        first = PageParts((await send(client, await form(client), route="IV", do="plan")).text)
        page = PageParts((await send(client, first, route="IN", do="plan")).text)
    fields = page.form("/enrolment").fields
    assert "day.8" in fields
    assert fields.get("dose_mg") == ""
    assert "dose_mg_per_kg" not in fields


async def test_a_weekend_is_pointed_out(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = PageParts((await send(client, await form(client), route="IV", start="2026-11-28", do="plan")).text)
    assert "Sat Weekend" in page.text


async def test_errors_are_listed_linked_and_beside_their_fields_with_the_values_kept(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = PageParts((await send(client, await form(client), route="IV", do="plan")).text)
        response = await send(client, page, escort="B. <Friend>", day__3="2026-11-24", do="check")
    page = PageParts(response.text)
    assert response.status_code == 422
    assert page.title.startswith("Error: Enrol")
    summary = next(attrs for _, attrs in page.tags if "data-problems" in attrs)
    assert summary["role"] == "alert"
    problems = {href for href in page.links.values() if href.startswith("#f-")}
    assert {"#f-consent_signed_on", "#f-emergency_name", "#f-day.3"} <= problems
    for link in problems:
        assert link[1:] in page.ids, f"{link} leads to a field"
        assert f"c-{link[3:]}" in page.ids, f"{link} has its words beside it"
    assert page.form("/enrolment").fields["escort"] == "B. <Friend>"


async def test_nothing_is_kept_before_the_last_button(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = await form(client)
        response = await send(client, page, **enrolment_fields(desk), do="check")
    page = PageParts(response.text)
    assert "Check before you enrol" in page.text
    assert "1. 23 Nov 2026 2. 26 Nov 2026" in page.text
    assert "Signed on 20 Nov 2026, on paper" in page.text
    assert not desk.work.kept.courses


async def test_change_brings_every_value_back_to_the_form(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        check = PageParts((await send(client, await form(client), **enrolment_fields(desk), do="check")).text)
        page = PageParts((await send(client, check, do="change")).text)
    sent = page.form("/enrolment").fields
    assert {name: sent[name] for name in enrolment_fields(desk)} == enrolment_fields(desk)


async def test_enrolling_twice_makes_one_course(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        check = PageParts((await send(client, await form(client), **enrolment_fields(desk), do="check")).text)
        first = await send(client, check, do="enrol")
        second = await send(client, check, do="enrol")
        result = PageParts((await client.get(first.headers["location"])).text)
    assert first.status_code == second.status_code == 303
    assert len(desk.work.kept.courses) == 1
    assert desk.woken >= 1
    assert "The patient is enrolled." in result.text
    assert "0 of 1 item written. 1 waiting." in result.text


async def test_needs_review_asks_for_a_reason(desk: Desk) -> None:
    desk.keep(screening=a_screening("needs-review"))
    async with desk.client() as client:
        page = await form(client)
        refused = await send(client, page, **enrolment_fields(desk), do="check")
        passed = await send(
            client, page, **enrolment_fields(desk), acknowledgement="Seen and discussed today", do="check"
        )
    assert "acknowledgement" in PageParts(refused.text).form("/enrolment").fields
    assert refused.status_code == 422
    assert "Seen and discussed today" in PageParts(passed.text).text


async def test_sublingual_at_home_has_no_days_no_weight_and_its_own_steps(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    own = {"place": "home", "address_confirmed": "yes", "dose_mg": "50", "consent_signed_on": "2026-11-20"}
    own |= {
        "consent": "DocumentReference/c1",
        "escort": "B. Friend",
        "emergency_name": "C. P",
        "emergency_phone": "55",
        "emergency_relation": "Mother",
        "off_label": "yes",
    }
    async with desk.client() as client:
        page = PageParts((await send(client, await form(client), route="SL", do="plan")).text)
        assert not [name for name in page.form("/enrolment").fields if name.startswith("day.")]
        check = PageParts((await send(client, page, **own, do="check")).text)
        assert "Place Home visit, address confirmed" in check.text
        assert "Dose plan 50 mg" in check.text
        assert "Signed on 20 Nov 2026, DocumentReference/c1" in check.text
        await send(client, check, do="enrol")
        start = PageParts((await client.get(f"/l/{LAUNCH}/session")).text)
        opened = await post(client, start.form("/session"))
        for step in ("before", "dose", "monitor", "discharge", "sign"):
            path = opened.headers["location"].replace("/before", f"/{step}")
            shown = await client.get(path)
            assert shown.status_code == 200, step
            assert "Discharge criteria" not in shown.text
        assert (await client.get(f"/l/{LAUNCH}/progress")).status_code == 200
        assert "Enrolled" in (await client.get(PAGE)).text


@pytest.mark.parametrize("status", ["contraindicated", "hold", "no-indication", "insufficient-data"])
async def test_where_enrolment_is_closed_a_page_says_why(desk: Desk, status: str) -> None:
    desk.keep(screening=a_screening(status))
    async with desk.client() as client:
        page = await form(client)
    assert "Enrolment is not open" in page.text
    assert not [each for each in page.forms if each.action.endswith("/enrolment")]


async def test_a_closed_enrolment_cannot_be_forced_by_sending_the_form(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = await form(client)
        desk.keep(screening=a_screening("contraindicated", id="later"))
        await send(client, page, **enrolment_fields(desk), do="enrol")
    assert not desk.work.kept.courses


async def test_withdrawing_asks_for_a_reason_and_ends_the_course(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(f"{PAGE}/withdraw")).text)
        refused = await post(client, page.form("/withdraw"), reason="")
        done = await post(client, page.form("/withdraw"), reason="The patient chose another treatment")
    assert refused.status_code == 422
    assert PageParts(refused.text).title.startswith("Error: ")
    assert done.status_code == 303
    (course,) = desk.work.kept.courses.values()
    assert course.status is CourseStatus.REVOKED


async def test_what_is_typed_is_kept_while_typing_and_there_again(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        typed = (await form(client)).form("/enrolment").fields | {"escort": "Sam, 555 0100", "route": "IV"}
        script = {"x-kp-script": "1", "content-type": "application/x-www-form-urlencoded", "origin": desk.deps.origin}
        reply = await client.post(PAGE, content=urlencode(typed), headers=script)
        assert set(reply.json()) == {"saved"}
        again = await form(client)
    assert again.form("/enrolment").fields["escort"] == "Sam, 555 0100"
    assert "day.6" in again.form("/enrolment").fields


async def test_going_back_to_the_form_finds_what_was_checked(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        first = PageParts((await send(client, await form(client), route="IV", do="plan")).text)
        await send(client, first, escort="Sam, 555 0100", do="check")
        again = await form(client)
    assert again.form("/enrolment").fields["escort"] == "Sam, 555 0100"
