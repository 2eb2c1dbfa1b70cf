"""Asking the patient and overriding a finding, on the pages: real charts, real rules, forms as a browser sends."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from fhir_mappings.facts.treatment import Role
from tests.builders import a_condition
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, a_clinician, post
from tests.smart_app.pages.screening_desk import with_chart

pytestmark = pytest.mark.anyio

ROOT = f"/l/{LAUNCH}"
SCHIZOPHRENIA = a_condition("F20.9", id="scz", text="Schizophrenia, unspecified")
REASON = "Two psychiatrists revised the diagnosis"


async def screening(client: httpx.AsyncClient) -> PageParts:
    await client.get(f"{ROOT}/screening")
    response = await client.get(f"{ROOT}/screening")
    assert response.status_code == 200, response.text
    return PageParts(response.text)


async def to_the_second_look(client: httpx.AsyncClient) -> httpx.Response:
    await screening(client)
    first = PageParts((await client.get(f"{ROOT}/screening/override/ABS-SCZ")).text)
    return await post(client, first.form("/override/ABS-SCZ"), reason=REASON)


async def test_a_contraindication_is_overridden_at_a_second_look(desk: Desk) -> None:
    async with with_chart(desk, SCHIZOPHRENIA).client() as client:
        page = await screening(client)
        assert page.links["Override…"] == f"{ROOT}/screening/override/ABS-SCZ"
        second = await to_the_second_look(client)
        look = PageParts(second.text)
        assert "Look again before you override" in look.text
        assert REASON in look.text
        assert "Schizophrenia, unspecified" in look.text
        assert desk.work.kept.overrides == []
        done = await post(client, look.form("/override/ABS-SCZ"))
        assert done.headers["location"] == f"{ROOT}/screening#overrides"
        after = await screening(client)
        enrolling = PageParts((await client.get(f"{ROOT}/enrolment")).text)
    (override,) = desk.work.kept.overrides
    assert "Overridden at the screening" in enrolling.text
    assert f"{REASON} ({override.by.name}, prescriber, " in enrolling.text
    assert (override.rule, override.reason) == ("ABS-SCZ", REASON)
    assert "Contraindicated" in after.text
    assert "With the overrides below: needs review." in after.text
    assert f"Overridden by {override.by.name}" in after.text
    assert "Counts now" in after.text
    assert after.links["Enrol"].endswith("/enrolment")


async def test_the_second_look_cannot_be_left_out(desk: Desk) -> None:
    async with with_chart(desk, SCHIZOPHRENIA).client() as client:
        await screening(client)
        first = PageParts((await client.get(f"{ROOT}/screening/override/ABS-SCZ")).text)
        answer = await post(client, first.form("/override/ABS-SCZ"), reason=REASON, do="confirm")
    assert "Look again before you override" in answer.text
    assert desk.work.kept.overrides == []


async def test_the_reason_can_be_changed_at_the_second_look(desk: Desk) -> None:
    async with with_chart(desk, SCHIZOPHRENIA).client() as client:
        look = PageParts((await to_the_second_look(client)).text)
        back = PageParts((await post(client, look.form("/override/ABS-SCZ"), do="change")).text)
    assert back.form("/override/ABS-SCZ").fields["reason"] == REASON
    assert desk.work.kept.overrides == []


async def test_a_short_reason_is_asked_for_again_with_what_was_typed(desk: Desk) -> None:
    async with with_chart(desk, SCHIZOPHRENIA).client() as client:
        await screening(client)
        first = PageParts((await client.get(f"{ROOT}/screening/override/ABS-SCZ")).text)
        again = await post(client, first.form("/override/ABS-SCZ"), reason="because")
    page = PageParts(again.text)
    assert again.status_code == 422
    assert page.title.startswith("Error: ")
    assert "Give a reason (10 characters or more)." in page.text
    assert page.form("/override/ABS-SCZ").fields["reason"] == "because"


async def test_who_is_no_prescriber_sees_no_way_to_override(desk: Desk) -> None:
    desk.open(a_caller(clinician=a_clinician(role=Role.NURSE)))
    async with with_chart(desk, SCHIZOPHRENIA).client() as client:
        page = await screening(client)
        assert not [link for link in page.links if link.startswith("Override")]
        alone = PageParts((await client.get(f"{ROOT}/screening/override/ABS-SCZ")).text)
    assert "Only a prescriber can do this." in alone.text
    assert alone.forms == []


async def test_the_patient_s_answers_are_kept_and_shown_with_who_asked(desk: Desk) -> None:
    async with with_chart(desk).client() as client:
        page = await screening(client)
        assert "Not found in the record: ask the patient" in page.text
        form = page.form("/screening/answers")
        form.fields["answer.ABS-IC"] = "no"
        form.fields["answer.ABS-ICH"] = "yes"
        sent = await post(client, form)
        assert sent.headers["location"] == f"{ROOT}/screening?asked=1"
        after = await screening(client)
    assert {(a.question, a.said) for a in desk.work.kept.answers} == {("ABS-IC", "no"), ("ABS-ICH", "yes")}
    assert "Contraindicated" in after.text
    assert "Asked already" in after.text


async def test_sending_no_answer_says_what_to_do(desk: Desk) -> None:
    async with with_chart(desk).client() as client:
        page = await screening(client)
        sent = await post(client, page.form("/screening/answers"))
    assert sent.status_code == 422
    assert "Choose an answer to at least one question." in PageParts(sent.text).text
    assert desk.work.kept.answers == []


async def test_what_is_new_since_the_last_screening_is_marked(desk: Desk) -> None:
    async with with_chart(desk).client() as client:
        first = await screening(client)
        with_chart(desk, SCHIZOPHRENIA)
        desk.now += timedelta(minutes=5)
    async with desk.client() as client:
        await post(client, first.form("/screening"))
        after = await screening(client)
    assert "New Found" in after.text
    assert "New" not in first.text.split()


@pytest.mark.parametrize("path", ["screening/override/ABS-IC", "screening/override/nothing"])
async def test_a_finding_that_is_not_there_is_a_plain_page(desk: Desk, path: str) -> None:
    async with with_chart(desk, SCHIZOPHRENIA).client() as client:
        await screening(client)
        response = await client.get(f"{ROOT}/{path}")
    assert response.status_code == 403
    assert "no such finding" in response.text


async def test_who_may_not_answer_sees_the_answers_and_no_form(desk: Desk) -> None:
    async with with_chart(desk).client() as client:
        page = await screening(client)
        form = page.form("/screening/answers")
        form.fields["answer.ABS-IC"] = "no"
        await post(client, form)
    desk.open(a_caller(clinician=a_clinician(role=Role.NONE)))
    async with desk.client() as client:
        page = await screening(client)
    assert "Asked already" in page.text
    assert "Keep the answers" not in page.text
    assert not [name for form in page.forms for name in form.fields if name.startswith("answer.")]
