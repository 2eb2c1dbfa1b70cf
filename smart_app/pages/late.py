"""What a form holds that was not saved, or came after the session's end: kept, and shown again on its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smart_app.pages.visit import Visit
from smart_app.use_cases.late_forms import drop_late, keep_late

DRAFT = "What you had typed is kept as your draft."
SHOWN_AGAIN = "What you had typed is kept: it will stand on the same page again, to be checked and saved."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepOn:
    """A form that has no place of its own while it is typed: kept beside the drafts for the page it stands on."""

    page_of: Callable[[Visit], str]
    fields_of: Callable[[Visit], dict[str, str]]  # what was typed, without what the page put there

    def __call__(self, visit: Visit) -> str:
        fields = self.fields_of(visit)
        if any(fields.values()):
            return keep_fields(visit, self.page_of(visit), fields)
        if visit.draft:
            self.dealt_with(visit)  # everything was taken out again
            return SHOWN_AGAIN
        return ""

    def dealt_with(self, visit: Visit) -> None:
        """The form was saved: what had been kept of it may go."""
        drop_kept(visit, self.page_of(visit))


def keep_on(page: str) -> KeepOn:
    """For `page`, whose braces the address of the form fills."""

    def typed(visit: Visit) -> dict[str, str]:
        return {name: text for name, text in visit.fields.items() if name not in _NOT_TYPED}

    return KeepOn(page_of=lambda visit: page.format_map(visit.path), fields_of=typed)


def keep_fields(visit: Visit, page: str, fields: dict[str, str]) -> str:
    """What became of them, in words; empty: nothing was kept."""
    deps, key = visit.deps, visit.fields.get("entry", "")
    kept = keep_late(deps.work, deps.clock, visit.caller, page, fields, key=key, sent=not visit.draft)
    return SHOWN_AGAIN if kept else ""


def drop_kept(visit: Visit, page: str) -> None:
    drop_late(visit.deps.work, visit.deps.clock, visit.caller, page, visit.fields.get("entry", ""))


_NOT_TYPED = frozenset({"confirmed", "do", "entry", "measured", "seen", "step", "waited"})
