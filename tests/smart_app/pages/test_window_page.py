"""Leaving the frame for a window of its own, and the page that asks the EHR by a form."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from smart_app.pages import asking_page, policy
from tests.smart_app.pages.desk import HEADERS, LAUNCH, Desk, PageParts

pytestmark = pytest.mark.anyio


async def test_the_about_page_leads_to_a_window_of_its_own(desk: Desk) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    async with desk.client() as client:
        form = PageParts((await client.get(f"/l/{LAUNCH}/about")).text).form("/window")
        answer = await client.post(f"/l/{LAUNCH}/window", content=urlencode(form.fields), headers=HEADERS | kind)
    assert desk.handed_over == [LAUNCH]
    assert PageParts(answer.text).links["Open the window"] == "/handover/CODE"
    assert 'target="_blank" rel="noopener"' in answer.text
    record = desk.work.kept.audit[-1]
    assert (record.action, record.outcome) == ("clinician:launch:hand-over", AuditOutcome.SUCCESS)


async def test_looking_at_the_address_hands_nothing_over(desk: Desk) -> None:
    async with desk.client() as client:
        assert (await client.get(f"/l/{LAUNCH}/window")).status_code in {404, 405}
    assert desk.handed_over == []


def test_what_is_asked_of_the_ehr_is_in_the_form_to_the_letter(desk: Desk) -> None:
    asked = {"launch": '"><script>alert(1)</script>', "scope": "launch patient/Patient.rs", "state": "s=&+"}
    page = PageParts(bytes(asking_page(desk.deps, "https://ehr.example/authorize?tenant=1&a=b", asked).body).decode())
    form = page.form("https://ehr.example/authorize?tenant=1&a=b")
    assert form.fields == asked
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1, "the one that sends the form"


def test_only_the_page_that_asks_may_send_its_form_anywhere(desk: Desk) -> None:
    framing = desk.deps.framing("demo")
    assert "form-action *;" in policy(framing, asking=True)
    assert "form-action 'self'" in policy(framing)
    assert "form-action 'self';" in policy(None, asking=True), "an EHR nobody knows is asked nothing"
