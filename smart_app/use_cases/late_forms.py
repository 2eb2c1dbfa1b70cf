"""What was typed and not saved, or sent after a session had ended: kept for its author until they save or drop it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smart_app.use_cases.access import audited
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller

LONGEST = 4000  # characters of one field
MOST = 50  # forms of one page: readings that waited for a connection come one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class LateForm:
    """One form as it was typed. `key` tells it from others of the same page; empty where there is only one."""

    page: str  # where it stands, below the launch's address
    key: str
    at: datetime  # when it was sent, or last typed into
    fields: Mapping[str, str]
    sent: bool = True  # False: a draft, nobody pressed its button

    @property
    def kind(self) -> str:
        """Which form of its page: fields of an entry are named after its kind."""
        return next(iter(self.fields), "").partition(".")[0]


def keep_late(
    work: Work,
    clock: Clock,
    caller: Caller,
    page: str,
    fields: Mapping[str, str],
    *,
    key: str = "",
    sent: bool = True,
) -> bool:
    """Keep values as typed; False: nobody was named, or there are too many, so nothing was kept.

    `sent` False: a draft. It takes the place of what was sent too late, which is still told as that.
    """
    now = clock()
    with work() as uow:
        kept = _all(uow, caller, page)
        if not caller.clinician.reference or (len(kept) >= MOST and key not in kept):
            return False
        short = {name: text[:LONGEST] for name, text in fields.items()}
        told = {"at": now.isoformat(), "fields": short, "sent": sent}
        if not sent and key in kept and (before := json.loads(kept[key])).get("sent", True):
            told |= {"at": before["at"], "sent": True}
        kept[key] = json.dumps(told)
        uow.drafts.keep(caller.patient, caller.clinician.reference, _form(page), kept, now)
        action = "clinician:form:keep" if sent else "clinician:form:draft"
        uow.audit.add(audited(caller, now, action, detail=_detail(page)))
        uow.commit()
    return True


def late_forms(uow: UnitOfWork, caller: Caller, page: str) -> tuple[LateForm, ...]:
    """Those of this page that their author has not dealt with, oldest first."""
    return tuple(_read(page, key, json.loads(text)) for key, text in _all(uow, caller, page).items())


def _read(page: str, key: str, told: Mapping[str, Any]) -> LateForm:
    at = datetime.fromisoformat(told["at"])
    return LateForm(page=page, key=key, at=at, fields=told["fields"], sent=told.get("sent", True))


def drop_late(work: Work, clock: Clock, caller: Caller, page: str, key: str = "") -> None:
    """It was saved, or its author does not want it. Harmless when there is none."""
    now, author = clock(), caller.clinician.reference
    with work.reading() as uow:
        if key not in _all(uow, caller, page):
            return
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
