"""Decisions about a course: one page each, with what it does, a reason, and what else it asks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import Response

from fhir_mappings.facts.programme import Finish
from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.course.decide_course import FINISH_EVENTS, Decision, decide
from smart_app.use_cases.course.decision_view import DecisionView, decision_view
from smart_app.use_cases.errors import Problems, Refused

# Heading, what happens, the button.
_WORDS: Mapping[Decision, tuple[str, str, str]] = MappingProxyType(
    {
        Decision.HOLD: (
            "Put the course on hold",
            "No session can be opened until a prescriber resumes the course. What was recorded stays.",
            "Put on hold",
        ),
        Decision.RESUME: (
            "Resume the course",
            "The course goes on where it stood. The gap and the length of the course stay visible with your reason.",
            "Resume the course",
        ),
        Decision.CONFIRM: (
            "Confirm that the course is complete",
            "All sessions are done, but not as the programme asks. Nothing is completed without your confirmation.",
            "Confirm: the course is complete",
        ),
        Decision.FINISH: (
            "End the course early",
            "Planned sessions are cancelled. In remission the course counts as completed; otherwise it is revoked. "
            "What was recorded stays.",
            "End the course",
        ),
        Decision.RESTART: (
            "Start again",
            "This course ends here and its care plan is revoked. The sessions given stay in the chart; they do not "
            "count for the new course. Then you enrol the patient anew.",
            "End this course and enrol anew",
        ),
        Decision.WITHDRAW: (
            "Withdraw the enrolment",
            "The course ends here and its care plan in the EHR is revoked. "
            "What was recorded stays, with your reason.",
            "Withdraw the enrolment",
        ),
        Decision.DATES: (
            "Change the planned dates",
            "The care plan in the EHR gets the new dates.",
            "Save the new dates",
        ),
    }
)
FINISHES = {
    Finish.REMISSION: "Remission: the course counts as completed",
    Finish.ADVERSE_EVENT: "An adverse event",
    Finish.WITHDRAWAL: "The patient withdrew",
    Finish.OTHER: "Another reason",
}
LINKS: Mapping[Decision, str] = MappingProxyType(
    {
        Decision.HOLD: "Put on hold",
        Decision.RESUME: "Resume the course",
        Decision.CONFIRM: "Confirm the completion",
        Decision.DATES: "Change planned dates",
        Decision.FINISH: "End early",
        Decision.RESTART: "Start again",
        Decision.WITHDRAW: "Withdraw the enrolment",
    }
)


def _decision(visit: Visit) -> Decision | None:
    named = visit.path.get("decision", Decision.WITHDRAW.value)
    return {each.value: each for each in Decision}.get(named)


def deciding(visit: Visit) -> Response:
    """Show the form, or take the decision."""
    decision, deps = _decision(visit), visit.deps
    if decision is None:
        return visit.go("progress")
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            decide(deps.work, deps.clock, visit.caller, decision, visit.fields, deps.ids, deps.site)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            deps.wake_worker()
            return visit.go("enrolment" if decision is Decision.RESTART else "progress")
    view = decision_view(deps.work, deps.clock, visit.caller, decision, visit.fields)
    if view.course is None:
        return visit.go("progress")
    return _form(visit, decision, view, problems)


def _form(visit: Visit, decision: Decision, view: DecisionView, problems: Problems) -> Response:
    heading, explanation, button = _WORDS[decision]
    return visit.page(
        "decision.html",
        tab="enrolment" if decision is Decision.WITHDRAW else "progress",
        title=heading,
        problems=problems,
        values=visit.fields,
        view=view,
        heading=heading,
        explanation=explanation,
        button=button,
        action="enrolment/withdraw" if decision is Decision.WITHDRAW else f"course/{decision}",
        finishes=[(each.value, FINISHES[each]) for each in FINISH_EVENTS] if decision is Decision.FINISH else (),
        back="enrolment" if decision is Decision.WITHDRAW else "progress",
    )


_PATH, _WITHDRAW = "course/{decision}", "enrolment/withdraw"
ROUTES = (
    Route(path=_WITHDRAW, handler=deciding),
    Route(path=_WITHDRAW, handler=deciding, method="POST", keep=keep_on(_WITHDRAW)),
    Route(path=_PATH, handler=deciding),
    Route(path=_PATH, handler=deciding, method="POST", keep=keep_on(_PATH)),
)
