"""The About page says what the EHR said when the app was started, in words a clinician understands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fhir_mappings.facts.treatment import Role
from launch.context import FhirContextItem
from smart_app.pages.about import also_open
from tests.smart_app.pages.desk import LAUNCH, NOW, Desk, PageParts, a_caller, a_clinician, a_context, a_screening

pytestmark = pytest.mark.anyio


async def about(desk: Desk, **said: Any) -> str:
    """The text of the page, the EHR having said this."""
    desk.launches.contexts[LAUNCH] = replace(desk.launches.contexts[LAUNCH], **said)
    async with desk.client() as client:
        return PageParts((await client.get(f"/l/{LAUNCH}/about")).text).text


async def test_the_start_is_told_in_plain_words(desk: Desk) -> None:
    text = await about(desk, tenant="South Campus", encounter="enc-77")
    for words in (
        "EHR Riverside Clinic Site, as the EHR names it South Campus",
        "Started 14:32, from the patient's chart",
        "Visit A visit was open in the chart.",
        "Patient's name This app shows it on every page.",
        "Signed in as Dr Synthia Example, prescriber",
        "Session ends At 24 Nov 2026 02:32",
    ):
        assert words in text
    assert "enc-77" not in text
    assert "Also open" not in text


async def test_what_the_ehr_did_not_say_is_said_to_be_missing(desk: Desk) -> None:
    text = await about(desk, fhir_user=None)
    assert "Site, as the EHR names it Not named" in text
    assert "No visit was open in the chart." in text
    assert "Nobody: the EHR did not say who you are. Nothing can be written." in text


async def test_a_start_without_a_chart_is_told_apart(desk: Desk) -> None:
    text = await about(desk, standalone=True, started=NOW - timedelta(minutes=5))
    assert "Started 14:27, from this app; the patient was chosen in the EHR" in text


async def test_whoever_only_reads_is_told_so() -> None:
    desk = Desk()
    desk.open(a_caller(may_write=False, clinician=a_clinician(Role.NURSE, "R. Nurse")))
    assert "Signed in as R. Nurse, nurse, reading only" in await about(desk)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ((), ""),
        ((FhirContextItem(reference="ImagingStudy/s3cret-17"),), "Imaging study"),
        ((FhirContextItem(reference="https://ehr.example/fhir/Condition/1/_history/2"),), "Condition"),
        ((FhirContextItem(reference="Task/1"), FhirContextItem(reference="Task/2"),
          FhirContextItem(type="Questionnaire", identifier="s|s3cret")), "Task, questionnaire"),
        ((FhirContextItem(canonical="https://ehr.example/Questionnaire/phq"),), "Questionnaire"),
        ((FhirContextItem(identifier="mrn|s3cret"), FhirContextItem(reference="javascript:alert(1)")),
         "Something of a kind that was not named"),
    ],
)  # fmt: skip
async def test_what_else_the_chart_had_open_is_named_by_its_kind(
    items: tuple[FhirContextItem, ...], words: str
) -> None:
    assert also_open(replace(a_context(a_caller(), NOW), fhir_context=items)) == words


async def test_a_launch_that_left_the_ehr_s_frame_shows_the_patient_again() -> None:
    desk = Desk()
    desk.open(a_caller(show_banner=False))
    desk.keep(screening=a_screening())
    assert "The EHR shows it around this app." in await about(desk)
    assert "This app shows it on every page." in await about(desk, need_patient_banner=True)


PATHS = ("screening", "enrolment", "session", "progress", "audit", "about", "rules", "leave", "no/such/page")


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_whose_ehr_shows_the_patient_still_names_them_in_title_and_on_paper(path: str) -> None:
    desk = Desk()
    desk.open(a_caller(show_banner=False))
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/{path}")).text)
    banners = [
        (tag, attrs["class"].split()) for tag, attrs in page.tags if "patient" in attrs.get("class", "").split()
    ]
    if path == "no/such/page":
        assert banners == [], "no patient's page"
        return
    assert "Testpatient" in page.title or "TESTPATIENT" in page.title
    assert len(banners) == 1
    tag, classes = banners[0]
    assert tag == "div"
    assert "strip" in classes
    assert "TESTPATIENT, Ada" in page.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Sessions with dose, readings and who signed, and the course."),
        ({"not_granted": frozenset({"CarePlan"})}, "did not allow this app to write care plans"),
        ({"may_write": False}, "Nothing: the EHR, or the app's registration with it, does not allow it."),
    ],
    ids=["all", "no care plans", "reading only"],
)
async def test_what_reaches_the_chart_is_said_as_it_was_granted(
    desk: Desk, changes: dict[str, Any], words: str
) -> None:
    desk.open(a_caller(**changes))
    async with desk.client() as client:
        assert words in PageParts((await client.get(f"/l/{LAUNCH}/about")).text).text
