"""What was sent after a session had ended: kept for its author beside the drafts, until they save it or drop it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from smart_app.use_cases.access import audited
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller

LONGEST = 4000  # characters of one field
MOST = 50  # forms of one page: readings that waited for a connection come one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class LateForm:
    """One form as it was sent. `key` tells it from others of the same page; empty where there is only one."""

    page: str  # where it stands, below the launch's address
    key: str
    at: datetime
    fields: Mapping[str, str]


def keep_late(
    work: Work, clock: Clock, caller: Caller, page: str, fields: Mapping[str, str], *, key: str = ""
) -> bool:
    """Keep values as typed; False: nobody was named, or there are too many, so nothing was kept."""
    now = clock()
    with work() as uow:
        kept = _all(uow, caller, page)
        if not caller.clinician.reference or (len(kept) >= MOST and key not in kept):
            return False
        short = {name: text[:LONGEST] for name, text in fields.items()}
        kept[key] = json.dumps({"at": now.isoformat(), "fields": short})
        uow.drafts.keep(caller.patient, caller.clinician.reference, _form(page), kept, now)
        uow.audit.add(audited(caller, now, "clinician:form:keep", detail=_detail(page)))
        uow.commit()
    return True


def late_form(uow: UnitOfWork, caller: Caller, page: str) -> LateForm | None:
    """The oldest of this page that its author has not dealt with."""
    for key, text in _all(uow, caller, page).items():
        told = json.loads(text)
        return LateForm(page=page, key=key, at=datetime.fromisoformat(told["at"]), fields=told["fields"])
    return None


def drop_late(work: Work, clock: Clock, caller: Caller, page: str, key: str = "") -> None:
    """It was saved, or its author does not want it. Harmless when there is none."""
    now, author = clock(), caller.clinician.reference
    with work() as uow:
        kept = _all(uow, caller, page)
        if kept.pop(key, None) is None:
            return
        uow.drafts.drop(caller.patient, author, _form(page))
        if kept:
            uow.drafts.keep(caller.patient, author, _form(page), kept, now)
        uow.audit.add(audited(caller, now, "clinician:form:drop", detail=_detail(page)))
        uow.commit()


def _all(uow: UnitOfWork, caller: Caller, page: str) -> dict[str, str]:
    return dict(uow.drafts.get(caller.patient, caller.clinician.reference, _form(page)))


def _form(page: str) -> str:
    return f"late/{page}"


def _detail(page: str) -> str:
    return f"Form of {page}."
