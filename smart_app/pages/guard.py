"""Whose form is this: origin, launch, patient and synchroniser token of every unsafe request (security B-1, B-4)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from smart_app.use_cases.records import Caller

LAUNCH = "_launch"
PATIENT = "_patient"
TOKEN = "_token"  # noqa: S105 - the name of the field, not a token


class Verdict(StrEnum):
    OURS = "ours"
    OTHER_SITE = "other-site"  # the request came from somebody else's page
    OTHER_PATIENT = "other-patient"  # the form was made for another launch or patient
    NO_TOKEN = "no-token"  # noqa: S105 - a verdict, not a token


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What every form carries; made from the session cookie's secret, so nothing of it needs keeping."""

    launch: str
    patient: str
    token: str

    @classmethod
    def of(cls, caller: Caller, secret: str) -> Marks:
        return cls(
            launch=caller.launch,
            patient=_keyed(secret, "patient", caller.fhir_base, caller.patient_id, caller.launch),
            token=_keyed(secret, "token", caller.launch),
        )

    @property
    def fields(self) -> Mapping[str, str]:
        return {LAUNCH: self.launch, PATIENT: self.patient, TOKEN: self.token}

    def judge(self, form: Mapping[str, str]) -> Verdict:
        """The patient comes first: a form of another patient must be told as that, whatever else is wrong."""
        if not (_same(form.get(LAUNCH), self.launch) and _same(form.get(PATIENT), self.patient)):
            return Verdict.OTHER_PATIENT
        return Verdict.OURS if _same(form.get(TOKEN), self.token) else Verdict.NO_TOKEN


def from_our_pages(headers: Mapping[str, str], origin: str) -> bool:
    """Whether the browser says that our own page sent this. A request that says nothing is not believed."""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    sender = headers.get("origin")
    return sender == origin if sender is not None else site == "same-origin"


def _keyed(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "\n".join(parts).encode(), sha256).hexdigest()


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())
