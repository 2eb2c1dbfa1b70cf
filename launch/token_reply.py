"""The token endpoint's answer, read strictly where we rely on it (RFC 6749, 5.1; SMART App Launch 2.2, 2.0.11).

No complaint repeats a value: the answer holds tokens and a patient's id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from launch.context import FhirContextItem

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.0+)?\Z")
_LONGEST_LIFE = 10**9


class ReplyInvalid(ValueError):
    """The answer breaks the rules; the message names the member, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReply:
    """A checked answer; members that were absent are None."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    expires_in: int | None
    scope: str | None
    patient: str | None
    encounter: str | None
    need_patient_banner: bool
    intent: str | None
    tenant: str | None
    style_url: str | None
    fhir_context: tuple[FhirContextItem, ...]


def read_token_reply(reply: dict[str, Any]) -> TokenReply:
    """Check the members of an answer. What SMART adds for comfort is dropped when it is malformed."""
    token_type = reply.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise ReplyInvalid("token_type is not Bearer")
    access_token = _secret(reply, "access_token")
    if access_token is None:
        raise ReplyInvalid("access_token is missing")
    return TokenReply(
        access_token=access_token,
        refresh_token=_secret(reply, "refresh_token"),
        id_token=_secret(reply, "id_token"),
        expires_in=_seconds(reply.get("expires_in")),
        scope=_scope(reply.get("scope")),
        patient=_logical_id(reply, "patient"),
        encounter=_logical_id(reply, "encounter"),
        need_patient_banner=reply.get("need_patient_banner") is not False,
        intent=_word(reply.get("intent")),
        tenant=_word(reply.get("tenant")),
        style_url=_word(reply.get("smart_style_url")),
        fhir_context=_fhir_context(reply.get("fhirContext")),
    )


def _secret(reply: dict[str, Any], name: str) -> str | None:
    value = reply.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise ReplyInvalid(f"{name} is no token")
    return value


def _seconds(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ReplyInvalid("expires_in is no number")
    if not _SECONDS.match(str(value)):
        raise ReplyInvalid("expires_in is no number of seconds")
    return min(int(float(value)), _LONGEST_LIFE)


def _scope(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = " ".join(value)
    if not isinstance(value, str):
        raise ReplyInvalid("scope is no text")
    return value


def _logical_id(reply: dict[str, Any], name: str) -> str | None:
    value = reply.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _ID.match(value) or value in {".", ".."}:
        raise ReplyInvalid(f"{name} is no FHIR id")
    return value


def _word(value: object) -> str | None:
    fine = isinstance(value, str) and value.isprintable() and 0 < len(value) <= 1024
    return str(value) if fine else None


def _fhir_context(value: object) -> tuple[FhirContextItem, ...]:
    entries = value if isinstance(value, list) else []
    items = (_item(entry) for entry in entries[:100] if isinstance(entry, dict))
    return tuple(item for item in items if item.reference or item.canonical or item.identifier)


def _item(entry: dict[str, Any]) -> FhirContextItem:
    return FhirContextItem(
        reference=_word(entry.get("reference")),
        canonical=_word(entry.get("canonical")),
        identifier=_identifier(entry.get("identifier")),
        type=_word(entry.get("type")),
        role=_word(entry.get("role")) or "launch",
    )


def _identifier(value: object) -> str | None:
    if not isinstance(value, dict) or not (code := _word(value.get("value"))):
        return None
    return f"{_word(value.get('system')) or ''}|{code}"
