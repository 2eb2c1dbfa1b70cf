"""What the audit trail keeps of an access or a decision; becomes an AuditEvent when it is served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuditOutcome(StrEnum):
    SUCCESS = "success"
    REFUSED = "refused"  # we said no
    FAILED = "failed"  # something broke


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Who did what to whose record, why, when and with what outcome. Append-only.

    `action` is `source:subject:action`, for example `clinician:screening:read` or `app:session:deliver`.
    `detail` is in words and holds neither a name, a date of birth, a number of a chart nor a secret.
    """

    action: str
    at: datetime
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    ehr: str | None = None
    launch: str | None = None
    actor: str | None = None  # absolute URL of the clinician; None: the app itself
    actor_name: str | None = None
    role: str | None = None
    account: str | None = None  # "issuer|subject" of the id_token; on the record that opens a launch
    patient: str | None = None  # absolute URL
    entities: tuple[str, ...] = ()  # references of what was read or written
    detail: str = ""
