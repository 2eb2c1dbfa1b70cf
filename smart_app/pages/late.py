"""What a form holds that comes after the session's end: kept, and shown again on its page (ui specification 5.1)."""

from __future__ import annotations

from smart_app.pages.visit import Keep, Visit
from smart_app.use_cases.late_forms import drop_late, keep_late

DRAFT = "What you had typed is kept as your draft."
SHOWN_AGAIN = "What you had typed is kept: it will stand on the same page again, to be checked and saved."


def keep_on(page: str) -> Keep:
    """A form that has no draft of its own: kept beside them for `page`, whose braces the address fills."""

    def keep(visit: Visit) -> str:
        fields = {name: text for name, text in visit.fields.items() if name not in _NOT_TYPED}
        return keep_fields(visit, page.format_map(visit.path), fields) if any(fields.values()) else ""

    return keep


def keep_fields(visit: Visit, page: str, fields: dict[str, str]) -> str:
    """What became of them, in words; empty: nothing was kept."""
    deps, key = visit.deps, visit.fields.get("entry", "")
    return SHOWN_AGAIN if keep_late(deps.work, deps.clock, visit.caller, page, fields, key=key) else ""


def dealt_with(visit: Visit, page: str) -> None:
    """The form was saved: what had been kept of it may go."""
    drop_late(visit.deps.work, visit.deps.clock, visit.caller, page, visit.fields.get("entry", ""))


_NOT_TYPED = frozenset({"do", "entry", "seen", "step", "waited"})
