"""A look at a page that shows the patient without asking any other use case: it leaves an audit record too."""

from __future__ import annotations

from smart_app.use_cases.access import audited
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller

PAGE = "clinician:page:read"
HAND_OVER = "clinician:launch:hand-over"


def record_look(work: Work, clock: Clock, caller: Caller, action: str, *entities: str) -> None:
    """Call it before the page is made: without the record there is no page."""
    with work() as uow:
        uow.audit.add(audited(caller, clock(), action, *entities))
        uow.commit()
