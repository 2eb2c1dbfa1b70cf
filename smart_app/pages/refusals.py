"""Pages that say no: what happened, what was kept, and what to do now (ui specification S1 and S10)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment
from starlette.responses import HTMLResponse, JSONResponse, Response

from launch.errors import CookieRefused, LaunchEnded, LaunchError
from smart_app.pages.templating import render
from smart_app.use_cases import errors
from smart_app.use_cases.access import OtherPatient

_log = logging.getLogger("ketamine_pathway")
_KEPT = "Nothing you entered is lost."


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One error page. `words` is its sentence; `advice` what to do; `kept` what was saved."""

    status: int
    title: str
    words: str
    advice: str = ""
    kept: str = ""
    reference: str = ""
    again: bool = False  # offer to try the same address again
    ends_page: bool = False  # nothing of the page that the form stood on may stay, where a script sent it
    clean: bool = False  # the address holds what the EHR sent: it is taken off
    alone: str = ""  # an address that opens the app in its own window
    back: str = ""  # an address of ours to go back to
    sign_in: str = ""  # an address that opens it without a chart, where this EHR offers that


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """What error pages need even when nothing else works."""

    templates: Environment
    product: str
    contact: str


def show_notice(printer: Printer, notice: Notice, *, root: str | None = None, quiet: bool = False) -> Response:
    """The page, or its sentence as JSON for the page's own script."""
    if quiet:
        said = " ".join(part for part in (notice.words, notice.advice) if part)
        told = {"problem": said, "ends_page": notice.title if notice.ends_page else "", "kept": notice.kept}
        told = {name: words for name, words in told.items() if words}
        return JSONResponse(told, status_code=notice.status)
    values: dict[str, Any] = {"notice": notice, "root": root, "product": printer.product, "contact": printer.contact}
    return HTMLResponse(render(printer.templates, "error.html", values), status_code=notice.status)


def log_refusal(notice: Notice) -> None:
    """One line for those who run the app, without address or launch: the audit record has what may be known."""
    if notice.reference:
        _log.warning("refused %s: %s %s", notice.reference, notice.status, notice.title)


def notice_of(error: Exception, *, looking: bool = False) -> Notice:
    """The page of an error of below, with the reference of its audit record. `looking`: nothing was to be done."""
    return replace(_notice_of(error, looking=looking), reference=getattr(error, "reference", ""))


def _notice_of(error: Exception, *, looking: bool) -> Notice:
    """The one table that turns errors of below into a page and a status."""
    match error:
        case LaunchEnded():
            return session_ended(None)
        case LaunchError():
            return launch_failed(error)
        case OtherPatient():
            return other_patient()
        case errors.Refused():
            title = "This page cannot be shown" if looking else "This was not done"
            return Notice(status=403, title=title, words=error.words, advice=error.advice)
        case errors.StaleVersion():
            return Notice(
                status=409,
                title="Somebody else saved in between",
                words="Another person changed the same record a moment ago.",
                advice="Go back, look at what is there now, and enter your change again.",
                kept="What they saved is kept. Your last change is not saved yet.",
                again=True,
            )
        case errors.Forbidden():
            return _ehr_notice(error, "The EHR did not allow it", "Ask the administrator of the EHR.")
        case errors.Unauthorized():
            return session_ended(None)
        case errors.EhrError():
            return _ehr_notice(error, "The EHR did not answer as it should", "Wait a moment, then try again.")
        case _:
            raise error


def launch_failed(error: LaunchError, *, alone: str = "") -> Notice:
    """The start of the app went wrong (S1), or signing in again before a signature did."""
    if error.back:
        return _not_signed_in(error)
    wanted = alone if isinstance(error, CookieRefused) else ""
    advice = error.what_to_do
    if isinstance(error, CookieRefused) and not wanted:
        advice = "Allow this app's cookies in the browser, or ask for it to be opened in its own window."
    return Notice(
        status=502 if error.party == "EHR" else 400,
        title="The app could not start",
        clean=True,
        words=error.message,
        advice=advice,
        alone=wanted,
    )


def _not_signed_in(error: LaunchError) -> Notice:
    start = "start the app again" in error.what_to_do or "Start the app again" in error.what_to_do
    return Notice(
        status=502 if error.party == "EHR" else 400,
        title="You are not signed in again",
        clean=True,
        words=error.message,
        advice="Go back and try again. If it fails again, tell whoever runs the app." if start else error.what_to_do,
        kept="Nothing was signed. Your session goes on as before.",
        back=error.back,
    )


def session_ended(at: str | None, *, kept: str = "", sign_in: str = "", cookie: bool = False) -> Notice:
    """`kept`: what became of the form that came too late; empty: there was none.

    `cookie`: the browser shows one that opened this launch before, as a frame does that was left for a window.
    """
    advice = "Sign in again to go on." if sign_in else "Open the app again from the chart to go on."
    when = f" at {at}" if at else ""
    return Notice(
        status=401,
        title="Your session ended",
        words=f"Your session ended{when}." + ("" if kept else f" {_KEPT}"),
        advice=f"If it goes on in a window of its own, work there. {advice}" if cookie else advice,
        kept=kept,
        sign_in=sign_in,
    )


def other_patient() -> Notice:
    return Notice(
        status=409,
        title="This page belongs to another patient",
        words="The form you sent was made for another patient or another start of the app. Nothing was written.",
        advice="Do not go on here. Open the app again from the chart of the patient you are treating.",
        ends_page=True,
    )


def form_refused() -> Notice:
    return Notice(
        status=403,
        title="This form was not accepted",
        words="The form did not come from an open page of this session. Nothing was written.",
        advice="Go back, load the page again and send the form from there.",
    )


def not_yours() -> Notice:
    return Notice(
        status=403,
        title="Your role does not allow this",
        words="Auditors read the audit trail of this app. Nothing was written.",
        advice="If you also treat patients, ask for that role in the EHR.",
    )


def not_found() -> Notice:
    return Notice(
        status=404,
        title="There is no such page",
        words="The address does not lead to a page of this app.",
        advice="Go back, or open the app again from the chart.",
    )


def of_status(status: int, reference: str) -> Notice:
    """For a bare HTTP status that something below the pages gave."""
    if status == 404:
        return not_found()
    if status >= 500:
        return replace(broken(reference), status=status)
    return Notice(
        status=status,
        title="This cannot be done here",
        words="The address is not opened in this way.",
        advice="Go back, or open the app again from the chart.",
    )


def broken(reference: str) -> Notice:
    return Notice(
        status=500,
        title="Something went wrong here",
        words="The fault is in this app, not in what you did.",
        advice="Try again. If it happens again, pass on the reference.",
        kept="Your entries are kept as far as the page said \N{LEFT DOUBLE QUOTATION MARK}Saved"
        "\N{RIGHT DOUBLE QUOTATION MARK}.",
        reference=reference,
        again=True,
    )


def _ehr_notice(error: errors.EhrError, title: str, advice: str) -> Notice:
    words = " ".join((error.words, *error.issues))
    return Notice(status=502, title=title, words=words, advice=advice, kept=_KEPT, again=True)
