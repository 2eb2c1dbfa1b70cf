"""What an EHR's answer means: status to error in one table, and the checks before a body is used (FHIR R4 http)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
from anyio.lowlevel import checkpoint

from fhir_mappings.wire import NotFhirJson, decode, decode_by_slices
from launch.retry_after import seconds_to_wait
from smart_app.ehr.exchange import Answer
from smart_app.use_cases.errors import (
    BadReply,
    Busy,
    Conflict,
    EhrError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    Rejected,
    Unauthorized,
)
from smart_app.use_cases.records import Json

_UNREADABLE: Final = "the EHR's answer is not readable as FHIR JSON"
_MOST_ISSUES: Final = 20
_LONGEST_ISSUE: Final = 500
_JSON_TYPES: Final = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a status is told. `writing` is the error where the request was to change something."""

    words: str
    reading: type[EhrError]
    writing: type[EhrError]


def _same(words: str, error: type[EhrError]) -> Refusal:
    return Refusal(words=words, reading=error, writing=error)


_BY_STATUS: Final[Mapping[int, Refusal]] = {
    400: _same("the EHR did not accept it", Rejected),
    401: _same("the sign-in to the EHR has ended", Unauthorized),
    403: _same("the EHR refused it", Forbidden),
    404: _same("the EHR does not have it", Missing),
    405: _same("the EHR does not offer it", Forbidden),
    408: Refusal(words="the EHR did not answer in time", reading=Busy, writing=OutcomeUnknown),
    409: _same("somebody else changed it in the EHR", Conflict),
    410: _same("it was deleted in the EHR", Missing),
    412: _same("the EHR holds another version, or more than one", Conflict),
    422: _same("the EHR did not accept it", Rejected),
    429: _same("the EHR asks to wait", Busy),
    501: _same("the EHR does not offer it", Forbidden),
    503: _same("the EHR is not available now", Busy),
}
_BY_CLASS: Final[Mapping[int, Refusal]] = {
    3: _same("the EHR sent the app to another address instead of answering", BadReply),
    4: _same("the EHR did not accept it", Rejected),
    5: Refusal(words="the EHR failed", reading=Busy, writing=OutcomeUnknown),
}


WARNED: Final = "the EHR warned that data may be missing"
_CALM: Final = ("information", "success")  # tuples: what an EHR sends may be of any shape
_WITHHELD: Final = ("incomplete", "suppressed")  # FHIR IssueType: left out, however mildly it is told
_HARMLESS: Final = frozenset({"4101"})  # Epic: "returns no results", said of every empty list
PROTECTED: Final = "the chart is protected (break the glass)"
_EPIC: Final = "urn:oid:1.2.840.114350."  # Epic numbers what it says under this arc; nobody else's numbers count
# Epic on FHIR, error and warning codes: what a number says more exactly than the status does.
_BY_EPIC_CODE: Final[Mapping[str, tuple[str, type[EhrError]]]] = {
    "4130": (PROTECTED, Forbidden),
    "4131": (PROTECTED, Forbidden),
    "4134": (PROTECTED, Forbidden),
    "4113": ("the EHR has ended this search", Missing),
}


