"""What was signed, and who countersigned it, with the guards that keep both as they are."""

from __future__ import annotations

from smart_app.store.migrations import only_added

revision = "signed_versions"
down_revision = "ledger"

_TABLES = ("session_versions", "countersignatures")


def upgrade() -> None:
    for name in _TABLES:
        only_added.make(name, found_by="session")
    only_added.guard(_TABLES, function="signed_refuse", says="what was signed stays")
