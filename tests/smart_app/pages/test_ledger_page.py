"""The ledger's pages: from the dose step to a vial and back, a witness in a second launch, names that stay inside."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

import pytest

from fhir_mappings.facts.treatment import Known, Role, Route
from smart_app.clinical.ledger import Act
from smart_app.clinical.ledger_rules import Kept, LedgerRules
from smart_app.use_cases.records import StoredSession
from smart_app.use_cases.session.record_session import save_fields
from smart_app.use_cases.signing.sign_session import sign
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, a_clinician, a_screening, post
from tests.smart_app.pages.treatment import nurse, opened, ready

pytestmark = pytest.mark.anyio
VIAL = {
    "lot": "K4411",
    "expiry": "2027-05",
    "concentration": "50",
    "volume": "10",
    "supplier": "Riverside Pharmacy",
}
OTHER = "launch-of-a-colleague"


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.deps = replace(made.deps, site=replace(made.deps.site, ledger=LedgerRules()))
    made.open()
    return made


async def received(desk: Desk, **changes: str) -> str:
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/ledger/receive")).text)
        answer = await post(client, page.form("/ledger/receive"), **(VIAL | changes))
        assert answer.status_code == 303, PageParts(answer.text).text
    return next(reversed(desk.work.kept.vials))


async def page_of(desk: Desk, place: str, launch: str = LAUNCH) -> PageParts:
    async with desk.client(launch) as client:
        answer = await client.get(f"/l/{launch}/{place}")
        assert answer.status_code == 200, answer.headers.get("location")
        return PageParts(answer.text)


def a_signed_dose(desk: Desk, vial: str) -> StoredSession:
    session = ready(desk)
    typed = {"dose.vial.1": vial, "dose.second_person": "Tom Reyes", "dose.lot": ""}
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, typed)
    args = (desk.work, desk.deps.clock, a_caller(), session.id, {"attest": "yes"}, desk.deps.ids, desk.deps.site)
    return sign(*args)


async def test_a_vial_is_received_from_the_dose_step_and_chosen_there(desk: Desk) -> None:
    session = opened(desk)
    page = await page_of(desk, f"session/{session.id}/dose")
    assert "The ledger holds no vial to draw from." in page.text
    async with desk.client() as client:
        form = PageParts((await client.get(page.links["Receive a vial"])).text).form("/ledger/receive")
        answer = await post(client, form, **VIAL)
    assert answer.headers["location"].endswith(f"session/{session.id}/dose?saved=1")
    page = await page_of(desk, f"session/{session.id}/dose")
    assert "Vial 1: Ketamine hydrochloride injection, lot K4411, expires 2027-05, 50 mg/mL, 500 mg left." in page.text
    assert "41 mg ÷ 50 mg/mL = 0.82 mL" in page.text


async def test_what_is_wrong_with_a_vial_stands_at_its_field_and_the_rest_stays(desk: Desk) -> None:
    async with desk.client() as client:
        form = PageParts((await client.get(f"/l/{LAUNCH}/ledger/receive")).text).form("/ledger/receive")
        answer = await post(client, form, **(VIAL | {"expiry": "05/27"}))
    page = PageParts(answer.text)
    assert (answer.status_code, page.title[:7]) == (422, "Error: ")
    assert {"c-expiry", "problems"} <= page.ids
    assert page.form("/ledger/receive").fields["supplier"] == "Riverside Pharmacy"


async def test_an_expired_vial_is_asked_back(desk: Desk) -> None:
    async with desk.client() as client:
        form = PageParts((await client.get(f"/l/{LAUNCH}/ledger/receive")).text).form("/ledger/receive")
        answer = await post(client, form, **(VIAL | {"expiry": "2026-01"}))
        assert "Check: expired 2026-01" in PageParts(answer.text).text
        (seen,) = re.findall(r'name="confirmed" value="([^"]+)"', answer.text)
        answer = await post(client, PageParts(answer.text).form("/ledger/receive"), confirmed=seen)
    assert answer.status_code == 303


async def test_a_colleague_sees_the_waste_of_a_rest_and_confirms_it(desk: Desk) -> None:
    vial = await received(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(f"/l/{LAUNCH}/ledger/vials/{vial}/waste")).text).form("/waste")
        typed = {"wasted": "500", "method": "Charcoal pouch", "reason": "Opened too long ago"}
        assert (await post(client, form, **typed)).status_code == 303
    own = await page_of(desk, f"ledger/vials/{vial}")
    assert "I saw 500 mg destroyed" not in own.text
    assert "waits for a witness" in own.text
    desk.open(a_caller(launch=OTHER, patient_id="ben", clinician=a_clinician(Role.NURSE, "R. Nurse")))
    page = await page_of(desk, f"ledger/vials/{vial}", OTHER)
    async with desk.client(OTHER) as client:
        assert (await post(client, page.form("/witness"))).status_code == 303
    page = await page_of(desk, f"ledger/vials/{vial}", OTHER)
    assert "0 mg left of 500 mg" in page.text
    assert "seen by R. Nurse, signed in" in page.text


async def test_a_colleague_confirms_the_waste_of_a_dose_in_their_own_launch(desk: Desk) -> None:
    vial = await received(desk)
    session = ready(desk)
    typed = {"dose.vial.1": vial, "dose.wasted_mg": "9", "dose.waste_method": "Charcoal pouch", "dose.lot": ""}
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, typed)
    desk.open(a_caller(launch=OTHER, clinician=a_clinician(Role.NURSE, "C. League")))
    colleague = replace(a_clinician(Role.NURSE, "C. League"), reference="https://ehr.example/fhir/Practitioner/col")
    desk.open(a_caller(launch=OTHER, clinician=colleague))
    page = await page_of(desk, f"session/{session.id}/dose", OTHER)
    assert "Did you see 9 mg destroyed?" in page.text
    async with desk.client(OTHER) as client:
        assert (await post(client, page.form("/confirm/waste-witness"))).status_code == 303
    page = await page_of(desk, f"session/{session.id}/dose")
    assert "Seen destroyed by C. League, signed in" in page.text
    assert "50 mg drawn = 41 mg given + 9 mg discarded" in page.text


async def test_a_row_is_taken_back_with_a_reason(desk: Desk) -> None:
    vial = await received(desk)
    page = await page_of(desk, f"ledger/vials/{vial}")
    link = next(href for href in page.links.values() if href.endswith("/back"))
    async with desk.client() as client:
        form = PageParts((await client.get(link)).text).form("/back")
        assert (await post(client, form, reason="")).status_code == 422
        assert (await post(client, form, reason="Received at another site")).status_code == 303
    assert [row.act for row in desk.work.kept.ledger] == [Act.RECEIVED, Act.REVERSED]
    assert "takes back row 1" in (await page_of(desk, f"ledger/vials/{vial}")).text


async def test_another_patients_name_never_leaves_this_launch(desk: Desk) -> None:
    vial = await received(desk)
    session = a_signed_dose(desk, vial)
    day = desk.now.date().isoformat()
    log = f"ledger/log.csv?from={day}&to={day}"
    async with desk.client() as client:
        own = await client.get(f"/l/{LAUNCH}/{log}")
    assert "Testpatient, Ada" in own.text
    assert own.headers["content-disposition"] == f'attachment; filename="ledger-{day}-to-{day}.csv"'
    ben = a_caller(launch=OTHER, patient_id="ben")
    desk.open(ben)
    desk.keep(screening=a_screening(id="screening-ben", launch=OTHER, patient=ben.patient))
    async with desk.client(OTHER) as client:
        others = await client.get(f"/l/{OTHER}/{log}")
        vial_page = await client.get(f"/l/{OTHER}/ledger/vials/{vial}")
    for shown in (others.text.splitlines()[2], PageParts(vial_page.text).text.partition("Rows")[2]):
        assert "Testpatient" not in shown
        assert session.id[:8] in shown
    assert "another patient" in others.text
    assert f'href="/l/{OTHER}/session/{session.id}"' not in vial_page.text


@pytest.mark.parametrize("span", ["from=2026-11-23&to=2026-11-22", "from=yesterday&to=2026-11-22", ""])
async def test_an_odd_span_is_asked_again(desk: Desk, span: str) -> None:
    async with desk.client() as client:
        answer = await client.get(f"/l/{LAUNCH}/ledger/log.csv?{span}")
    assert answer.status_code == 422
    assert "problems" in PageParts(answer.text).ids


async def test_an_auditor_reads_the_ledger_and_changes_nothing(desk: Desk) -> None:
    vial = await received(desk)
    desk.open(a_caller(clinician=a_clinician(Role.AUDITOR, "A. Auditor")))
    page = await page_of(desk, "ledger")
    assert "Receive vials" not in page.links
    assert {"Ledger", "Audit"} <= set(page.links)
    page = await page_of(desk, f"ledger/vials/{vial}")
    assert not page.forms or all("/leave" in form.action or "/stay" in form.action for form in page.forms)
    async with desk.client() as client:
        assert (await client.get(f"/l/{LAUNCH}/ledger/receive")).headers["location"].endswith("/audit")


async def test_hostile_words_of_a_label_stay_words(desk: Desk) -> None:
    vial = await received(desk, lot="<script>alert(1)</script>", supplier='"><img src=x>')
    for place in ("ledger", f"ledger/vials/{quote(vial)}"):
        page = await page_of(desk, place)
        assert "<script>alert(1)</script>" in page.text
        assert "img" not in [tag for tag, _ in page.tags]


async def test_where_it_is_kept_elsewhere_there_is_no_tab(desk: Desk) -> None:
    desk = Desk()
    desk.open()
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/about")).text)
        assert "Ledger" not in page.links
        assert (await client.get(f"/l/{LAUNCH}/ledger")).status_code == 403


EVERY_WAY = [
    LedgerRules(kept=kept, witness=witness, second_check=check, esketamine=True)
    for kept in Kept
    for witness in Known
    for check in Known
]


@pytest.mark.parametrize("route", [Route.IV, Route.IM, Route.IN])
@pytest.mark.parametrize("rules", EVERY_WAY, ids=lambda rules: f"{rules.kept}-{rules.witness}-{rules.second_check}")
async def test_the_dose_step_asks_what_the_site_wants_of_each_route(rules: LedgerRules, route: Route) -> None:
    desk = Desk()
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, ledger=rules))
    desk.open()
    session = opened(desk)
    course = next(iter(desk.work.kept.courses.values()))
    desk.work.kept.courses[course.id] = replace(course, route=route, programme=None)
    names = set((await page_of(desk, f"session/{session.id}/dose")).form("/fields").fields)
    assert ("dose.expiry" in names) is not rules.here, "strength and expiry are the vial's"
    assert ("dose.witness" in names) is (rules.here and rules.witness is Known.NAMED)
    assert ("dose.waste_method" in names) is rules.here
    assert ("dose.sprays" in names) is (route is Route.IN)
    typed = rules.second_check is Known.NAMED or (not rules.here and rules.second_check is Known.NONE)
    assert ("dose.second_person" in names) is typed
    if rules.here:
        assert await received(desk)
        names = set((await page_of(desk, f"session/{session.id}/dose")).form("/fields").fields)
        assert "dose.lot" in names


async def test_a_colleague_checks_the_dose_on_its_page_before_it_is_given(desk: Desk) -> None:
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, ledger=LedgerRules(second_check=Known.SIGNED_IN)))
    session = opened(desk)
    vial = await received(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.vial.1": vial})
    colleague = replace(a_clinician(Role.NURSE, "C. League"), reference="https://ehr.example/fhir/Practitioner/col")
    desk.open(a_caller(launch=OTHER, clinician=colleague))
    page = await page_of(desk, f"session/{session.id}/dose", OTHER)
    assert "41 mg planned, vial 1, lot K4411. 41 mg ÷ 50 mg/mL = 0.82 mL" in page.text
    async with desk.client(OTHER) as client:
        assert (await post(client, page.form("/confirm/dose-check"))).status_code == 303
    assert "Checked by C. League, signed in, at 14:32" in (await page_of(desk, f"session/{session.id}/dose")).text


async def test_nasal_sprays_and_milligrams_that_differ_are_asked_back(desk: Desk) -> None:
    session = opened(desk)
    course = next(iter(desk.work.kept.courses.values()))
    desk.work.kept.courses[course.id] = replace(course, route=Route.IN, programme=None)
    typed = {"dose.sprays": "3", "dose.mg_per_spray": "28", "dose.given_mg": "80", "dose.planned_mg": "84"}
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, typed)
    page = await page_of(desk, f"session/{session.id}/dose")
    assert "Check: 3 sprays × 28 mg = 84 mg, but 80 mg" in page.text
