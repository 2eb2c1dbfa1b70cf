"""Reference numbers: what somebody reads out on the telephone so that the audit record and the log line are found."""

from __future__ import annotations

import secrets


def reference_number() -> str:
    """A new one, for example "7F3A-22". It says nothing; 24 random bits tell the refusals of a site apart."""
    return f"{secrets.token_hex(2)}-{secrets.token_hex(1)}".upper()


def with_reference(words: str, reference: str) -> str:
    """The detail of the audit record that goes with a refusal's page."""
    return f"{words.rstrip('.')}. Reference {reference}."
