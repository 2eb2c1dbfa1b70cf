"""The audit page: who looked and who did what, newest first, in words (ui specification S8)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from types import MappingProxyType

from starlette.responses import Response

from fhir_mappings.facts.audit import AuditRecord
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.follow_course import audit_view

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "app:care-plan:create": "Wrote the care plan to the EHR",
        "app:care-plan:update": "Updated the care plan in the EHR",
        "app:chart:refuse": "Refused a part of the record: the EHR had sent another patient's",
        "app:launch:close": "Closed the session by time",
        "app:launch:refuse": "Refused to start",
        "app:message:give-up": "Gave up sending to the EHR",
        "app:page:refuse": "Refused to show a page",
        "app:sign-in-again:refuse": "Refused a new sign-in before signing",
        "app:outbox:release": "Sent what had waited for this start of the app",
        "app:session:amend": "Brought the session in the EHR to its new version",
        "app:session:countersign": "Wrote a countersignature to the EHR",
        "app:score:deliver": "Wrote a questionnaire to the EHR",
        "app:score:retract": "Marked a result as entered in error in the EHR",
        "app:session:deliver": "Wrote the session to the EHR",
        "app:session:retract": "Marked the session as entered in error in the EHR",
        "clinician:audit:read": "Looked at this page",
        "clinician:chart:screen": "Screened: the record was read from the EHR",
        "clinician:course:enrol": "Enrolled the patient",
        "clinician:course:read": "Looked at the course",
        "clinician:course:withdraw": "Withdrew the enrolment",
        "clinician:course:hold": "Put the course on hold",
        "clinician:course:resume": "Resumed the course",
        "clinician:course:confirm": "Confirmed that the course is complete",
        "clinician:course:finish": "Ended the course early",
        "clinician:course:restart": "Ended the course to start again",
        "clinician:course:dates": "Changed the planned dates",
        "clinician:delivery:compare": "Looked at what the EHR holds otherwise than was written",
        "clinician:delivery:read": "Looked at what was written to the EHR",
        "clinician:delivery:release": "Sent what was waiting",
        "clinician:delivery:retry": "Had an item sent again",
        "clinician:device-key:give": "Got the key for what a device could not send",
        "clinician:enrolment:read": "Looked at the enrolment",
        "clinician:enrolment:save": "Saved a draft of the enrolment",
        "clinician:form:draft": "Typed into a form; it was kept, not saved",
        "clinician:form:drop": "Dealt with what was kept of a form",
        "clinician:form:keep": "Sent a form after the session had ended; it was kept, not saved",
        "clinician:form:refuse": "Sent a form that was refused",
        "clinician:launch:close": "Closed the app",
        "clinician:launch:hand-over": "Asked for a window of its own",
        "clinician:launch:move": "Went on in a window of its own",
        "clinician:launch:open": "Opened the app from the chart",
        "clinician:launch:sign-in-again": "Signed in at the EHR again, to sign",
        "clinician:sign-in-again:begin": "Went to the EHR to sign in again",
        "clinician:dose:check": "Confirmed that a dose was checked",
        "clinician:ledger:count": "Counted a vial",
        "clinician:ledger:export": "Exported the ledger",
        "clinician:ledger:post": "Entered a dose in the ledger",
        "clinician:ledger:read": "Looked at the ledger",
        "clinician:ledger:receive": "Received vials",
        "clinician:ledger:reverse": "Took a row of the ledger back",
        "clinician:ledger:waste": "Entered waste in the ledger",
        "clinician:page:read": "Looked at a page with the patient's name",
        "clinician:outcome:relapse": "Declared a relapse",
        "clinician:outcome:scale": "Chose the scale that judges the course",
        "clinician:booster:override": "Planned a booster although a condition was not met",
        "clinician:booster:plan": "Planned a booster",
        "clinician:care:liver": "Entered liver values",
        "clinician:care:pressure": "Entered a blood pressure between sessions",
        "clinician:care:strike": "Struck out an entry between sessions",
        "clinician:care:urinary": "Asked about urinary symptoms",
        "clinician:care:log": "Wrote down what the patient said of doses taken alone",
        "clinician:microdosing:read": "Looked at the doses taken alone",
        "clinician:microdosing:review": "Reviewed the doses taken alone",
        "clinician:microdosing:titrate": "Changed the dose taken alone",
        "app:statement:deliver": "Delivered what the patient said of doses",
        "app:statement:retract": "Took back in the EHR what was said of doses",
        "clinician:maintenance:read": "Looked at the page after the course",
        "clinician:score:read": "Looked at the outcomes",
        "clinician:score:record": "Entered a questionnaire",
        "clinician:score:save": "Saved a draft of a questionnaire",
        "clinician:score:strike": "Struck out a result",
        "clinician:screening:answer": "Asked the patient",
        "clinician:screening:export": "Took the screening as FHIR",
        "clinician:screening:override": "Overrode a finding",
        "clinician:screening:read": "Looked at the screening",
        "clinician:waste:witness": "Confirmed that waste was seen destroyed",
        "operator:ledger:check": "Had the ledger added up",
        "operator:ledger:export": "Exported the ledger",
        "clinician:version:download": "Took a signed record as a document",
        "clinician:version:read": "Looked at a signed version",
        "operator:screening:replay": "Had a screening computed again",
        "clinician:session:addendum": "Added to the signed record",
        "clinician:session:amend": "Opened the signed record to amend it",
        "clinician:session:choose": "Chose between what two people had entered",
        "clinician:session:countersign": "Countersigned the record",
        "clinician:session:drop-amendment": "Gave an amendment up",
        "clinician:session:add": "Added a line to the session",
        "clinician:session:error": "Marked the session as entered in error",
        "clinician:session:miss": "Recorded a missed session",
        "clinician:session:open": "Opened a session",
        "clinician:session:read": "Looked at the session",
        "clinician:session:review": "Checked the note",
        "clinician:session:save": "Saved what was typed in the session",
        "clinician:session:sign": "Signed the session",
        "clinician:session:stop": "Stopped the session early",
        "clinician:session:strike": "Struck out a line of the session",
    }
)

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_UUID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def show(visit: Visit) -> Response:
    view = audit_view(visit.deps.work, visit.deps.clock, visit.caller)
    return visit.page(
        "audit.html",
        tab="audit",
        title="Audit",
        lines=lines(view.records),
        words=WORDS,
        short=short,
        zone=visit.now.tzinfo,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One record, or several in a row that differ in nothing but their time. `first` is the oldest of them."""

    record: AuditRecord
    first: datetime
    count: int


def lines(records: Sequence[AuditRecord]) -> list[Line]:
    """Newest first, as the records come."""
    made = []
    for _, run in groupby(records, key=lambda record: replace(record, at=_ANY_TIME)):
        same = list(run)
        made.append(Line(record=same[0], first=same[-1].at, count=len(same)))
    return made


def short(text: str) -> str:
    """Long identifiers by their first eight characters, enough to tell two lines apart."""
    return _UUID.sub(r"\1", text)


ROUTES = (Route(path="audit", handler=show, auditors=True),)
