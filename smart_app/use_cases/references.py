"""Reference numbers: what somebody reads out on the telephone so that the audit record and the log line are found."""

from __future__ import annotations

import secrets
from dataclasses import replace

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord


def reference_number() -> str:
    """A new one, for example "7F3A-22". It says nothing; 24 random bits tell the refusals of a site apart."""
    return f"{secrets.token_hex(2)}-{secrets.token_hex(1)}".upper()


def refused(record: AuditRecord) -> tuple[AuditRecord, str]:
    """The record of a refusal, and the reference that stands in it and on the page."""
    reference = reference_number()
    detail = f"{record.detail.rstrip('.')}. Reference {reference}."
    return replace(record, outcome=AuditOutcome.REFUSED, detail=detail), reference
