"""Text that tries to be more than text, in every place that comes from outside (security B-5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings.facts.audit import AuditRecord
from smart_app.use_cases.records import MessageState
from smart_app.use_cases.session.record_session import save_fields
from smart_app.use_cases.session.session_entries import add_entry, strike_entry
from smart_app.use_cases.signing.sign_session import sign
from tests.smart_app.pages.desk import (
    LAUNCH,
    Desk,
    PageParts,
    a_caller,
    a_clinician,
    a_finding,
    a_result,
    a_screening,
    post,
)
from tests.smart_app.pages.treatment import nurse, reading, ready

pytestmark = pytest.mark.anyio

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</textarea><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- --><b>bold</b>",
    "\u202egnp.exe\u200b",
    "<svg><style><img title='</style><img src onerror=alert(1)>'>",
    '<a href="//evil.example" accesskey=x>',
]
PATHS = ("screening", "enrolment", "session", "progress", "audit", "about")
STEPS = ("before", "dose", "monitor", "discharge", "stop", "gate", "sign")


def soaked(desk: Desk, text: str) -> str:
    """A signed session with this text wherever somebody outside can put one; its id."""
    session = ready(desk)
    work, clock, ids = desk.work, desk.deps.clock, desk.deps.ids
    evil = replace(nurse(), clinician=replace(a_clinician(), name=text))
    for name in ("dose.lot", "dose.body_site", "dose.second_person", "check.escort.note", "discharge.escort"):
        save_fields(work, clock, evil, session.id, {name: text})
    add_entry(work, clock, evil, session.id, "note", ids(), {"text": text})
    other = {"type": "other", "text": text, "severity": "mild", "action": text, "resolved": "15:32"}
    add_entry(work, clock, evil, session.id, "event", ids(), other)
    strike_entry(work, clock, evil, session.id, reading(desk, session, 120, 80), f"{text} and a reason")
    with work() as uow:
        uow.audit.add(AuditRecord(action=text, at=desk.now, patient=a_caller().patient, detail=text, actor_name=text))
        uow.commit()
    return session.id


def hostile_screening(text: str, desk: Desk) -> None:
    evidence = [{"reference": text, "date": text, "text": text}]
    row = a_finding(text, title=text, reason=text, evidence=evidence)
    alerts = [{"rule": text, "text": text}]
    gaps = [{"reference": text, "reason": text}]
    result = a_result("needs-review", asOf=text, findings=[row], looked_at=[row], alerts=alerts, gaps=gaps)
    person = dict.fromkeys(("family", "given", "birthDate", "gender", "mrn", "allergies"), text)
    desk.keep(
        screening=a_screening(
            "needs-review", id="hostile", result=result, person=person, rules_version=text, at=desk.now
        )
    )


def check(page: PageParts, path: str) -> None:
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert len(scripts) <= 2, path
    assert all(attrs["src"].startswith("/static/") for attrs in scripts), path
    for tag, attrs in page.tags:
        assert tag not in {"img", "style", "iframe", "object", "embed", "base", "b"}, f"{path}: <{tag}>"
        assert not [name for name in attrs if name.startswith("on") or name in {"style", "autofocus"}], path
        assert not attrs.get("href", "").lower().startswith(("javascript:", "//")), path
        assert attrs.get("accesskey", "") in {"", "v", "a", "n"}, path


@pytest.mark.parametrize("text", PAYLOADS)
async def test_text_stays_text_on_every_page(desk: Desk, text: str) -> None:
    session = soaked(desk, text)
    desk.open(replace(a_caller(), clinician=replace(a_clinician(), name=text)))
    hostile_screening(text, desk)
    shown = " ".join(text.split())
    paths = [*PATHS, *(f"session/{session}/{step}" for step in STEPS)]
    async with desk.client() as client:
        for path in paths:
            response = await client.get(f"/l/{LAUNCH}/{path}")
            while response.status_code == 303:
                response = await client.get(response.headers["location"])
            assert response.status_code == 200, path
            page = PageParts(response.text)
            check(page, path)
            assert shown.upper() in page.text.upper(), f"{path} shows it as it was written"


@pytest.mark.parametrize("text", PAYLOADS)
async def test_text_stays_text_in_the_signed_note_and_its_delivery(desk: Desk, text: str) -> None:
    session = soaked(desk, text)
    deps = desk.deps
    sign(deps.work, deps.clock, a_caller(), session, {"attest": "yes"}, deps.ids, deps.site)
    for key, queued in desk.work.kept.queue.items():
        desk.work.kept.queue[key] = queued.with_message(state=MessageState.REJECTED, reason=text)
    async with desk.client() as client:
        for path in (f"session/{session}/sign", "progress"):
            page = PageParts((await client.get(f"/l/{LAUNCH}/{path}")).text)
            check(page, path)
            assert " ".join(text.split()) in page.text, path


@pytest.mark.parametrize("text", PAYLOADS)
async def test_text_stays_text_when_a_form_comes_back(desk: Desk, text: str) -> None:
    session = ready(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/session/{session.id}/monitor")).text)
        form = page.form("/entries/reading")

        response = await post(client, form, reading__systolic=text, reading__time=text)
    page = PageParts(response.text)
    assert response.status_code == 422
    check(page, "monitor")
    assert page.form("/entries/reading").fields["reading.systolic"] == text
