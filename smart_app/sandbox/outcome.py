"""A refusal and its OperationOutcome (R4 3.1.0.1.4, 2.28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse


def operation_outcome(code: str, text: str, coding: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An OperationOutcome of one error; `code` is from the IssueType value set, `coding` the server's own."""
    issue: dict[str, Any] = {"severity": "error", "code": code, "diagnostics": text}
    if coding is not None:
        issue["details"] = {"coding": [dict(coding)], "text": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@dataclass
class RefusedError(Exception):
    """The caller asked for what this EHR does not give. `text` never holds patient data or tokens."""

    status: int
    code: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    coding: Mapping[str, str] | None = None  # the server's own code for it

    def outcome(self) -> dict[str, Any]:
        return operation_outcome(self.code, self.text, self.coding)


class FhirResponse(JSONResponse):
    media_type = "application/fhir+json"


def refusal_response(refusal: RefusedError) -> FhirResponse:
    headers = {"cache-control": "no-store", **refusal.headers}
    return FhirResponse(refusal.outcome(), status_code=refusal.status, headers=headers)
