"""What is asked, measured and told between sessions, with the guards that keep it."""

from __future__ import annotations

from smart_app.store.migrations import only_added

revision = "care_entries"
down_revision = "device_keys"


def upgrade() -> None:
    only_added.make("care_entries", found_by="patient")
    only_added.guard(["care_entries"], function="care_entries_refuse", says="what was entered stays")