def check_status(answer: Answer, now: datetime, *, needs: str = "") -> None:
    """Raises the error of an answer other than 2xx; the EHR's own words go into its `issues`.

    `needs`: the scopes that the request takes; a 403 names them.
    """
    if 200 <= answer.status < 300:
        return
    _check_outcome(_object_or_empty(answer))
    refusal = _BY_STATUS.get(answer.status) or _BY_CLASS.get(answer.status // 100)
    if refusal is None:
        raise BadReply(f"the EHR's answer is no answer of HTTP ({answer.status})")
    raised = refusal.writing if answer.writing else refusal.reading
    told = f"{answer.status}; it needs {needs}" if needs and answer.status == httpx.codes.FORBIDDEN else answer.status
    raise raised(
        f"{refusal.words} ({told})",
        retry_after=seconds_to_wait(answer.headers, now) if raised is Busy else None,
        issues=issues_of(_object_or_empty(answer)),
    )


def resource_of(answer: Answer, *expected: str) -> Json:
    """The resource in the body, of one of the expected types; BadReply when it is anything else."""
    _check_media_type(answer)
    try:
        return _expected(decode(answer.body), expected)
    except NotFhirJson:
        raise BadReply(_UNREADABLE) from None


async def bundle_of(answer: Answer) -> Json:
    """The Bundle in the body. It may be long: others get their turn while it is read."""
    _check_media_type(answer)
    bundle: Json = {}
    try:
        for bundle in decode_by_slices(answer.body, "entry"):  # noqa: B007  # the last one is the whole
            await checkpoint()
    except NotFhirJson:
        raise BadReply(_UNREADABLE) from None
    return _expected(bundle, ("Bundle",))


def _expected(resource: Json, expected: tuple[str, ...]) -> Json:
    kind = resource.get("resourceType")
    if kind not in expected:
        _check_outcome(resource)
        what = "an error message" if kind == "OperationOutcome" else "something else than was asked for"
        raise BadReply(f"the EHR answered with {what}", issues=issues_of(resource))
    return resource


def issues_of(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """What an OperationOutcome says, for the clinician alone: it may quote the chart, so it is never logged."""
    if resource.get("resourceType") != "OperationOutcome":
        return ()
    texts = (_issue_text(issue) for issue in _dicts(resource.get("issue")))
    return tuple(text for text in texts if text)[:_MOST_ISSUES]


def epic_codes(outcome: Mapping[str, Any]) -> frozenset[str]:
    """The numbers under which Epic says what it says, of an OperationOutcome or of one issue of it."""
    issues: list[Mapping[str, Any]] = [*_dicts(outcome.get("issue"))] or [outcome]
    details = [issue["details"] for issue in issues if isinstance(issue.get("details"), dict)]
    return frozenset(
        coding["code"]
        for detail in details
        for coding in _dicts(detail.get("coding"))
        if isinstance(coding.get("code"), str) and str(coding.get("system", "")).startswith(_EPIC)
    )


def is_protected(outcome: Mapping[str, Any]) -> bool:
    """Whether the EHR says that somebody has to break the glass first. It is never asked again for that."""
    return any(_BY_EPIC_CODE[code][0] is PROTECTED for code in epic_codes(outcome) & set(_BY_EPIC_CODE))


def tells_of_missing(outcome: Mapping[str, Any]) -> bool:
    """Whether an OperationOutcome says that something may be missing: all but a plain information does."""
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return bool(issues_of(outcome))
    return any(
        isinstance(issue, dict)
        and (issue.get("severity") not in _CALM or issue.get("code") in _WITHHELD)
        and epic_codes(issue).isdisjoint(_HARMLESS)
        for issue in issues
    )


def _check_outcome(outcome: Mapping[str, Any]) -> None:
    if outcome.get("resourceType") != "OperationOutcome":
        return
    for code in sorted(epic_codes(outcome) & set(_BY_EPIC_CODE), reverse=True):  # a protected chart before the rest
        words, error = _BY_EPIC_CODE[code]
        raise error(words, issues=issues_of(outcome))


def _issue_text(issue: Mapping[str, Any]) -> str:
    details = issue.get("details")
    details = details if isinstance(details, dict) else {}
    shown = [coding.get("display") for coding in _dicts(details.get("coding"))]
    for text in (details.get("text"), issue.get("diagnostics"), *shown, issue.get("code")):
        if isinstance(text, str) and text.strip():
            return " ".join(text.split())[:_LONGEST_ISSUE]
    return ""


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _check_media_type(answer: Answer) -> None:
    media_type, _, parameters = answer.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() not in _JSON_TYPES:
        raise BadReply("the EHR answered with a page or file instead of FHIR JSON")
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8"}:
        raise BadReply("the EHR's answer is in a character set that FHIR does not know")


def _object_or_empty(answer: Answer) -> Json:
    try:
        _check_media_type(answer)
        return decode(answer.body)
    except (BadReply, NotFhirJson):
        return {}
