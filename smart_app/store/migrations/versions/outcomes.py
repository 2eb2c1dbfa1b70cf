"""What clinicians decide about scores and outcomes, and the guards that keep it and the scores."""

from __future__ import annotations

from smart_app.store.migrations import only_added

revision = "outcomes"
down_revision = "signed_versions"


def upgrade() -> None:
    only_added.make("outcome_decisions", found_by="patient")
    stays = "what was answered or decided stays"
    only_added.guard(["scores", "outcome_decisions"], function="outcomes_refuse", says=stays)
