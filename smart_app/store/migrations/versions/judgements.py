"""What screenings are made from, the patients' answers and the overrides, with the guards that keep these two."""

from __future__ import annotations

from smart_app.store.migrations import only_added

revision = "judgements"
down_revision = "drafts"


def upgrade() -> None:
    for name in ("screening_inputs", "answers", "overrides"):
        only_added.make(name, found_by="patient")
    only_added.guard(["answers", "overrides"], function="judgements_refuse", says="what was said or decided stays")
