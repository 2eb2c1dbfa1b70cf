"""Every way to fail has a page that says what happened, what was kept and what to do."""

from __future__ import annotations

import pytest

from launch.errors import ConsentRefused, CookieRefused, DiscoveryFailed, LaunchInterrupted, UnknownIssuer
from smart_app.pages import error_page
from smart_app.use_cases import errors
from smart_app.use_cases.access import OtherPatient
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts
from tests.smart_app.pages.treatment import enrolled


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UnknownIssuer("https://elsewhere.example/fhir"), 400, "EHR address: https://elsewhere.example/fhir"),
        (LaunchInterrupted(), 400, "The start of the app was interrupted."),
        (ConsentRefused(), 400, "refused to give the app access"),
        (DiscoveryFailed("The EHR's configuration cannot be read."), 502, "tell the EHR's support desk"),
        (errors.Refused("Not while a session is open.", advice="Sign it first."), 403, "Sign it first."),
        (errors.StaleVersion("x"), 409, "Your last change is not saved yet."),
        (errors.Unreachable("The EHR cannot be reached."), 502, "Nothing you entered is lost."),
        (errors.Rejected("The EHR said no.", issues=("code unknown",)), 502, "The EHR said no. code unknown"),
        (errors.Forbidden("No scope for Procedure."), 502, "Ask the administrator of the EHR."),
        (errors.Unauthorized("x"), 401, "Your session ended."),
        (OtherPatient("x"), 409, "This page belongs to another patient"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_c30_each_error_has_its_page(desk: Desk, error: Exception, status: int, words: str) -> None:
    response = error_page(desk.deps, error)
    page = PageParts(bytes(response.body).decode())
    assert response.status_code == status
    assert words in page.text
    assert len([tag for tag, _ in page.tags if tag == "h1"]) == 1
    assert not [tag for tag, _ in page.tags if tag == "form"], "nothing can be sent from a page that says no"


def test_where_the_cookie_was_refused_the_app_can_be_opened_in_its_own_window(desk: Desk) -> None:
    error = CookieRefused(ehr="demo", launch_id="abc")
    error.handover, error.reference = "CODE", "7F3K-22"
    page = PageParts(bytes(error_page(desk.deps, error).body).decode())
    assert "Reference 7F3K-22" in page.text
    assert page.links["Open in its own window"] == "/handover/CODE"


def test_a_fault_of_ours_gives_a_reference_and_nothing_else(desk: Desk) -> None:
    response = error_page(desk.deps, status=500, reference="7F3K-22")
    page = PageParts(bytes(response.body).decode())
    assert response.status_code == 500
    assert "Reference 7F3K-22" in page.text
    assert "Your entries are kept" in page.text


def test_an_error_nobody_foresaw_is_not_dressed_up_as_another(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        error_page(desk.deps, ZeroDivisionError())


def test_a_page_made_outside_of_everything_still_carries_the_headers(desk: Desk) -> None:
    bare = error_page(desk.deps, reference="7F3K-22").headers
    framed = error_page(desk.deps, reference="7F3K-22", ehr="demo").headers
    assert "frame-ancestors 'none'" in bare["content-security-policy"]
    assert "frame-ancestors 'self' https://ehr.example" in framed["content-security-policy"]
    assert bare["cache-control"] == "no-store"


@pytest.mark.parametrize("status", [400, 405, 413, 422])
def test_a_wrong_way_to_an_address_is_not_called_our_fault(desk: Desk, status: int) -> None:
    response = error_page(desk.deps, status=status)
    assert response.status_code == status
    assert "Reference" not in bytes(response.body).decode()


def test_an_unknown_address_is_a_404(desk: Desk) -> None:
    response = error_page(desk.deps, status=404)
    assert response.status_code == 404
    assert "There is no such page" in bytes(response.body).decode()


@pytest.mark.anyio
async def test_a_page_that_is_not_there_is_not_called_a_thing_that_was_not_done(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(f"/l/{LAUNCH}/session/none/before")).text)
    assert "This page cannot be shown There is no such session." in page.text
